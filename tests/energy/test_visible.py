import pytest
import torch

from genlatent import Dataset, fit
from genlatent.components import build, describe
from genlatent.energy.masks import Lattice
from genlatent.energy.units import Bernoulli, Categorical, Spin
from genlatent.energy.visible import FullyVisibleBoltzmannMachine
from genlatent.errors import DataError, RecipeError, Unsupported
from genlatent.objectives.exact import ExactLikelihood
from genlatent.training.optimizer import Optimizer
from tests.machines import Exact, skewed

UNITS = {"bernoulli": Bernoulli, "spin": Spin, "categorical": lambda: Categorical(3)}


def machine(device, kind="bernoulli", sites=5, scale=0.7, seed=1):
    unit = UNITS[kind]()
    sites = 3 if unit.width > 1 else sites
    return skewed(FullyVisibleBoltzmannMachine((sites, unit.width), unit), scale, seed).to(device)


@pytest.mark.parametrize("kind", UNITS)
def test_energy_is_the_definition_s(kind, device):
    model = machine(device, kind).double()
    s = Exact(model).states["visible"]
    for row, energy in zip(s, model.energy({"visible": s})):
        assert torch.isclose(energy, -row @ model.W @ row / 2 - model.b @ row)


@pytest.mark.parametrize("kind", UNITS)
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_log_partition_at_a_temperature(kind, temperature, device):
    model = machine(device, kind).double()
    s = Exact(model).states["visible"]
    energy = -((s @ model.W) * s).sum(1) / 2 - s @ model.b
    found = model.log_partition_exact(beta=1 / temperature)
    assert torch.isclose(found, (-energy / temperature).logsumexp(0))


@pytest.mark.parametrize("kind", UNITS)
def test_pseudo_likelihood_is_the_sum_of_exact_conditionals(kind, device):
    model = machine(device, kind).double()
    exact, width = Exact(model), model.visible_units.width
    s, p = exact.states["visible"], exact.probability
    expected = torch.zeros(len(s), dtype=torch.float64, device=device)
    for i in range(0, s.shape[1], width):
        others = torch.cat((s[:, :i], s[:, i + width :]), 1)
        _, group = torch.unique(others, dim=0, return_inverse=True)
        total = torch.zeros(int(group.max()) + 1, dtype=torch.float64, device=device).index_add(0, group, p)
        expected += (p / total[group]).log()
    assert torch.allclose(model.pseudo_likelihood(s.reshape(-1, *model.event_shape)), expected, atol=1e-10, rtol=0)


