"""ln Z of neural energies against quadrature and closed forms, from both sides."""

import math

import pytest
import torch

from genlatent.energy.joint import JointEnergy
from genlatent.energy.neural import NeuralEnergy
from genlatent.errors import DataError, RecipeError, Unsupported
from genlatent.evaluation.annealed import machine_likelihood
from genlatent.evaluation.partition import EXACT, log_partition, summary
from genlatent.evaluation.slope_way import EnergyPath, SlopeWay
from genlatent.networks.mlp import MLP
from genlatent.sampling.driver import run
from genlatent.sampling.schedule import uniform
from tests.densities import skewed_energy, skewed_samples

SEEDS, RUNS, STEPS = 50, 60, 30
NAN = float("nan")


class Skewed(torch.nn.Module):
    def forward(self, x):
        return skewed_energy(x)


class Slope(torch.nn.Module):
    """A density that falls along one side of a box and rises along the other."""

    def forward(self, u):
        return u @ torch.tensor([2.0, -5.0]).to(u)


class Wells(torch.nn.Module):
    """Two wells in the plane, one deeper and far from the other."""

    def forward(self, u):
        far = torch.tensor([3.0, 0.0]).to(u)
        wells = [-8 * (u - far).square().sum(1), -8 * (u + far).square().sum(1) + 1.0]
        return -torch.stack(wells, 1).logsumexp(1)


def plane(temperature=1.0):
    """The skewed density of the plane, and draws of it at a temperature."""
    model = NeuralEnergy((2,), Skewed(), confinement=0.0)
    x = skewed_samples(SEEDS * RUNS, temperature).float()
    model.spread.copy_(x.std())
    model.centre.copy_(x.mean(0))
    model.network.forward = lambda u: skewed_energy(u * model.spread + model.centre)
    return model, x


def box(temperature=1.0):
    """Truncated exponentials, drawn by inverting their distribution."""
    model = NeuralEnergy((2,), Slope(), confinement=0.0, support="unit")
    a = torch.tensor([2.0, -5.0]).double() / temperature
    u = torch.rand(SEEDS * RUNS, 2, dtype=torch.float64)
    model.spread.fill_(1.0)
    return model, (-(1 + u * (-a).expm1()).log() / a).float()


def integrated(energy, low, high, number=1201):
    """The logarithm of a double integral over a square, by the rule of midpoints."""
    edge = torch.linspace(low, high, number + 1, dtype=torch.float64)
    one = (edge[1:] + edge[:-1]) / 2
    values = torch.cat([-energy(part).double() for part in torch.cartesian_prod(one, one).split(200_000)])
    return float(values.logsumexp(0)) + 2 * math.log(float(edge[1] - edge[0]))


CASES = {"plane": (plane, -9.0, 31.0), "box": (box, 0.0, 1.0)}


def exact(name, temperature):
    model, low, high = CASES[name][0](temperature)[0], *CASES[name][1:]
    return integrated(lambda x: model.double().energy(x) / temperature, low, high)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
@torch.no_grad()
def test_both_sides_cover_the_integral_in_nine_of_ten_seeds(name, temperature, device):
    torch.manual_seed(3)
    model, draws = CASES[name][0](temperature)
    model, draws = model.to(device), draws.to(device)
    log_z = exact(name, temperature)
    way, generator = SlopeWay(model, draws[:300], temperature), torch.Generator(device).manual_seed(11)
    way.pilot(100, 60, generator)
    ahead, back = way.annealing(uniform(STEPS)), way.annealing(uniform(STEPS), reverse=True)
    forward = run(ahead, ahead.init(SEEDS * RUNS, generator), STEPS, generator=generator).log_weights.cpu()
    reverse = run(back, back.start({"x": draws}), STEPS, generator=generator).log_weights.cpu()
    found = [summary(0.0, f, {EXACT: r}, STEPS) for f, r in zip(forward.split(RUNS), reverse.split(RUNS))]
    for of in (lambda r: r.forward.interval, lambda r: r.reverse[EXACT].interval, lambda r: r.interval):
        covered = sum(of(one)[0] <= log_z <= of(one)[1] for one in found)
        assert covered >= 0.9 * SEEDS, f"{covered} of {SEEDS}"
    assert float(forward.std()) > 0.1, "the way must not be trivial"
    whole = summary(0.0, forward, {EXACT: reverse}, STEPS)
    assert whole.verdict == "ok"
    assert abs(whole.value - log_z) < 3 * (whole.wide[1] - whole.wide[0]) < 0.15


def test_data_chains_and_forward_ends_agree(device):
    torch.manual_seed(0)
    model, x = plane()
    model, x = model.to(device), x.to(device)
    found = log_partition(model, x, {"x": x[:100]}, runs=80, steps=40)
    assert list(found.reverse) == ["data", "chains", "forward ends"]
    assert found.verdict == "ok"
    assert found.wide[0] < exact("plane", 1.0) < found.wide[1]


