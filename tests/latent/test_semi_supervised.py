"""M2: the sum over classes by hand, in Pyro's own inference, and on digits of which few are labelled."""

import copy

import pyro
import pytest
import torch
from pyro.infer import SVI, TraceEnum_ELBO

from genlatent import fit, load_data
from genlatent.distributions.likelihoods import Bernoulli, Gaussian
from genlatent.errors import DataError, RecipeError
from genlatent.latent.semi_supervised import SemiSupervisedVAE
from genlatent.networks.mlp import MLP
from genlatent.objectives.base import Batch, Labelled
from genlatent.objectives.semi_supervised import SemiSupervisedELBO
from genlatent.training.optimizer import Optimizer
from genlatent.training.step import Rows, Step

CLASSES, ALPHA = 3, 0.7


@pytest.fixture
def tiny(device):
    """A model of 5 bits whose style hardly varies, so that its draws do not matter."""
    made = SemiSupervisedVAE(
        (5,),
        CLASSES,
        latent=2,
        encoder=MLP((4,)),
        decoder=MLP((4,)),
        classifier=MLP((4,)),
        classification=ALPHA,
        class_prior=(0.2, 0.5, 0.3),
    ).double()
    with torch.no_grad():
        made.encoder.layers[-2].bias[2:] = -80.0  # log variances
        made.encoder.layers[-2].weight[2:] = 0.0
    return made.to(device)


@pytest.fixture
def x(device):
    return (torch.rand(7, 5, device=device) < 0.4).double()


@pytest.fixture
def y(device):
    return torch.tensor([2, 0, 1, -1, -1, -1, -1], device=device)


def joint(model, x, y):
    """L(x, y), from the formula alone."""
    y = torch.full((len(x),), y, device=x.device) if isinstance(y, int) else y
    first = model.encoder.layers[0](x) + model.encoder_condition.weight[y]
    mean, log_variance = model.encoder.layers[2](first.relu()).chunk(2, -1)
    kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(-1)
    hidden = model.decoder.layers[0](mean) + model.decoder_condition.weight[y]
    logits = model.decoder.layers[2](hidden.relu())
    log_p = torch.distributions.Bernoulli(logits=logits).log_prob(x).sum(-1)
    return -log_p - model.log_class_prior.log_softmax(0)[y] + kl


def seed(x):
    return torch.Generator(x.device).manual_seed(3)


def marginal(model, x):
    """The bound on log p(x), a sum over classes by hand."""
    log_q = model.classifier(x).log_softmax(-1)
    return sum(log_q[:, c].exp() * (joint(model, x, c) + log_q[:, c]) for c in range(CLASSES))


def objective_by_hand(model, x, y, weight=1.0):
    known = y >= 0
    bound = torch.cat([weight * joint(model, x[known], y[known]), marginal(model, x[~known])])
    entropy = -model.classifier(x[known]).log_softmax(-1).gather(1, y[known][:, None]).mean()
    return bound.sum() / (weight * known.sum() + (~known).sum()) + ALPHA * entropy


def test_unlabelled_bound_is_the_sum_over_classes(tiny, x):
    found = SemiSupervisedELBO().validate(tiny, Batch(x))["loss"]
    torch.testing.assert_close(found, marginal(tiny, x).detach(), atol=1e-9, rtol=0)


@pytest.mark.parametrize("share", [None, Labelled(3, 1.0), Labelled(3, 0.25)])
def test_a_mixed_batch_costs_what_the_formula_says(tiny, x, y, share):
    found = SemiSupervisedELBO()(tiny, Batch(x, y, labelled=share), {})
    expected = objective_by_hand(tiny, x, y, share.weight if share else 1.0)
    torch.testing.assert_close(found.value, expected, atol=1e-9, rtol=0)
    mine = torch.autograd.grad(found.value, list(tiny.parameters()))
    for ours, theirs in zip(mine, torch.autograd.grad(expected, list(tiny.parameters()))):
        torch.testing.assert_close(ours, theirs, atol=1e-8, rtol=0)


def test_it_is_the_bound_of_pyros_own_enumeration(tiny, x, y):
    for labels in (None, y, y.clamp(min=0)):
        with pyro.get_param_store().scope():
            torch.manual_seed(1)
            theirs = TraceEnum_ELBO(max_plate_nesting=1).differentiable_loss(tiny.model, tiny.guide, x, labels)
        torch.manual_seed(1)
        ours = SemiSupervisedELBO(analytic=False)(tiny, Batch(x, labels), {}).value * len(x)
        torch.testing.assert_close(ours, theirs, atol=1e-8, rtol=0)


def test_plain_svi_trains_every_parameter(tiny, x, y):
    before = copy.deepcopy(tiny.state_dict())
    with pyro.get_param_store().scope():
        svi = SVI(tiny.model, tiny.guide, pyro.optim.Adam({"lr": 0.01}), TraceEnum_ELBO(max_plate_nesting=1))
        for _ in range(2):
            svi.step(x, y)
    assert all(not torch.equal(before[name], value) for name, value in tiny.named_parameters())


