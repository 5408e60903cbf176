"""Predictions for rows without a label: what they cost by hand, and that nothing changes where it is not asked for."""

import pytest
import torch
from torch import nn
from torch.distributions import Categorical, kl_divergence

from genlatent import fit, load_data
from genlatent.components import build, describe
from genlatent.data.corruptions import Corruption, GaussianNoise, Masking
from genlatent.distributions.likelihoods import Gaussian
from genlatent.errors import RecipeError
from genlatent.latent.semi_supervised import SemiSupervisedVAE
from genlatent.latent.stacked import StackedVAE
from genlatent.latent.vae import VAE
from genlatent.networks.mlp import MLP
from genlatent.objectives.agreement import disagreement, divergence, imbalance, worst_change
from genlatent.objectives.base import Batch, Labelled
from genlatent.objectives.semi_supervised import SemiSupervisedELBO
from genlatent.objectives.stacked import StackedELBO
from genlatent.training.step import Rows, Step

PRIOR = (0.2, 0.5, 0.3)
KAPPA, LAMBDA, NU = 2.0, 3.0, 4.0


class Turned(Corruption):
    """Leaves rows as they are, but turns their bits round at one look at them."""

    def __init__(self, look):
        self.look, self.seen = look, 0

    def __call__(self, x):
        self.seen += 1
        return 1 - x if self.seen == self.look else x


def m2(device, corruption=None, **classifier):
    made = SemiSupervisedVAE(
        (5,),
        3,
        latent=2,
        encoder=MLP((4,)),
        decoder=MLP((4,)),
        classifier=MLP((4,), **classifier),
        class_prior=PRIOR,
        corruption=corruption,
    )
    return made.double().to(device)


@pytest.fixture
def x(device):
    return (torch.rand(7, 5, device=device) < 0.4).double()


@pytest.fixture
def y(device):
    return torch.tensor([2, 0, 1, -1, -1, -1, -1], device=device)


def by_hand(model, x):
    """Both costs of rows without a label, of which the second prediction is for the bits turned round."""
    one, other = (Categorical(logits=model.classifier(rows)) for rows in (x, 1 - x))
    agreed = (kl_divergence(one, other) + kl_divergence(other, one)).mean() / 2
    mean = Categorical(probs=one.probs.mean(0))
    return agreed, kl_divergence(mean, Categorical(probs=torch.tensor(PRIOR, dtype=x.dtype, device=x.device)))


def value(model, x, y, share, **options):
    torch.manual_seed(0)
    return SemiSupervisedELBO(**options)(model, Batch(x, y, labelled=share), {})


@pytest.mark.parametrize(("share", "look"), [(None, 3), (Labelled(3, 0.25), 4)])
@pytest.mark.parametrize("options", [{}, {"top": 2}, {"particles": 2}])
def test_both_cost_what_their_formulas_say(device, x, y, share, look, options):
    """The last look at a row, after those of the guide and of the labels, is the one that it is compared with."""
    model = m2(device, Turned(look))
    plain = value(model, x, y, share, **options)
    model.corruption.seen = 0
    asked = value(model, x, y, share, consistency=KAPPA, balance=LAMBDA, **options)
    agreed, balanced = by_hand(model, x[3:])
    torch.testing.assert_close(asked.metrics["consistency"], agreed.detach())
    torch.testing.assert_close(asked.metrics["balance"], balanced.detach())
    costs = (asked.value - plain.value, KAPPA * agreed + LAMBDA * balanced)
    torch.testing.assert_close(*costs)
    for pair in zip(*(torch.autograd.grad(cost, list(model.classifier.parameters())) for cost in costs)):
        torch.testing.assert_close(*pair)


@pytest.mark.parametrize("share", [None, Labelled(3, 0.25)])
def test_with_weights_of_nothing_the_objective_is_what_it_was(device, x, y, share):
    model = m2(device, Masking(0.3))
    bare = value(model, x, y, share)
    none = value(model, x, y, share, consistency=0.0, balance=0.0)
    assert torch.equal(bare.value, none.value)
    assert bare.metrics.keys() == none.metrics.keys() == {"loss", "kl", "reconstruction", "classification"}


