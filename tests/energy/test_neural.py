"""Neural energies: what they sample, and what each rule teaches them about a skewed density of the plane."""

import pytest
import torch

from genlatent.components import describe
from genlatent.data.dataset import Dataset, Splits
from genlatent.energy import spectral
from genlatent.energy.joint import JointEnergy
from genlatent.energy.neural import NeuralEnergy
from genlatent.energy.reflection import fold
from genlatent.errors import DataError, RecipeError
from genlatent.networks.mlp import MLP
from genlatent.objectives.base import Batch, Objective
from genlatent.objectives.denoising import DenoisingScoreMatching
from genlatent.objectives.joint import JointContrast
from genlatent.objectives.langevin import ContrastiveLangevin
from genlatent.objectives.score_matching import ScoreMatching
from genlatent.training.fit import fit
from genlatent.training.optimizer import Optimizer
from tests.densities import skewed_energy, skewed_grid, skewed_samples
from tests.statistics import assert_mean

GAP = 0.05  # nats

RULES = {
    "Langevin": ContrastiveLangevin(steps=10, size=0.02, chains=500, buffer=5000),
    "score matching": ScoreMatching(),
    "sliced score matching": ScoreMatching(projections=1),
    "denoising": DenoisingScoreMatching(0.1),
    "denoising, several levels": DenoisingScoreMatching((0.05, 0.1, 0.2)),
}
every_rule = pytest.mark.parametrize("rule", [pytest.param(rule, id=name) for name, rule in RULES.items()])


class Flipped(Objective):
    """A rule that climbs where it should descend."""

    def __init__(self, rule):
        self.rule, self.init, self.validate = rule, rule.init, rule.validate

    def __call__(self, model, batch, state):
        loss = self.rule(model, batch, state)
        return loss._replace(value=-loss.value)


class Skewed(torch.nn.Module):
    """The density of the plane itself, as a network."""

    def forward(self, x):
        return skewed_energy(x)


class Slope(torch.nn.Module):
    """A density that falls along each side of a box."""

    def forward(self, u):
        return u.flatten(1) @ torch.tensor([1.0, -3.0]).to(u)


def exact(device, confinement=0.0):
    return NeuralEnergy((2,), Skewed(), confinement=confinement).to(device)


def divergence(model):
    """KL(data || model) by quadrature, which normalises the model as well."""
    points, p = (part[::7] for part in skewed_grid())
    p, home = p / p.sum(), model.centre
    with torch.no_grad():
        tau = model.temperature.cpu()
        parts = [-model.energy(part.to(home)).double().cpu() / tau for part in points.split(200_000)]
    log_q = torch.cat(parts).log_softmax(0)
    return float((p * (p.clamp(min=1e-300).log() - log_q)).sum())


def learned(rule, device, steps):
    torch.manual_seed(0)
    x = skewed_samples(20_000, device=device).float()
    data = Dataset(x, x[:10], x[:10], torch.Size([2]), "real", "plane")
    model = NeuralEnergy((2,), MLP((64, 64), "silu")).to(device)
    how = {"batch_size": 1000, "mode": "traced", "average": 0.25, "validate_every": 1000}
    fit(model, data, objective=rule, steps=steps, optimizer=Optimizer(learning_rate=3e-3, schedule="linear"), **how)
    return model


@pytest.mark.slow
@every_rule
def test_each_rule_learns_a_skewed_density(rule, device):
    assert divergence(learned(rule, device, 800)) < GAP


@every_rule
def test_turned_round_it_does_not(rule, device):
    assert not divergence(learned(Flipped(rule), device, 40)) < 5 * GAP


def test_the_divergence_of_the_density_itself_is_zero(device):
    assert abs(divergence(exact(device).double())) < 1e-6


