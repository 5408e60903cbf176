"""A semi-supervised model on the codes of another one."""

import pyro
import pytest
import torch
from pyro.infer import TraceEnum_ELBO

from genlatent import fit, load_data
from genlatent.data.corruptions import Masking
from genlatent.distributions.likelihoods import Gaussian
from genlatent.errors import DataError, RecipeError
from genlatent.latent.semi_supervised import SemiSupervisedVAE
from genlatent.latent.stacked import StackedVAE
from genlatent.latent.vae import VAE
from genlatent.networks.mlp import MLP
from genlatent.objectives.base import Batch
from genlatent.objectives.semi_supervised import SemiSupervisedELBO
from genlatent.objectives.stacked import Asked, StackedELBO
from genlatent.training.optimizer import Optimizer
from genlatent.training.step import Rows, Step


def stack(device, event_shape=(6,), classes=3, codes=4, hidden=8):
    first = VAE(event_shape, latent=codes, encoder=MLP((hidden,)), decoder=MLP((hidden,)))
    networks = {name: MLP((hidden,)) for name in ("encoder", "decoder", "classifier")}
    likelihood = Gaussian("per-output")
    second = SemiSupervisedVAE(codes, classes, latent=2, likelihood=likelihood, label_names=("digit",), **networks)
    return StackedVAE(first, second).to(device)


@pytest.fixture
def model(device):
    return stack(device).double()


@pytest.fixture
def x(device):
    return (torch.rand(5, 6, device=device) < 0.5).double()


def test_its_bound_is_that_of_pyros_own_enumeration(model, x):
    y = torch.tensor([0, 2, -1, -1, -1], device=x.device)
    for labels in (None, y):
        torch.manual_seed(1)
        with pyro.get_param_store().scope():
            theirs = TraceEnum_ELBO(max_plate_nesting=1).differentiable_loss(model.model, model.guide, x, labels)
        torch.manual_seed(1)
        ours = SemiSupervisedELBO(analytic=False)(model, Batch(x, labels), {}).value * len(x)
        torch.testing.assert_close(ours, theirs, atol=1e-9, rtol=0)


@pytest.mark.parametrize(("progress", "moving"), [(0.0, "first"), (0.9, "second")])
def test_one_model_learns_at_a_time(model, x, progress, moving):
    y = torch.tensor([0, 2, -1, -1, -1], device=x.device)
    loss = StackedELBO(first=0.5)(model, Batch(x, y, torch.tensor(progress, device=x.device)), {})
    names, parameters = zip(*model.named_parameters())
    gradients = torch.autograd.grad(loss.value, parameters, allow_unused=True)
    moved = {name.split(".")[0] for name, g in zip(names, gradients) if g is not None and bool((g != 0).any())}
    assert moved == {moving}