@pytest.mark.parametrize("share", [None, Labelled(3, 0.25)])
def test_traced_it_gives_the_same(tiny, x, y, share):
    rows = Rows(x, y, torch.arange(7, device=x.device), share)
    outcomes = []
    for mode in ("eager", "traced"):
        step = Step(tiny, SemiSupervisedELBO(), mode=mode)
        outcomes.append(step(rows, torch.zeros((), device=x.device), {}, torch.Generator(x.device).manual_seed(1)))
        assert step.mode == mode
    assert torch.equal(outcomes[0].value, outcomes[1].value)
    for name, gradient in outcomes[0].gradients.items():
        torch.testing.assert_close(gradient, outcomes[1].gradients[name])


def test_scores_sum_over_classes(tiny, x, y):
    """log p(x) is the log of the sum of p(x, y), draw by draw."""
    weights = [tiny.log_weights(x, 3, seed(x)), tiny.log_weights(x, 3, seed(x), y=y)]
    each = [tiny.log_weights(x, 3, seed(x), y=torch.full_like(y, c)) for c in range(CLASSES)]
    torch.testing.assert_close(weights[0], torch.stack(each).logsumexp(0), atol=1e-12, rtol=0)
    assert torch.equal(weights[1][:, 3:], weights[0][:, 3:])
    torch.testing.assert_close(weights[1][:, 0], each[2][:, 0])


def test_predictions_are_the_classifiers(tiny, x):
    torch.testing.assert_close(tiny.predict_proba(x), tiny.classifier(x).softmax(-1).detach())
    assert torch.equal(tiny.predict(x), tiny.classifier(x).argmax(-1))


def test_style_is_kept_while_the_class_changes(tiny, x):
    z = tiny.encode(x)
    moved = tiny.transfer_style(x)
    assert moved.shape == (7, CLASSES, 5)
    for label in range(CLASSES):
        y = torch.full((7,), label, device=x.device)
        torch.testing.assert_close(moved[:, label], tiny.decode(z, y))
    prior = tiny.log_class_prior.exp()
    torch.testing.assert_close(tiny.decode(z), (moved * prior[:, None]).sum(1))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"y": 3}, "label 3 in row 0 is none of the 3 declared classes 0 to 2"),
        ({"y": [0, 1, -1]}, "label -1 in row 2"),
        ({"y": [0, 1]}, "2 rows for 3 draws"),
        ({"y": 0.5}, "fractions"),
        ({"y": "three"}, "give class numbers"),
    ],
)
def test_bad_labels_are_refused(tiny, given, message):
    with pytest.raises(DataError, match=message):
        tiny.sample(3, given=given)


def test_labels_may_be_called_by_the_names_of_the_data(device):
    model = SemiSupervisedVAE((5,), 3, latent=2, label_names=("digit",)).to(device)
    draws = [
        model.sample(4, given={name: 2}, generator=torch.Generator(device).manual_seed(0)) for name in ("y", "digit")
    ]
    assert torch.equal(*draws)
    with pytest.raises(RecipeError, match=r"'kind'; it knows: z, y, label, digit"):
        model.sample(4, given={"kind": 2})


def test_data_that_teach_no_class_are_refused(device):
    data = load_data("digits", binarise="threshold", num_labels=20).to(device)
    data.labels.train.fill_(-1)
    with pytest.raises(DataError, match="all are missing; without any, use VAE"):
        fit(SemiSupervisedVAE(data.shape, 10).to(device), data, steps=1)
    data.labels.train[5] = 4
    with pytest.raises(DataError, match="none of the 3 declared classes 0 to 2"):
        fit(SemiSupervisedVAE(data.shape, 3).to(device), data, steps=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classification": -1.0}, "not be negative"),
        ({"class_prior": (0.5, 0.4)}, "sum to 1"),
        ({"classes": 1}, "least 2"),
    ],
)
def test_bad_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        SemiSupervisedVAE((5,), **({"classes": 2} | options), likelihood=Bernoulli())


@pytest.mark.slow
def test_a_hundred_labels_and_many_rows_beat_a_hundred_labels(device):
    """As the recipe digits-m2, shorter; the same classifier alone learns the labelled rows."""
    torch.manual_seed(0)
    data = load_data("digits", num_labels=100).to(device)
    networks = {name: MLP((128,)) for name in ("encoder", "decoder", "classifier")}
    model = SemiSupervisedVAE(data.shape, 10, 3, Gaussian("learned"), classification=10.0, **networks).to(device)
    optimizer = Optimizer("adam", 5e-3, schedule="linear")
    fit(model, data, steps=600, batch_size=100, labelled=20, optimizer=optimizer)
    hidden = data.labels.train < 0
    truth = load_data("digits").to(device)
    ours = accuracy(model.predict, truth, hidden)
    alone = accuracy(learned_alone(data), truth, hidden)
    assert ours > alone + 0.005
    assert float((model.predict(data.test) == data.labels.test).double().mean()) >= 0.9


def learned_alone(data):
    classifier = MLP((128,), inputs=data.shape, outputs=10).to(data.train.device)
    optimizer, known = torch.optim.Adam(classifier.parameters(), 2e-3), data.labels.train >= 0
    for _ in range(400):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(classifier(data.train[known]), data.labels.train[known]).backward()
        optimizer.step()
    return lambda x: classifier(x).argmax(-1)


def accuracy(predict, truth, rows):
    return float((predict(truth.train[rows]) == truth.labels.train[rows]).double().mean())