@pytest.mark.parametrize("method", ["mala", "hmc"])
def test_samples_follow_the_energy(method, device):
    model = exact(device)
    draws = model.trace(60, chains=300, burn_in=200, thin=5, method=method, generator=seeded(device))
    points, p = skewed_grid()
    for place in range(2):
        assert_mean(draws["x"][..., place].cpu(), float(p @ points[:, place]))
    torch.testing.assert_close(draws["energy"], skewed_energy(draws["x"]), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_energies_learned_with_less_noise_are_densities_at_their_own_temperature(device):
    """Chains with 0.6 of Langevin's noise sample a colder density, and the model says which."""
    model = learned(ContrastiveLangevin(steps=10, size=0.02, noise=0.6 * 0.2, chains=500, buffer=5000), device, 300)
    assert float(model.temperature) == pytest.approx(0.36)
    own = divergence(model)
    assert own < 0.15
    drawn = model.sample(3000, steps=200, generator=seeded(device)).cpu()
    points, p = skewed_grid()
    spread = float((p @ points.square() - (p @ points).square()).sum())
    assert float(drawn.var(0).sum()) == pytest.approx(spread, rel=0.25)
    model.temperature.fill_(1.0)
    assert divergence(model) > own + 0.15


def test_imputed_values_are_conditional_means(device):
    model = exact(device)
    x = torch.tensor([[0.5, torch.nan]], device=device).expand(300, 2)
    filled = model.impute(x, draws=200, burn_in=200, generator=seeded(device))
    expected = 1.5 * torch.tensor(0.5).tanh()
    assert abs(float(filled[:, 1].mean()) - float(expected)) < 0.02
    assert bool((filled[:, 0] == 0.5).all())


def test_in_a_box_the_walls_reflect(device):
    """Truncated exponentials: in a box of width 1 the mean at slope a is 1/a - 1/(e^a - 1)."""
    model = NeuralEnergy((2,), Slope(), confinement=0.0, support="unit").to(device)
    model.spread.fill_(0.3)
    draws = model.trace(60, chains=300, burn_in=200, thin=5, generator=seeded(device))["x"].cpu()
    assert bool(((draws >= 0) & (draws <= 1)).all())
    a = torch.tensor([1.0, -3.0]) / 0.3
    for place, mean in enumerate((1 / a - 1 / a.expm1()).tolist()):
        assert_mean(draws[..., place], mean)


def test_folding_leaves_the_box_as_it_is(device):
    inside = torch.rand(100, device=device)
    assert torch.equal(fold(inside), inside)
    torch.testing.assert_close(fold(-inside), inside)
    torch.testing.assert_close(fold(2 + inside), inside)
    torch.testing.assert_close(fold(2 - inside), inside)
    x = torch.tensor([0.3, 1.2, -0.4], requires_grad=True, device=device)
    assert torch.autograd.grad(fold(x).sum(), x)[0].tolist() == [1, -1, -1]


def test_a_linear_gaussian_energy_reconstructs_by_tweedie_s_formula(device):
    r"""Of normal data with noise, :math:`E = |x|^2 / 2 (s^2 + \sigma^2)`: the mean of the clean x is a shrunk one."""
    model = NeuralEnergy((2,), Zero(), confinement=1 / (1 + 0.5**2)).to(device)
    x = torch.tensor([[1.0, -2.0]], device=device)
    torch.testing.assert_close(model.reconstruct(x, noise=0.5), x / (1 + 0.5**2))


class Zero(torch.nn.Module):
    def forward(self, x):
        return x.flatten(1).sum(1) * 0


def test_exact_and_sliced_laplacians_agree_with_the_hessian(device):
    model = NeuralEnergy((3,), MLP((8,), "silu")).double().to(device)
    x = torch.randn(4, 3, dtype=torch.float64, device=device)
    found = ScoreMatching().validate(model, Batch(x))["loss"]
    for row, value in zip(x, found):
        energy = lambda r: model.energy(r.unsqueeze(0)).squeeze(0)  # noqa: E731
        hessian, slope = torch.autograd.functional.hessian(energy, row), torch.func.jacrev(energy)(row)
        torch.testing.assert_close(value, slope.square().sum() / 2 - hessian.diagonal().sum())
    torch.testing.assert_close(ScoreMatching()(model, Batch(x), {}).value, found.mean())
    many = ScoreMatching(projections=4000).validate(model, Batch(x))["loss"]
    torch.testing.assert_close(many, found, atol=0.1, rtol=0)


@pytest.mark.parametrize("levels", [(0.5,), (0.4, 1.0, 1.6)])
def test_denoising_a_linear_slope_costs_what_is_known_of_it(levels, device):
    r"""It is :math:`\frac12 \sigma_0^2 [k^2 |x|^2 + d \langle (k\sigma - 1/\sigma)^2 \rangle]` at x."""
    k, place = 0.7, torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64, device=device)
    model = NeuralEnergy((3,), Zero(), confinement=k).to(device).double()
    error = DenoisingScoreMatching(levels).validate(model, Batch(place.expand(100_000, 3)))["loss"]
    mixed = sum((k * sigma - 1 / sigma) ** 2 for sigma in levels) / len(levels)
    expected = levels[0] ** 2 * (k**2 * float(place.square().sum()) + 3 * mixed) / 2
    assert abs(float(error.mean()) - expected) < 5 * float(error.std()) / 100_000**0.5