@pytest.mark.parametrize("kind", UNITS)
def test_gradient_of_the_likelihood_is_the_difference_of_correlations(kind, device):
    model = machine(device, kind).double()
    exact = Exact(model)
    x = exact.states["visible"][:: max(len(exact.energy) // 7, 1)]
    gradient = torch.autograd.grad(
        model.log_prob(x.reshape(-1, *model.event_shape)).mean(), [model.b, *couplings(model)]
    )
    assert torch.allclose(gradient[0], x.mean(0) - exact.mean("visible"), atol=1e-10, rtol=0)
    pairs = (x.T @ x / len(x) - exact.pair("visible", "visible")) / 2
    expected = pairs * model.theta().masks["visible", "visible"]
    assert torch.allclose(gradient[1], expected, atol=1e-10, rtol=0)


def couplings(model):
    return [model.visible_visible_weight]


def drawn(device, kind, n):
    """A data set of independent exact draws."""
    source = machine(device, kind, scale=0.5)
    exact, generator = Exact(source), torch.Generator(device).manual_seed(3)
    rows = torch.multinomial(exact.probability.detach(), n, replacement=True, generator=generator)
    x = exact.states["visible"][rows].float().reshape(n, *source.event_shape)
    return Dataset(x[: -n // 10], x[-n // 10 :], x[-n // 10 :], source.event_shape, source.support, "drawn")


@pytest.mark.parametrize("kind", UNITS)
def test_both_objectives_learn_the_distribution_of_the_data(kind, device):
    data = drawn(device, kind, 4000)
    source = machine(device, kind, scale=0.5)
    found = {}
    for objective in (ExactLikelihood(), None):
        model = FullyVisibleBoltzmannMachine(tuple(data.shape), UNITS[kind]()).to(device)
        fit(
            model,
            data,
            objective=objective,
            steps=300,
            batch_size=3600,
            optimizer=Optimizer("adam", learning_rate=0.05),
        )
        with torch.no_grad():
            found[objective is None] = float(model.log_prob(data.train).mean())
    with torch.no_grad():
        assert found[False] > float(source.log_prob(data.train).mean()), (
            "maximum likelihood beats the truth on its data"
        )
    assert found[False] - found[True] < 0.01, "pseudo-likelihood is consistent, and hardly worse with 3600 rows"
    assert found[True] <= found[False] + 1e-3


@pytest.fixture
def patterns(device):
    generator = torch.Generator(device).manual_seed(5)
    return (torch.rand(5, 100, generator=generator, device=device) < 0.5).float()


def flipped(device, x, share=0.2, seed=6):
    generator = torch.Generator(device).manual_seed(seed)
    return torch.where(torch.rand(x.shape, generator=generator, device=device) < share, 1 - x, x)


@pytest.mark.parametrize("temperature", [0.0, 0.05])
@pytest.mark.parametrize("kind", ["bernoulli", "spin"])
def test_patterns_stored_by_hebb_s_rule_come_back_from_a_fifth_of_flips(kind, temperature, patterns, device):
    levels = (lambda x: 2 * x - 1) if kind == "spin" else (lambda x: x)
    model = FullyVisibleBoltzmannMachine(100, UNITS[kind]()).to(device)
    model.store(levels(patterns))
    corrupted = levels(flipped(device, patterns))
    found = model.recall(corrupted, temperature=temperature, steps=50)
    assert float((corrupted != levels(patterns)).float().mean()) > 0.15
    assert float((found == levels(patterns)).float().mean()) > 0.99


@pytest.mark.parametrize("kind", ["bernoulli", "spin"])
def test_a_stored_pattern_has_the_energy_that_its_overlap_says(kind, device):
    r"""Of spins with the overlap m, :math:`-(N m^2 - 1) / 2`; of bits the same but for a constant."""
    pattern = (torch.rand(1, 20, device=device) < 0.5).float()
    model = FullyVisibleBoltzmannMachine(20, UNITS[kind]()).to(device).requires_grad_(False)
    model.store(2 * pattern - 1 if kind == "spin" else pattern)
    turned = torch.arange(20, device=device) < torch.arange(21, device=device).unsqueeze(1)
    states = torch.where(turned, 1 - pattern, pattern)
    found = model.energy({"visible": 2 * states - 1 if kind == "spin" else states})
    overlap = 1 - torch.arange(21, device=device) / 10
    torch.testing.assert_close(found - found[0], 10 * (1 - overlap.square()), atol=1e-4, rtol=1e-4)


def test_patterns_learned_by_pseudo_likelihood_come_back_from_a_fifth_of_flips(patterns, device):
    data = Dataset(patterns.repeat(20, 1), patterns, patterns, torch.Size([100]), "binary", "patterns")
    model = FullyVisibleBoltzmannMachine(100).to(device)
    fit(model, data, steps=200, batch_size=100, optimizer=Optimizer("adam", learning_rate=0.01))
    for seed in range(5):
        assert torch.equal(model.recall(flipped(device, patterns, seed=seed)), patterns)


@pytest.mark.parametrize("kind", UNITS)
def test_a_descent_ends_in_a_minimum_of_the_energy(kind, device):
    model = machine(device, kind).double().requires_grad_(False)
    start = Exact(model).states["visible"]
    end = model.recall(start.reshape(-1, *model.event_shape)).reshape(len(start), -1)
    energies = {tuple(s.tolist()): float(e) for s, e in zip(start, model.energy({"visible": start}))}
    width, states = model.visible_units.width, model.visible_units.alternatives
    for before, after in zip(start, end):
        reached = energies[tuple(after.tolist())]
        assert reached <= energies[tuple(before.tolist())]
        for i in range(0, len(after), width):
            for state in states:
                other = after.clone()
                other[i : i + width] = torch.tensor(state, device=device)
                assert reached <= energies[tuple(other.tolist())] + 1e-12


def test_imputed_values_are_exact_conditional_means(device):
    model = machine(device).double()
    row = torch.tensor([1.0, torch.nan, 0, torch.nan, torch.nan], dtype=torch.float64, device=device)
    expected = Exact(model, given={"visible": row}).mean("visible")
    found = model.impute(
        row.reshape(1, 5, 1).repeat(400, 1, 1), draws=100, generator=torch.Generator(device).manual_seed(1)
    )
    error = found.flatten(1).std(0) / 20
    assert bool(((found.flatten(1).mean(0) - expected).abs() <= 5 * error + 1e-12).all())


def test_described_and_rebuilt(device):
    model = FullyVisibleBoltzmannMachine((4, 4), Spin(), mask=Lattice((4, 4))).to(device)
    again = build(describe(model)).to(device)
    assert describe(again) == describe(model)
    assert torch.equal(again.theta().masks["visible", "visible"], model.theta().masks["visible", "visible"])


def test_bad_input(device):
    model = FullyVisibleBoltzmannMachine(4).to(device)
    with pytest.raises(DataError, match="grey values under a binary support"):
        model.score(torch.rand(3, 4, device=device))
    with pytest.raises(DataError, match="nothing is left to sample"):
        model.sample(2, given={"x": torch.zeros(4, device=device)})
    for temperature in (0.0, -1.0):
        with pytest.raises(RecipeError, match="temperature must be above 0"):
            model.sample(2, temperature=temperature)
    with pytest.raises(RecipeError, match="temperature must be 0 or above, got -1"):
        model.recall(torch.zeros(1, 4, device=device), temperature=-1)
    with pytest.raises(Unsupported, match="has no 'encode'"):
        model.encode(torch.zeros(1, 4, device=device))
    with pytest.raises(Unsupported, match="units of two values"):
        FullyVisibleBoltzmannMachine((2, 3), Categorical(3)).to(device).store(
            torch.eye(3, device=device)[:2].unsqueeze(0)
        )
    with pytest.raises(Unsupported, match="up to 25 units"):
        FullyVisibleBoltzmannMachine(26).to(device).log_partition_exact()
