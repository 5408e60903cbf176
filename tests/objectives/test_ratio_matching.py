"""Ratio matching and the other rules of binary machines, by hand and by what they refuse."""

import pytest
import torch

from genlatent.components import build, describe
from genlatent.energy.dbm import DeepBoltzmannMachine
from genlatent.energy.general import GeneralBoltzmannMachine
from genlatent.energy.rbm import RBM
from genlatent.energy.units import Gaussian, Spin
from genlatent.errors import RecipeError, Unsupported
from genlatent.objectives.base import Batch
from genlatent.objectives.fast_weights import FastWeights
from genlatent.objectives.ratio_matching import RatioMatching
from genlatent.objectives.tempered import TemperedDivergence
from genlatent.objectives.trajectory import TrajectoryTempering
from tests.machines import rbm


@pytest.mark.parametrize("units", [None, Spin])
def test_ratio_matching_flips_each_site(units, device):
    model = rbm(5, 3, visible_units=units and units()).to(device)
    low, high = model.units["visible"].values
    x = torch.where(torch.rand(7, 5, device=device) < 0.4, low, high)
    expected = torch.zeros(7, device=device)
    for i in range(5):
        flipped = x.clone()
        flipped[:, i] = low + high - x[:, i]
        p, q = (model.log_prob(v).exp().float().detach() for v in (x, flipped))
        expected += (q / (p + q)).square()
    torch.testing.assert_close(RatioMatching().validate(model, Batch(x))["loss"], expected)
    torch.testing.assert_close(RatioMatching()(model, Batch(x), {}).value, expected.mean())
    some = torch.stack([RatioMatching(sites=2)(model, Batch(x), {}).value.detach() for _ in range(400)])
    assert abs(float(some.mean() - expected.mean())) < 4.5 * float(some.std()) / 20


def test_units_of_other_values_are_refused(device):
    with pytest.raises(Unsupported, match="Gaussian units"):
        RatioMatching().init(RBM(3, 2, visible_units=Gaussian()).to(device), torch.zeros(2, 3, device=device))


@pytest.mark.parametrize("make", [lambda: DeepBoltzmannMachine(4, (3, 2)), lambda: GeneralBoltzmannMachine(4, 3)])
def test_machines_without_a_free_energy_are_refused(make, device):
    with pytest.raises(Unsupported, match="by mean field only"):
        RatioMatching().init(make(), torch.zeros(2, 4, device=device))


def test_fast_weights_follow_the_gradient_and_decay(device):
    model = rbm().to(device)
    rule = FastWeights(rate=0.1, decay=0.5, chains=20)
    x = (torch.rand(30, 6, device=device) < 0.3).float()
    state = rule.init(model, x)
    assert not any(state[name].any() for name in state if name.startswith("fast_"))
    loss = rule(model, Batch(x), state)
    gradients = torch.autograd.grad(loss.value, list(model.parameters()))
    for (name, _), gradient in zip(model.named_parameters(), gradients):
        torch.testing.assert_close(loss.state[f"fast_{name}"], -0.1 * gradient)
    again = rule(model, Batch(x), loss.state)
    gradients = torch.autograd.grad(again.value, list(model.parameters()))
    for (name, _), gradient in zip(model.named_parameters(), gradients):
        torch.testing.assert_close(again.state[f"fast_{name}"], 0.5 * loss.state[f"fast_{name}"] - 0.1 * gradient)


def test_chains_are_driven_by_the_fast_weights(device):
    model = rbm().to(device)
    x = (torch.rand(30, 6, device=device) < 0.3).float()
    state = FastWeights(chains=200).init(model, x)
    state["fast_visible_bias"] = torch.full((6,), 100.0, device=device)
    assert bool((FastWeights(chains=200)(model, Batch(x), state).state["chains"] == 1).all())


def test_every_replica_moves_and_only_the_coldest_counts(device):
    model = rbm().to(device)
    x = (torch.rand(30, 6, device=device) < 0.3).float()
    rule = TemperedDivergence(ladder=4, chains=25)
    state = rule.init(model, x)
    assert state["chains"].shape == (25, 4, 6)
    loss = rule(model, Batch(x), state)
    gap = model.free_energy(x).mean() - model.free_energy(loss.state["chains"][:, -1]).mean()
    torch.testing.assert_close(loss.value, gap)
    assert bool((loss.state["parity"] == 1).all())
    assert rule.init(model, x, 0.2)["chains"].shape == (5, 4, 6)


RULES = [
    FastWeights(rate=0.1),
    TemperedDivergence(ladder=(1.0, 0.5, 0.0)),
    TrajectoryTempering(target=0.3),
    RatioMatching(2),
]


@pytest.mark.parametrize("rule", RULES)
def test_described_and_rebuilt(rule):
    assert describe(build(describe(rule), "objective")) == describe(rule)


@pytest.mark.parametrize(
    "make",
    [
        lambda: FastWeights(rate=-1.0),
        lambda: FastWeights(decay=1.0),
        lambda: TemperedDivergence(ladder=(0.0, 0.5)),
        lambda: TemperedDivergence(path="up"),
        lambda: RatioMatching(sites=0),
    ],
)
def test_bad_input(make):
    with pytest.raises(RecipeError):
        make()