def test_chains_of_a_training_spread_on_a_flat_energy_as_their_noise_says(device):
    model = NeuralEnergy((2,), Zero(), confinement=0.0).to(device)
    start, spread = torch.zeros(100_000, 2, device=device), torch.tensor(3.0, device=device)
    for noise, variance in ((None, 2 * 0.05), (0.2, 0.2**2)):
        end = ContrastiveLangevin(steps=4, size=0.05, noise=noise).advance(model, start, spread)
        assert abs(float(end.square().mean()) / (4 * variance * 9) - 1) < 5 * (2 / 200_000) ** 0.5


@pytest.mark.parametrize("shape", [(128, 128), (64, 300), (300, 64), (20, 1), (1, 20), (3, 2)])
def test_the_largest_singular_value_is_found_to_a_thousandth(shape, device):
    for seed in range(5):
        matrix = torch.randn(shape, device=device, generator=torch.Generator(device).manual_seed(seed))
        largest = float(torch.linalg.matrix_norm(matrix, 2))
        found = spectral.largest(matrix.requires_grad_())
        (gradient,) = torch.autograd.grad(found, matrix)
        assert 0.999 < float(found.detach()) / largest < 1 + 1e-5
        assert float((gradient * matrix.detach()).sum()) == pytest.approx(float(found.detach()), rel=1e-5)
        assert float(gradient.norm()) == pytest.approx(1.0, abs=1e-5)
    assert float(spectral.largest(torch.zeros(shape, device=device))) == 0


def test_spectral_norm_limits_every_matrix(device):
    matrix = torch.randn(30, 20, device=device)
    assert abs(float(spectral.largest(matrix) / torch.linalg.matrix_norm(matrix, 2)) - 1) < 1e-3
    model = NeuralEnergy((4,), MLP((16,), "silu"), spectral_norm=0.5).to(device)
    for p in model.network.parameters():
        torch.nn.init.normal_(p)
    for weight in spectral.limited(model.network, 0.5).values():
        assert float(torch.linalg.matrix_norm(weight, 2).detach()) < 0.5 * 1.001
    x = torch.randn(200, 2, 4, device=device)
    a, b = (model.energy(part) - 0.05 * part.square().sum(1) for part in x.unbind(1))
    assert bool(((a - b).abs() <= 1.1**2 * 0.5**2 * 1.1 * (x[:, 0] - x[:, 1]).norm(dim=1)).all())


def test_short_runs_and_penalties_are_taken(device):
    x = skewed_samples(200, device=device).float()
    model = NeuralEnergy((2,), MLP((8,), "silu")).to(device)
    rule = ContrastiveLangevin(steps=2, chains=50, persistent=False, penalty=0.1, slope_penalty=0.1, blur=0.1)
    state = rule.init(model, x)
    assert "chains" not in state
    data, chains = x, torch.randn(50, 2, device=device)
    plain = ContrastiveLangevin().difference(model, data, chains).value
    both = torch.cat((data, chains)).requires_grad_()
    energy = model.energy(both)
    slope = torch.autograd.grad(energy.sum(), both)[0]
    extra = 0.1 * energy.square().mean() + 0.1 * slope.square().sum(1).mean()
    torch.testing.assert_close(rule.difference(model, data, chains).value, plain + extra)
    assert rule(model, Batch(x), state).value.isfinite()


