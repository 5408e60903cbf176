"""A softmax layer on an encoder: fresh, taken from a trained model, or frozen."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from genlatent import Autoencoder, fit, load, load_data, save
from genlatent.autoencoders.classifier import Classifier
from genlatent.data.corruptions import Masking
from genlatent.data.dataset import Splits
from genlatent.errors import DataError, RecipeError, Unsupported
from genlatent.networks.mlp import MLP
from genlatent.objectives.base import Batch
from genlatent.objectives.softmax import SoftmaxCrossEntropy


@pytest.fixture(scope="module")
def digits(device):
    return load_data("digits", binarise="threshold").to(device)


def test_the_loss_is_the_mean_cross_entropy_of_the_labelled_rows(digits, device):
    model, x, y = Classifier((1, 8, 8), 10).to(device), digits.test[:20], digits.labels.test[:20].clone()
    torch.nn.init.normal_(model.head.weight)
    y[3:9] = -1
    known = y >= 0
    expected = cross_entropy(model.logits(x)[known], y[known])
    loss = SoftmaxCrossEntropy()(model, Batch(x, y), {})
    assert torch.allclose(loss.value, expected)
    wrong = (model.predict(x)[known] != y[known]).float().mean()
    assert torch.allclose(loss.metrics["error"], wrong)
    rows = SoftmaxCrossEntropy().validate(model, Batch(x, y))
    assert torch.allclose(rows["loss"].sum() / known.sum(), expected)
    assert torch.equal(rows["loss"][3:9], torch.zeros(6, device=device))


@pytest.mark.parametrize("labels", [[0, 1, -1, -1], [-1, -1, -1, -1]])
def test_predictions_may_be_asked_to_hold_with_or_without_labels(device, labels):
    """Of two classes of a linear map both signs of the worst change are known; each row pays for one of them."""
    model = Classifier((3,), 2, encoder=torch.nn.Identity(), features=3, corruption=torch.zeros_like, dropout=0.5)
    model = model.double().to(device).train()
    torch.nn.init.normal_(model.head.weight)
    x, y = torch.rand(4, 3, dtype=torch.double, device=device), torch.tensor(labels, device=device)
    found = SoftmaxCrossEntropy(adversarial=3.0, length=0.5)(model, Batch(x, y), {})
    w = model.head.weight[0] - model.head.weight[1]
    before = model.head(x).log_softmax(-1)
    after = [model.head(x + sign * 0.5 * w / w.norm()).log_softmax(-1) for sign in (1, -1)]
    both = torch.stack([(before.exp() * (before - moved)).sum(1) for moved in after])
    cost = found.metrics["adversarial"]
    assert both.amin(0).mean() - 1e-9 <= cost <= both.amax(0).mean() + 1e-9
    known = y >= 0
    by_label = cross_entropy(model.head(torch.zeros_like(x))[known], y[known]) if known.any() else 0.0
    torch.testing.assert_close(found.value - 3.0 * cost, by_label + torch.zeros_like(cost))


def test_an_adversarial_cost_is_learned_and_needs_rows_as_they_are(digits, device):
    model = Classifier((1, 8, 8), 10, corruption=Masking(0.2)).to(device)
    history = fit(model, digits, objective=SoftmaxCrossEntropy(adversarial=1.0, length=0.5), epochs=5, mode="traced")
    assert history.column("adversarial")[-1] > 0
    with pytest.raises(Unsupported, match="adversarial asks for uncorrupted_logits"):
        SoftmaxCrossEntropy(adversarial=1.0).init(Autoencoder((3,), 2), digits.train)
    for bad, sentence in (({"adversarial": -1.0}, "adversarial must not be"), ({"length": 0.0}, "length must be")):
        with pytest.raises(ValueError, match=sentence):
            SoftmaxCrossEntropy(**bad)


def test_digits_are_told_apart(digits, device):
    model = Classifier((1, 8, 8), 10).to(device)
    history = fit(model, digits, epochs=15)
    assert history.column("valid/loss")[-1] < history.column("valid/loss")[0]
    assert (model.predict(digits.test) == digits.labels.test).float().mean() > 0.9
    assert torch.allclose(model.predict_proba(digits.test).sum(1), torch.ones(len(digits.test), device=device))


def test_a_frozen_encoder_stays_as_it_is(digits, device):
    trained = Autoencoder((1, 8, 8), latent=20).to(device)
    probe = Classifier((1, 8, 8), 10, trained.encoder, features=20, frozen=True).to(device)
    before = [p.clone() for p in trained.encoder.parameters()]
    head = probe.head.weight.clone()
    fit(probe, digits, steps=5)
    assert all(torch.equal(a, b) for a, b in zip(before, trained.encoder.parameters()))
    assert not torch.equal(head, probe.head.weight)


def test_saved_and_loaded_it_answers_the_same(digits, tmp_path, device):
    model = Classifier((1, 8, 8), 10, MLP((7,), "sigmoid"), features=5).to(device)
    fit(model, digits, steps=5)
    save(model, tmp_path / "model")
    found = load(tmp_path / "model").to(device)
    assert torch.equal(found.predict_proba(digits.test), model.predict_proba(digits.test))


def test_bad_input(digits, device):
    with pytest.raises(RecipeError, match="classes must be at least 2"):
        Classifier(4, 1)
    model = Classifier((1, 8, 8), 4).to(device)
    with pytest.raises(DataError, match="class 9 in the labels; this Classifier has 4 classes"):
        fit(model, digits, steps=1)
    with pytest.raises(DataError, match="these data have none"):
        model.check_labels(None)
    with pytest.raises(DataError, match="one class for each row"):
        model.check_labels(torch.zeros(4, 2, device=device))
    with pytest.raises(DataError, match="these data have none"):
        SoftmaxCrossEntropy()(model, Batch(digits.test), {})
    with pytest.raises(DataError, match="NaN"):
        model.predict(torch.full((1, 1, 8, 8), torch.nan, device=device))
    with pytest.raises(Unsupported, match="Classifier has no 'sample'"):
        model.sample(1)
    assert isinstance(digits.labels, Splits)


def test_features_are_left_out_while_classes_are_learned_and_at_no_other_time(device):
    """Of features that are all 1 each class sees its own: 0 with probability p, and 1 / (1 - p) otherwise."""
    model = Classifier((10,), classes=10, encoder=torch.nn.Identity(), features=10, dropout=0.25).to(device)
    torch.nn.init.eye_(model.head.weight)
    x = torch.ones(2000, 10, device=device)
    with torch.no_grad():
        seen = model.train().logits(x)
    torch.testing.assert_close(seen.unique(), torch.tensor([0.0, 4 / 3], device=device))
    assert abs(float((seen > 0).double().mean()) - 0.75) < 5 * (0.75 * 0.25 / seen.numel()) ** 0.5
    assert torch.equal(model.eval().logits(x), x)
    with pytest.raises(ValueError, match="dropout is a share of the units"):
        Classifier((10,), classes=10, dropout=1.0)
