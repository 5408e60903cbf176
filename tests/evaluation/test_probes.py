"""Probes: perfect where the class is in the code, at chance where it is not."""

import pytest
import torch

from genlatent import RBM, VAE, VQVAE, Autoencoder, DeepBeliefNet, FineTune, LadderVAE, load_data
from genlatent.data.dataset import Dataset, Splits
from genlatent.errors import DataError, RecipeError
from genlatent.evaluation.classification import wilson
from genlatent.evaluation.codes import Part
from genlatent.evaluation.probes import KNNProbe, LinearProbe, balanced, label_efficiency
from genlatent.model import Model

PROBES = {"linear": LinearProbe, "neighbours": KNNProbe}


def told(rows=200, spread=0.01, classes=3, seed=0):
    """Codes that lie about the corner of their class."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(rows) % classes
    noise = torch.randn(rows, classes, generator=generator)
    return Part(torch.eye(classes)[labels] + spread * noise, labels)


@pytest.mark.parametrize("probe", PROBES)
def test_classes_that_lie_apart_are_told_without_error(probe, device):
    train, test = (Part(*(t.to(device) for t in told(seed=seed))) for seed in (0, 1))
    assert torch.equal(PROBES[probe]().fit(train, train).predict(test.codes), test.labels)


@pytest.mark.parametrize("probe", PROBES)
def test_noise_says_nothing_of_the_class(probe):
    noise = Part(torch.randn(400, 5), torch.arange(400) % 2)
    test = torch.randn(2000, 5)
    hits = int((PROBES[probe]().fit(noise, noise).predict(test) == torch.arange(2000) % 2).sum())
    assert abs(hits - 1000) < 4.3 * 500**0.5, "further off than guessing comes once in 50 000 times"


def test_neighbours_tell_what_no_line_can():
    x = torch.rand(600, 2, generator=torch.Generator().manual_seed(0)) - 0.5
    part = Part(x, (x.prod(1) > 0).long())
    train, test = Part(part.codes[:400], part.labels[:400]), Part(part.codes[400:], part.labels[400:])
    accuracy = {
        name: float((probe().fit(train, test).predict(test.codes) == test.labels).double().mean())
        for name, probe in PROBES.items()
    }
    assert accuracy["neighbours"] > 0.9
    assert accuracy["linear"] < 0.7


def test_the_setting_is_chosen_on_the_validation_part():
    """The class is in the first value; the second separates the training rows alone, and only when leant upon."""
    train = Part(torch.tensor([[-1.0, 0.1], [1.0, -0.1], [-1.0, 0.1], [1.0, -0.1]]), torch.tensor([0, 1, 0, 1]))
    valid = Part(torch.tensor([[-1.0, -9.0], [1.0, 9.0]]), torch.tensor([0, 1]))
    best = LinearProbe().fit(train, valid)
    assert torch.equal(best.predict(valid.codes), valid.labels)
    lonely = Part(torch.tensor([[0.0], [0.1], [0.2], [0.05]]), torch.tensor([0, 0, 0, 1]))
    assert KNNProbe((1, 4)).fit(lonely, Part(torch.tensor([[0.05]]), torch.tensor([0]))).chosen == 4
    assert KNNProbe((1, 4)).fit(lonely, Part(torch.tensor([[0.05]]), torch.tensor([1]))).chosen == 1


def test_few_labels_hold_every_class_and_lie_within_more():
    labels = load_data("digits").labels.train
    order = balanced(labels, seed=3)
    assert len(labels[order[:10]].unique()) == 10
    assert labels[order[:100]].bincount().tolist() == [10] * 10
    assert torch.equal(order.sort().values, torch.arange(len(labels)))
    assert not torch.equal(order, balanced(labels, seed=4))


class Label(Model):
    """Its code is the one-hot class, which it reads in the first value of the row."""

    event_shape = torch.Size([2])

    def encode(self, x):
        return torch.nn.functional.one_hot(x[:, 0].long(), 3).float()


def classes(useful=True):
    def part(n):
        y = torch.arange(n) % 3
        return torch.stack([y.float() if useful else torch.zeros(n), torch.randn(n)], 1), y

    (a, b, c), labels = zip(*(part(n) for n in (90, 30, 300)))
    return Dataset(a, b, c, torch.Size([2]), "real", "classes", labels=Splits(*labels))


def test_a_code_that_is_the_class_needs_a_label_of_each():
    found = label_efficiency(Label(), classes(), (3, 30, 1000, None))
    assert [(point.labels, point.probe) for point in found] == [
        (count, probe) for count in (3, 30, 90) for probe in ("linear probe", "nearest neighbours")
    ]
    assert all(point.record.value == 1 for point in found)
    assert found[0].record.interval == wilson(300, 300)
    assert "chosen on 3 validation rows" in found[0].record.method


def test_a_code_that_says_nothing_leaves_chance():
    for point in label_efficiency(Label(), classes(useful=False), (30,)):
        assert point.record.value == pytest.approx(1 / 3)


MODELS = {
    "autoencoder": lambda: Autoencoder((1, 8, 8), latent=8),
    "rbm": lambda: RBM((1, 8, 8), 8),
    "vae": lambda: VAE((1, 8, 8), latent=8),
    "ladder vae": lambda: LadderVAE((1, 8, 8), latents=(8, 4), features=32),
    "vq-vae": lambda: VQVAE((1, 8, 8), codes=(2, 2), codebook=16, embedding=4),
    "dbn": lambda: DeepBeliefNet((1, 8, 8), (12, 8)),
}


@pytest.mark.parametrize("name", MODELS)
def test_every_model_that_encodes_is_probed(name):
    model = MODELS[name]()
    model.prepare(load_data("digits").train)
    found = label_efficiency(model, load_data("digits", binarise="dynamic"), (10, 100))
    assert len(found) == 4
    assert all(0 <= point.record.value <= 1 and point.record.verdict == "ok" for point in found)


def test_a_model_that_was_told_labels_is_marked():
    model = FineTune(Autoencoder((1, 8, 8), latent=8), 10)
    record = label_efficiency(model, load_data("digits"), (10,))[0].record
    assert record.verdict == "doubtful"
    assert "learned from labels itself" in record.reason


def test_bad_input():
    with pytest.raises(RecipeError, match="strengths must be above 0"):
        LinearProbe((0.0, 1.0))
    with pytest.raises(RecipeError, match="neighbours must be at least 1"):
        KNNProbe(())
    with pytest.raises(RecipeError, match="counts of labels must be at least 2"):
        label_efficiency(Label(), classes(), (1,))
    one = Part(torch.zeros(4, 2), torch.zeros(4, dtype=torch.long))
    with pytest.raises(DataError, match="at least two classes"):
        LinearProbe().fit(one, one)