def test_the_buffer_moves_only_the_chains_that_were_drawn(device):
    model = NeuralEnergy((2,), MLP((8,), "silu")).to(device)
    rule = ContrastiveLangevin(steps=1, chains=10, buffer=100, restart=0.0)
    state = rule.init(model, torch.randn(50, 2, device=device))
    after = rule(model, Batch(torch.randn(20, 2, device=device)), state).state
    assert int((after["chains"] != state["chains"]).all(1).sum()) == 10
    assert len(rule.init(model, torch.randn(50, 2, device=device), 0.5)["chains"]) == 50


def test_a_joint_energy_sums_its_classes_out(device):
    model = JointEnergy((2,), classes=3).to(device)
    x = torch.randn(5, 2, device=device)
    pairs = torch.stack([-model.energy_of_pair(x, torch.full((5,), y, device=device)) for y in range(3)], 1)
    torch.testing.assert_close(-model.energy(x), pairs.logsumexp(1))
    torch.testing.assert_close(model.predict_proba(x), pairs.softmax(1).detach())


def test_a_joint_energy_learns_classes_and_draws_them(device):
    y = torch.arange(600) % 3
    centres = torch.tensor([[2.0, 0.0], [-1.0, 1.5], [-1.0, -1.5]])
    x = centres[y] + 0.3 * torch.randn(600, 2)
    data = Dataset(x, x[:60], x[:60], torch.Size([2]), "real", "three", labels=Splits(y, y[:60], y[:60]))
    model = JointEnergy((2,), 3, MLP((32,), "silu")).to(device)
    rule = JointContrast(generative=1.0, steps=5, size=0.02, chains=200)
    fit(model, data, objective=rule, steps=150, batch_size=600, optimizer=Optimizer(learning_rate=1e-2), mode="traced")
    assert float((model.predict(x.to(device)).cpu() == y).float().mean()) > 0.98
    drawn = model.sample(60, given={"y": 1}, steps=300, generator=seeded(device))
    assert float((model.predict(drawn) == 1).float().mean()) > 0.95


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: NeuralEnergy((2,), confinement=-1.0), "confinement"),
        (lambda: NeuralEnergy((2,), support="binary"), "support must be one of"),
        (lambda: NeuralEnergy((2,), spectral_norm=0.0), "spectral_norm"),
        (lambda: NeuralEnergy((2,)).sample(2, method="gibbs"), "no method of sampling is called 'gibbs'"),
        (lambda: NeuralEnergy((2,)).sample(2, temperature=0.0), "temperature must be above 0"),
        (lambda: NeuralEnergy((2,)).sample(2, given={"x": torch.zeros(2)}), "nothing is left to sample"),
        (lambda: NeuralEnergy((2,), MLP((4,), outputs=3)), "outputs"),
        (lambda: NeuralEnergy((2,), torch.nn.Linear(2, 3)).score(torch.zeros(5, 2)), "one number for each row"),
        (lambda: JointEnergy((2,), classes=1), "classes"),
        (lambda: JointEnergy((2,), 3).sample(2, given={"y": 3}), "whole numbers from 0 to 2"),
        (lambda: JointEnergy((2,), 3).check_labels(None), "no labels"),
        (lambda: ContrastiveLangevin(size=0.0), "size above 0"),
        (lambda: ContrastiveLangevin(chains=10, buffer=5), "buffer of 5"),
        (lambda: DenoisingScoreMatching(0.0), "noise"),
        (lambda: ScoreMatching(0), "projections"),
        (lambda: ScoreMatching().init(NeuralEnergy((2,), support="unit"), torch.zeros(2, 2)), "needs real values"),
    ],
)
def test_bad_input(make, sentence):
    with pytest.raises((RecipeError, DataError, NotImplementedError), match=sentence):
        make()


@pytest.mark.parametrize("rule", [*RULES.values(), JointContrast()])
def test_rules_can_be_described(rule):
    assert describe(rule)["name"] in (
        "contrastive-langevin",
        "score-matching",
        "denoising-score-matching",
        "joint-contrast",
    )


def seeded(device):
    return torch.Generator(device).manual_seed(0)