def test_rows_with_a_label_are_not_asked(device, x):
    found = value(
        m2(device, Masking(0.3)),
        x,
        torch.zeros(7, dtype=torch.long, device=device),
        None,
        **{"consistency": 1.0, "balance": 1.0},
    )
    assert found.metrics["consistency"] == found.metrics["balance"] == 0
    assert found.value.isfinite()


def test_without_any_label_all_rows_are(device, x):
    model = m2(device, Turned(2))
    found = value(model, x, None, None, consistency=1.0, balance=1.0)
    agreed, balanced = by_hand(model, x)
    torch.testing.assert_close(found.metrics["consistency"], agreed.detach())
    torch.testing.assert_close(found.metrics["balance"], balanced.detach())


def test_the_worst_change_is_the_longest_axis_of_the_divergence(device):
    """Of two classes the divergence is a square form of rank one, so that one turn of the power method is exact."""
    layer = nn.Linear(5, 2).double().to(device)
    x = torch.rand(3, 5, dtype=torch.double, device=device)
    axis = (layer.weight[0] - layer.weight[1]).detach()
    changed = worst_change(layer, x, 2.0)
    assert not changed.requires_grad
    torch.testing.assert_close(changed.norm(dim=1), torch.full_like(changed[:, 0], 2.0))
    torch.testing.assert_close((changed @ axis / (2.0 * axis.norm())).abs(), torch.ones_like(changed[:, 0]))


def test_the_worst_change_moves_predictions_further_than_most(device):
    net = MLP((20,), "tanh", inputs=(30,), outputs=4).double().to(device)
    x = torch.randn(50, 30, dtype=torch.double, device=device)

    def moved(change):
        return divergence(net(x), net(x + change)).detach()

    worst = moved(worst_change(net, x, 0.5))
    others = torch.stack([moved(0.5 * nn.functional.normalize(torch.randn_like(x), dim=1)) for _ in range(20)])
    assert (worst > others).double().mean() > 0.95


def test_rows_where_nothing_changes_keep_a_finite_cost(device):
    flat = nn.Linear(5, 3).double().to(device)
    nn.init.zeros_(flat.weight)
    changed = worst_change(flat, torch.ones(2, 5, dtype=torch.double, device=device), 1.0)
    assert not changed.any()


@pytest.mark.parametrize("share", [None, Labelled(3, 0.25)])
def test_the_adversarial_cost_is_that_of_the_worst_change(device, x, y, share):
    """With two classes and a linear classifier both signs of the worst change are known; each row pays for one."""
    model = SemiSupervisedVAE((5,), 2, latent=2, encoder=MLP((4,)), decoder=MLP((4,)), classifier=MLP(()))
    model = model.double().to(device)
    y = y.clamp(max=1)
    found = value(model, x, y, share, adversarial=3.0, length=0.7)
    plain = value(model, x, y, share)
    weight = model.classifier.output_layer().weight
    step = 0.7 * (weight[0] - weight[1]) / (weight[0] - weight[1]).norm()
    both = torch.stack([divergence(model.classifier(x[3:]), model.classifier(x[3:] + s * step)) for s in (1, -1)])
    cost = found.metrics["adversarial"]
    assert both.min(0).values.mean() - 1e-9 <= cost <= both.max(0).values.mean() + 1e-9
    torch.testing.assert_close(found.value - plain.value, 3.0 * cost)