def test_without_data_it_starts_from_noise_as_broad_as_they_were(device):
    torch.manual_seed(0)
    model = plane()[0].to(device)
    found = log_partition(model, runs=80, steps=40)
    assert list(found.reverse) == ["fresh chains", "forward ends"]
    assert found.wide[0] - 0.05 < exact("plane", 1.0) < found.wide[1] + 0.05


def test_the_temperature_of_its_training_is_the_model_s(device):
    torch.manual_seed(0)
    model, x = plane(0.5)
    model, x = model.to(device), x.to(device)
    model.temperature.fill_(0.5)
    found = log_partition(model, x, runs=80, steps=40)
    assert found.wide[0] < exact("plane", 0.5) < found.wide[1]
    quoted, *_ = machine_likelihood(model, x[:500], x, runs=80, steps=40)
    direct = float((-skewed_energy(x[:500].cpu()).double() / 0.5).mean()) - exact("plane", 0.5)
    assert abs(quoted.value - direct) < 0.05
    colder = log_partition(model, x, temperature=0.5, runs=80, steps=40)
    assert abs(colder.value - exact("plane", 0.25)) < 0.1


def test_a_joint_energy_is_normalised_over_rows_and_classes(device):
    torch.manual_seed(0)
    model = JointEnergy((2,), 3, MLP((16,), "silu"), confinement=1.0)
    with torch.no_grad():
        for p in model.network.parameters():
            p.mul_(3.0)
    both = [lambda x, y=y: model.energy_of_pair(x.float(), torch.full((len(x),), y)).detach() for y in range(3)]
    log_z = float(torch.tensor([integrated(energy, -9.0, 9.0, 401) for energy in both]).logsumexp(0))
    x = torch.randn(300, 2, device=device)
    found = log_partition(model.to(device), x, runs=150, steps=60)
    assert found.wide[0] - 0.01 < log_z < found.wide[1] + 0.01


def test_chains_in_a_well_that_the_data_know_nothing_of_are_an_alarm(device):
    """The base is as narrow as the data: without those chains, nobody would know of the other well."""
    torch.manual_seed(0)
    model = NeuralEnergy((2,), Wells(), confinement=0.0).to(device)
    log_z = integrated(lambda u: Wells()(u), -6.0, 6.0)
    one = (torch.tensor([3.0, 0.0]) + 0.25 * torch.randn(300, 2)).to(device)
    both = torch.cat((one, -one))
    assert log_partition(model, one, both, runs=80, steps=40).verdict == "failed"
    broad = log_partition(model, both, runs=200, steps=100)
    assert broad.verdict == "failed" or broad.wide[0] < log_z < broad.wide[1]


def test_slopes_of_both_ends_are_those_of_the_densities(device):
    for make in (plane, box):
        model, x = make()
        path = EnergyPath(model.to(device), x[:200].to(device), 0.7)
        z = (3 * torch.randn(20, 1, 2, device=device)).requires_grad_()
        x = path._unfolded(z)
        start = path.base.log_prob(model.inside(x))
        found = path.ends(z.detach())
        torch.testing.assert_close(found.start, start.double().unsqueeze(1).detach())
        torch.testing.assert_close(found.end, -model.energy(x).double().unsqueeze(1).detach() / 0.7)
        for of, seen in ((start, found.start_slope), (-model.energy(x) / 0.7, found.end_slope)):
            torch.testing.assert_close(
                seen, torch.autograd.grad(of.sum(), z, retain_graph=True)[0], rtol=1e-4, atol=1e-4
            )


def test_too_few_steps_are_flagged(device):
    torch.manual_seed(0)
    model = NeuralEnergy((20,), MLP((8,)), confinement=30.0).to(device)
    found = log_partition(model, torch.randn(300, 20, device=device), runs=40, steps=2)
    assert found.verdict != "ok"


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda m: log_partition(m, torch.full((3, 2), NAN)), "NaN in row 0"),
        (lambda m: log_partition(m, chains=torch.zeros(3, 5)), "rows of shape"),
        (lambda m: log_partition(m, chains={"y": torch.zeros(3, 2)}), "states of 'x' are wanted"),
        (lambda m: log_partition(m, temperature=0.0), "temperature must be above 0"),
        (lambda m: SlopeWay(m, None).annealing(uniform(3), reverse=True).init(4), "hand them to start"),
        (lambda m: log_partition(torch.nn.Linear(2, 2)), "Linear has no ln Z"),
    ],
)
def test_bad_input(ask, sentence):
    with pytest.raises((DataError, RecipeError, Unsupported), match=sentence):
        ask(NeuralEnergy((2,), MLP((4,))))


def test_chains_of_a_training_may_come_flat(device):
    torch.manual_seed(0)
    model = NeuralEnergy((1, 2, 2), MLP((4,), "silu"), support="unit").to(device)
    assert (model.layers, model.sizes) == ({"x": (1, 2, 2)}, {"x": 4})
    found = log_partition(model, chains={"x": torch.rand(30, 4, device=device)}, runs=20, steps=10)
    assert list(found.reverse) == ["chains", "forward ends"]
