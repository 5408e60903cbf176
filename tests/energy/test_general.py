import pytest
import torch

from genlatent import Dataset, fit
from genlatent.components import build, describe
from genlatent.energy.general import GeneralBoltzmannMachine
from genlatent.energy.masks import Edges, Lattice
from genlatent.energy.rbm import RBM
from genlatent.energy.units import Spin
from genlatent.objectives.contrastive import ContrastiveDivergence
from genlatent.objectives.exact import ExactLikelihood
from genlatent.training.optimizer import Optimizer
from tests.machines import Exact, skewed

WITHOUT = {"visible_visible": Edges([]), "hidden_hidden": Edges([])}


def machine(device, **kwargs):
    return skewed(GeneralBoltzmannMachine(4, 3, hidden_units=Spin(), **kwargs), 0.6).to(device)


def test_energy_is_the_definition_s(device):
    model = machine(device).double()
    v, h = Exact(model).states.values()
    theta = model.theta()
    W, L, J = (theta.couplings[pair] for pair in model.couplings)
    for i in range(0, len(v), 9):
        inner = v[i] @ W @ h[i] + v[i] @ L @ v[i] / 2 + h[i] @ J @ h[i] / 2
        expected = -inner - model.visible_bias @ v[i] - model.hidden_bias @ h[i]
        assert torch.isclose(model.energy({"visible": v[i], "hidden": h[i]}), expected)


def test_without_couplings_inside_it_is_an_rbm(device):
    model = machine(device, masks=WITHOUT).double()
    twin = RBM(4, 3, hidden_units=Spin()).to(device).double()
    with torch.no_grad():
        for name, parameter in twin.named_parameters():
            parameter.copy_(model.get_parameter(name))
    x = Exact(twin).marginal("visible")[0]
    assert torch.allclose(model.log_prob(x), twin.log_prob(x))
    assert torch.allclose(model.encode(x), twin.encode(x), atol=1e-6)
    assert torch.allclose(model.reconstruct(x), twin.reconstruct(x), atol=1e-6)
    assert torch.allclose(model.score(x), twin.score(x), atol=1e-6)


def test_score_bounds_the_log_probability_from_below(device):
    model = machine(device).double().requires_grad_(False)
    x, log_p = Exact(model).marginal("visible")
    assert bool((model.score(x) - model.log_partition_exact() <= log_p + 1e-9).all())


def test_described_and_rebuilt(device):
    model = GeneralBoltzmannMachine((2, 2), 3, masks={"visible_visible": Lattice((2, 2), periodic=False)}).to(device)
    again = build(describe(model)).to(device)
    assert describe(again) == describe(model)
    assert torch.equal(again.theta().masks["visible", "visible"], model.theta().masks["visible", "visible"])


@pytest.fixture(scope="module")
def data(device):
    """Exact draws from a machine that no fully visible one with these couplings could be."""
    source = skewed(GeneralBoltzmannMachine(4, 3), 1.5, seed=3).to(device)
    states, log_p = Exact(source).marginal("visible")
    rows = torch.multinomial(log_p.exp(), 2000, replacement=True, generator=torch.Generator(device).manual_seed(3))
    x = states[rows].float()
    return Dataset(x, x[:200], x[:200], torch.Size([4]), "binary", "drawn")


def learned(device, data, objective, optimizer, steps):
    torch.manual_seed(2)
    model = GeneralBoltzmannMachine(4, 2).to(device)
    fit(model, data, objective=objective, steps=steps, batch_size=500, optimizer=optimizer)
    return float(model.log_prob(data.train).mean().detach())


@pytest.fixture(scope="module")
def best(data, device):
    return learned(device, data, ExactLikelihood(), Optimizer("adam", learning_rate=0.05), 600)


@pytest.mark.slow
@pytest.mark.parametrize("positive", ["mean-field", "gibbs"])
def test_clamped_data_and_free_chains_come_near_maximum_likelihood(positive, data, best, device):
    objective = ContrastiveDivergence(steps=2, positive=positive)
    found = learned(device, data, objective, Optimizer("sgd", learning_rate=0.2, schedule="linear"), 1200)
    assert -0.001 < best - found < 0.05