@pytest.mark.parametrize("share", [None, Labelled(3, 0.25)])
def test_the_adversarial_cost_is_the_same_traced(device, x, y, share):
    rows = Rows(x, y, torch.arange(7, device=device), share)
    model, found = m2(device, Masking(0.3), normalise="batch"), []
    for mode in ("eager", "traced"):
        step = Step(model, SemiSupervisedELBO(top=2, adversarial=2.0), mode=mode)
        found.append(step(rows, torch.zeros((), device=device), {}, torch.Generator(device).manual_seed(1)))
    eager, traced = found
    assert eager.metrics["adversarial"] > 0
    for name, gradient in eager.gradients.items():
        torch.testing.assert_close(gradient, traced.gradients[name])


def test_certain_predictions_cost_finite_numbers():
    far = torch.tensor([[900.0, 0.0], [0.0, 900.0], [900.0, 0.0]], requires_grad=True)
    rows = torch.tensor([True, False, True])
    cost = imbalance(far, rows, torch.tensor([0.75, 0.25]).log()) + disagreement(far, far.flip(1))[rows].mean()
    assert float(cost.detach()) == pytest.approx(-torch.tensor(0.75).log().item() + 900)
    (slope,) = torch.autograd.grad(cost, far)
    assert slope.isfinite().all()


@pytest.mark.parametrize("share", [None, Labelled(3, 0.25)])
def test_traced_it_gives_the_same(device, x, y, share):
    rows = Rows(x, y, torch.arange(7, device=device), share)
    model, found = m2(device, Masking(0.3), dropout=0.2, normalise="batch"), []
    for mode in ("eager", "traced"):
        step = Step(model, SemiSupervisedELBO(top=2, consistency=KAPPA, balance=LAMBDA), mode=mode)
        found.append(step(rows, torch.zeros((), device=device), {}, torch.Generator(device).manual_seed(1)))
        assert step.mode == mode
    eager, traced = found
    assert torch.equal(eager.value, traced.value)
    assert eager.metrics["consistency"] > 0
    for name, gradient in eager.gradients.items():
        torch.testing.assert_close(gradient, traced.gradients[name])


def test_predictions_that_cannot_differ_are_refused(device):
    data = load_data("digits", binarise="threshold", num_labels=50).to(device)
    objective = SemiSupervisedELBO(consistency=1.0)
    with pytest.raises(RecipeError, match="consistency compares predictions for two corruptions of a row, and this"):
        fit(SemiSupervisedVAE(data.shape).to(device), data, objective=objective, steps=1, mode="eager")
    for made in ({"corruption": Masking(0.2)}, {"classifier": MLP((5,), dropout=0.2)}, {"classifier": dropped()}):
        assert objective.init(SemiSupervisedVAE(data.shape, **made), data.train) == {}


def dropped():
    return nn.Sequential(nn.Flatten(), nn.Dropout(0.2), nn.Linear(64, 10))


def test_the_upper_model_of_a_stack_may_be_asked(device, x, y):
    above = SemiSupervisedVAE(3, 3, latent=2, likelihood=Gaussian(), corruption=GaussianNoise(0.3))
    model = StackedVAE(VAE((5,), latent=3), above).double().to(device)
    asked = StackedELBO(first=0.0, consistency=KAPPA, balance=LAMBDA, adversarial=NU, length=0.5)
    batch = Batch(x, y, torch.tensor(0.5, device=device), labelled=Labelled(3, 0.25))
    found = []
    for objective in (StackedELBO(first=0.0), asked):
        torch.manual_seed(0)
        found.append(objective(model, batch, {}))
    bare, whole = found
    weights = {"consistency": KAPPA, "balance": LAMBDA, "adversarial": NU}
    parts = {name: weight * whole.metrics[name] for name, weight in weights.items()}
    torch.testing.assert_close(whole.value, bare.value + sum(parts.values()))
    assert min(parts.values()) > 0


@pytest.mark.parametrize("name", ["consistency", "balance"])
def test_weights(name):
    for objective in (SemiSupervisedELBO, StackedELBO):
        made = objective(**{name: 2.0})
        assert repr(build(describe(made), "objective")) == repr(made)
        with pytest.raises(ValueError, match=f"{name} must not be negative, got -1.0"):
            objective(**{name: -1.0})