def test_a_trained_lower_model_rests(device):
    data = load_data("digits", binarise="threshold", num_labels=100).to(device)
    model = stack(device, data.shape, 10)
    fit(model.first, data, steps=3)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    fit(model, data, steps=3, objective=StackedELBO(first=0), optimizer=Optimizer("adamw", 1e-2, weight_decay=0.1))
    moved = {name.split(".")[0] for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert moved == {"second"}


def turned(x):
    """A corruption whose outcome is known."""
    return x.flip(-1)


def test_the_upper_model_learns_codes_of_corrupted_rows(model, x, device):
    y = torch.tensor([0, 2, -1, -1, -1], device=device)

    def found(rows, progress=0.9, first=0.5):
        torch.manual_seed(2)
        return StackedELBO(first=first)(model, Batch(rows, y, torch.tensor(progress, device=device)), {})

    plain, there = found(x, first=0.0), found(turned(x), first=0.0)
    lower = found(x, progress=0.0).value
    model.corruption = turned
    assert found(x, first=0.0).metrics == there.metrics != plain.metrics
    torch.testing.assert_close(found(x, first=0.0).value, there.value)
    torch.testing.assert_close(found(x, progress=0.0).value, lower)  # the lower model learns rows as they are
    model.eval()
    torch.testing.assert_close(found(x, first=0.0).value, plain.value)


def test_predictions_are_asked_about_rows_and_the_lower_model_still_rests(model, x, device):
    """The change that moves a prediction most is one of x: found through the code, of the length asked for there."""
    asking = Asked(model, learns=False)
    (slope,) = torch.autograd.grad(asking.uncorrupted_logits(rows := x.clone().requires_grad_()).sum(), rows)
    assert slope.abs().sum() > 0
    model.corruption = Masking(0.3)
    y = torch.tensor([0, 2, -1, -1, -1], device=device)
    asked = StackedELBO(first=0.5, consistency=1.0, adversarial=1.0, length=0.5)
    loss = asked(model, Batch(x, y, torch.tensor(0.9, device=device)), {})
    assert min(loss.metrics[name] for name in ("consistency", "adversarial")) > 0
    names, parameters = zip(*model.named_parameters())
    gradients = torch.autograd.grad(loss.value, parameters, allow_unused=True)
    moved = {name.split(".")[0] for name, g in zip(names, gradients) if g is not None and bool((g != 0).any())}
    assert moved == {"second"}


def test_together_both_learn_the_bound_that_pyro_enumerates(model, x, device):
    """The value and its slopes are those of the stack as one model, which has no site for the classification term."""
    model.second.classification = 0.0
    y = torch.tensor([0, 2, -1, -1, -1], device=device)
    names, parameters = zip(*model.named_parameters())
    torch.manual_seed(1)
    ours = StackedELBO(first=0, together=True, analytic=False)(model, Batch(x, y), {}).value
    torch.manual_seed(1)
    with pyro.get_param_store().scope():
        theirs = TraceEnum_ELBO(max_plate_nesting=1).differentiable_loss(model.model, model.guide, x, y) / len(x)
    torch.testing.assert_close(ours, theirs, atol=1e-9, rtol=0)
    found, expected = (torch.autograd.grad(value, parameters, allow_unused=True) for value in (ours, theirs))
    assert {name.split(".")[0] for name, g in zip(names, found) if g is not None} == {"first", "second"}
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(("progress", "moving"), [(0.0, {"first"}), (0.9, {"first", "second"})])
def test_together_the_lower_model_begins_alone(model, x, device, progress, moving):
    y = torch.tensor([0, 2, -1, -1, -1], device=device)
    asked = StackedELBO(first=0.5, together=True, consistency=1.0, adversarial=1.0)
    loss = asked(model, Batch(x, y, torch.tensor(progress, device=device)), {})
    names, parameters = zip(*model.named_parameters())
    gradients = torch.autograd.grad(loss.value, parameters, allow_unused=True)
    assert {name.split(".")[0] for name, g in zip(names, gradients) if g is not None and bool((g != 0).any())} == moving


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("first", [0.0, 0.5])
def test_traced_it_asks_the_same(model, x, device, first, together):
    model.corruption = Masking(0.3)
    rows = Rows(x, torch.tensor([0, 2, -1, -1, -1], device=device), torch.arange(5, device=device))
    objective, found = StackedELBO(first, together, consistency=1.0, balance=1.0, adversarial=1.0), []
    for mode in ("eager", "traced"):
        progress, draws = torch.full((), 0.9, device=device), torch.Generator(device).manual_seed(1)
        found.append(Step(model, objective, mode=mode)(rows, progress, {}, draws))
    eager, traced = found
    torch.testing.assert_close(eager.value, traced.value)
    for name, gradient in eager.gradients.items():
        torch.testing.assert_close(gradient, traced.gradients[name])


def test_training_metric_is_the_bound_of_the_whole_stack(model, x, device):
    found, expected = [], []
    for seed in range(60):
        torch.manual_seed(seed)
        found.append(StackedELBO()(model, Batch(x, None, torch.tensor(0.0, device=device)), {}).metrics["loss"])
        expected.append(SemiSupervisedELBO().validate(model, Batch(x))["loss"].mean())
    found, expected = torch.stack(found), torch.stack(expected)
    assert (found.mean() - expected.mean()).abs() < 5 * ((found.var() + expected.var()) / 60).sqrt()


def test_it_names_classes_and_moves_styles(device):
    model = stack(device, (1, 8, 8), 10)
    x = torch.zeros(3, 1, 8, 8, device=device)
    assert model.predict_proba(x).shape == (3, 10)
    assert model.transfer_style(x).shape == (3, 10, 1, 8, 8)
    assert model.sample(3, given={"digit": 4}).shape == (3, 1, 8, 8)
    assert model.sample(3, given={"z_2": torch.zeros(3, 2, device=device), "y": [1, 2, 3]}).shape == (3, 1, 8, 8)
    with pytest.raises(DataError, match="2 rows for 3 draws"):
        model.sample(3, given={"z_2": torch.zeros(2, 2, device=device)})


def test_both_learn_in_one_fit(device):
    data = load_data("digits", binarise="threshold", num_labels=100).to(device)
    model = stack(device, data.shape, 10, codes=8, hidden=64)
    objective, optimizer = StackedELBO(first=0.6), Optimizer("adam", 5e-3)
    history = fit(model, data, objective=objective, epochs=20, batch_size=100, labelled=20, optimizer=optimizer)
    assert history.column("valid/loss")[-1] < history.column("valid/loss")[0]
    assert history.column("valid/accuracy")[-1] > history.column("valid/accuracy")[0] + 0.1


def test_parts_that_do_not_fit_are_refused():
    with pytest.raises(RecipeError, match=r"codes of shape \(3,\), the second takes rows of shape \(4,\)"):
        StackedVAE(VAE((6,), latent=3), SemiSupervisedVAE(4, 3, likelihood=Gaussian()))
    with pytest.raises(RecipeError, match="codes are real numbers, the second model takes binary"):
        StackedVAE(VAE((6,), latent=4), SemiSupervisedVAE(4, 3))


def test_all_labels_missing_is_refused(device):
    data = load_data("digits", binarise="threshold").to(device)
    data.labels.train.fill_(-1)
    with pytest.raises(DataError, match="all are missing"):
        fit(stack(device, data.shape, 10), data, steps=1)
