r"""How far float32 is from float64, quantity by quantity, beside the distance that rounding alone may make.

A sum of n terms is off by at most :math:`n \epsilon` of the sum of their sizes (Higham, Accuracy and Stability of
Numerical Algorithms, 2002, chapter 4), :math:`\epsilon = 2^{-24}` being half the distance from 1 to the next float32;
and by less than :math:`\lambda \sqrt n \epsilon` but for a chance of :math:`2 e^{-\lambda^2 / 2}`, as roundings are
as good as independent (Higham and Mary, A new approach to probabilistic rounding error analysis, 2019). So each
quantity is compared in units of the sizes that went into it, its scale, and n counts the longest way from a number
that was put in to the one that comes out: additions, and a few for each function on the way.

`python -m tests.endurance.agreement` measures everything and writes `results/agreement.json`.
"""

import copy
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from pyro import poutine
from torch import Tensor
from torch.distributions import Laplace, Normal, kl_divergence

from genlatent import load_data, registry
from genlatent.components import build
from genlatent.distributions.supports import one_hot
from genlatent.energy.rbm import RBM
from genlatent.energy.units import Bernoulli, Categorical, Gaussian, ReLU, Spin
from genlatent.evaluation.partition import log_partition
from genlatent.latent.base import LatentModel
from genlatent.numerics import integers
from genlatent.numerics.logspace import log_mean_exp
from genlatent.numerics.matmul import fast_is_better, fast_matmul
from genlatent.sampling.draws import Draws
from genlatent.training.step import Rows, Step
from tests import machines
from tests.endurance import records
from tests.test_models import EXAMPLES, labels

EPS = 2.0**-24
CHANCE = 7.0  # the lambda: one in 10^10 results lies beyond
FUNCTION = 8  # roundings of one exp, log or sigmoid, and what stands around it
DEEP = [getattr(machines, name) for name in ("rbm", "deep", "ring", "visible", "within", "masked", "potts")]
COMMAND = "python -m tests.endurance.agreement"


class Case(NamedTuple):
    """One comparison: both in units of the scale."""

    of: str
    difference: float
    bound: float


Measure = Callable[[], Iterator[Case]]


def case(of: str, single: Tensor, double: Tensor, scale: Tensor | float, count: int) -> Case:
    """The largest difference of two results of the same numbers, and what n roundings may make."""
    assert single.dtype == torch.float32, f"{of}: this was to be float32"
    assert double.dtype == torch.float64, f"{of}: this was to be float64"
    apart = (single.detach().double() - double.detach()).abs() / torch.as_tensor(scale).detach().double()
    return Case(of, float(apart.max()), rounding(count))


def rounding(count: int) -> float:
    """What so many roundings may make, in units of the scale."""
    return min(count, CHANCE * count**0.5) * EPS


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def in_double(module):
    return copy.deepcopy(module).double()


def absolute(machine):
    """The machine whose parameters are the sizes of these."""
    sized = in_double(machine)
    with torch.no_grad():
        for tensor in (*sized.parameters(), *sized.buffers()):
            if tensor.is_floating_point():
                tensor.abs_()
    return sized


def states(machine, chains: int = 50) -> dict[str, Tensor]:
    return {
        name: machine.units[name].sample(torch.zeros(chains, size), generator(size))
        for name, size in machine.sizes.items()
    }


def large() -> list[RBM]:
    """A machine of 784 units below and 100 above for each kind of unit."""
    below = (Bernoulli(), Spin(), Gaussian(), ReLU(), Categorical(4))
    above = (Bernoulli(), Spin(), ReLU(), Gaussian(), Bernoulli())
    pairs = zip(below, above, strict=True)
    return [machines.skewed(RBM(784, 100, visible_units=v, hidden_units=h), 0.03) for v, h in pairs]


def energies() -> Iterator[Case]:
    """Joint energies of machines of every shape."""
    for machine in (*(make() for make in DEEP), *large()):
        s = states(machine)
        wide = {name: value.double() for name, value in s.items()}
        sizes = {name: value.abs() for name, value in wide.items()}
        own = sum(machine.units[name].base_energy(value) for name, value in wide.items())
        scale = own - absolute(machine).energy(sizes) + sum(machine.units[n].base_energy(v) for n, v in sizes.items())
        count = sum(machine.sizes.values()) + FUNCTION
        yield case(_name(machine), machine.energy(s), in_double(machine).energy(wide), scale.abs() + EPS, count)


def free_energies() -> Iterator[Case]:
    """Energies with the hidden units summed out."""
    for machine, v in _large_with_rows():
        sized, wide = absolute(machine), v.double()
        felt = sized.field("hidden", {"visible": wide.abs()})
        double = in_double(machine)
        f = double.field("hidden", {"visible": wide})
        own = machine.units["visible"].base_energy(wide) + wide.abs() @ sized.b
        unit = double.units["hidden"]
        scale = own + (unit.cumulant(f).abs() + unit.mean(f).abs() * felt).sum(1)
        yield case(_name(machine), machine.free_energy(v), double.free_energy(wide), scale, 884 + FUNCTION)


def conditionals() -> Iterator[Case]:
    """Means of hidden units given visible ones; a mean moves at most as fast as its field."""
    for machine, v in _large_with_rows():
        double, wide = in_double(machine), v.double()
        felt = absolute(machine).field("hidden", {"visible": wide.abs()})
        single = machine.units["hidden"].mean(machine.field("hidden", {"visible": v}))
        exact = double.units["hidden"].mean(double.field("hidden", {"visible": wide}))
        yield case(_name(machine), single, exact, felt + exact.abs(), 784 + FUNCTION)


def gradients_of_energies() -> Iterator[Case]:
    """Slopes of the mean free energy of 200 rows, which contrastive learning is made of."""
    for machine, v in _large_with_rows(200):
        double = in_double(machine)
        (single,), (exact,) = (
            torch.autograd.grad(m.free_energy(rows).mean(), [m.W]) for m, rows in ((machine, v), (double, v.double()))
        )
        felt = absolute(machine).field("hidden", {"visible": v.double().abs()})
        unit = double.units["hidden"]
        near = unit.mean(double.field("hidden", {"visible": v.double()})).abs() + felt
        scale = v.double().abs().mT @ near / len(v) + EPS
        yield case(_name(machine), single, exact, scale, 784 + 200 + FUNCTION)


def log_weights() -> Iterator[Case]:
    """log p(x, z) - log q(z | x) of the same codes."""
    for name, single, double, scale, count, _ in _latent():
        yield case(name, single, double, scale, count)


def gradients_of_bounds() -> Iterator[Case]:
    """Slopes of their mean in every weight, as one vector."""
    for name, single, double, _, count, models in _latent(slopes=True):
        a, b = (_slopes(value, model) for value, model in zip((single, double), models, strict=True))
        yield Case(name, float((a.double() - b).norm() / b.norm()), rounding(count))


def gradients_of_losses() -> Iterator[Case]:
    """Slopes of what autoencoders minimise, as one vector."""
    data = load_data("digits", binarise="static")
    for name in ("autoencoder", "sparse-coding", "stacked-autoencoder", "fine-tune"):
        model = _made(name)
        found = []
        for m, rows in ((model, data.train[:50]), (in_double(model), data.train[:50].double())):
            batch = Rows(rows, data.labels.train[:50], torch.arange(50))
            outcome = Step(m, m.objective(), mode="eager", matmul="float32")(
                batch, torch.zeros((), dtype=rows.dtype), {}
            )
            found.append(torch.cat([g.flatten() for g in outcome.gradients.values()]))
        yield Case(name, float((found[0].double() - found[1]).norm() / found[1].norm()), rounding(_roundings(model)))


def divergences() -> Iterator[Case]:
    """KL terms that are known in closed form, from tight to wide and from near to far."""
    scale = torch.logspace(-6, 3, 200, dtype=torch.float64)
    mean = torch.linspace(-30, 30, 200, dtype=torch.float64)
    m, s = (part.float().double() for part in torch.meshgrid(mean, scale, indexing="ij"))
    one, zero = torch.ones((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    for kind in (Normal, Laplace):
        double = kl_divergence(kind(m, s), kind(zero, one))
        single = kl_divergence(kind(m.float(), s.float()), kind(zero.float(), one.float()))
        size = (m.square() + s.square() + 1) / 2 if kind is Normal else m.abs() + s + 1
        yield case(kind.__name__.lower(), single, double, size + s.log().abs(), FUNCTION)


def averaged_weights() -> Iterator[Case]:
    """The logarithm of a mean weight: taken in float64, so that only its input is rounded."""
    for spread in (1.0, 30.0, 1000.0):
        w = spread * torch.randn(500, 100, generator=generator(), dtype=torch.float64)
        single, double = log_mean_exp(w.float()), log_mean_exp(w)
        assert single.dtype == torch.float64
        apart = (single - double).abs() / w.abs().amax(0)
        yield Case(f"log-weights that spread by {spread:g}", float(apart.max()), EPS)


def fast_products() -> Iterator[Case]:
    """The fast route, where this machine has one that keeps float32; the ordinary one elsewhere."""
    route = "fast" if fast_is_better() else "float32"
    for rows, inner, columns in ((128, 784, 400), (512, 500, 784), (1000, 1000, 1000)):
        a, b = (torch.randn(*shape, generator=generator()) for shape in ((rows, inner), (inner, columns)))
        with fast_matmul(route):
            single = a @ b
        scale = a.double().abs() @ b.double().abs()
        yield case(f"{route} {rows}x{inner}x{columns}", single, a.double() @ b.double(), scale, inner)


def whole_couplings() -> Iterator[Case]:
    """Fields of Gibbs steps in whole numbers: half a step of the couplings for each unit that is on."""
    for machine in (machines.skewed(RBM(784, 100), 0.1), machines.skewed(RBM(50, 20, visible_units=Spin()), 1.0)):
        v = states(machine)["visible"]
        halves = integers.halves(machine.W.detach())
        out = torch.empty(len(v), machine.hidden, dtype=torch.int32)
        field = halves.product(integers.doubled(v), out).float() * halves.step
        apart = (field.double() - v.double() @ machine.W.detach().double()).abs() / v.abs().sum(
            1, keepdim=True
        ).double()
        largest = float(machine.W.detach().abs().max())
        bound = 0.5 / integers.LARGEST + 2 * EPS
        yield Case(_name(machine), float(apart.max()) / largest, bound)


def summaries() -> Iterator[Case]:
    """R-hat and effective sample sizes of the same chains: rounding can only make two draws change places."""
    chains, draws = 4, 500
    x = torch.zeros(chains, draws, 3, dtype=torch.float64)
    noise = torch.randn(x.shape, generator=generator(), dtype=torch.float64)
    for t in range(1, draws):
        x[:, t] = 0.8 * x[:, t - 1] + noise[:, t]
    double, single = (Draws({"x": value}).diagnose()["x"] for value in (x, x.float()))
    for part in ("rhat", "ess_bulk", "ess_tail", "autocorrelation_time"):
        a, b = float(getattr(single, part)), float(getattr(double, part))
        yield Case(part, abs(a - b) / b, 1 / (chains * draws))


def partition_functions() -> Iterator[Case]:
    """ln Z by annealing, in each precision with draws of its own, in standard errors of ln Z by enumeration."""
    for make in (machines.rbm, machines.deep, machines.visible):
        exact = float(in_double(make()).log_partition_exact().detach())
        for machine, precision in ((make(), "float32"), (in_double(make()), "float64")):
            found = log_partition(machine, runs=400, steps=200, estimate=True, generator=generator(3))
            low, high = found.interval
            error = max((high - low) / 4, 1e-9)  # an interval of 95 % is about four standard errors wide
            yield Case(f"{_name(machine)} in {precision}", abs(found.value - exact) / error, 4.5)


MEASURES: dict[str, tuple[Measure, str]] = {
    "energies": (energies, "sum of the sizes of all terms"),
    "free energies": (free_energies, "sizes of the terms, fields weighted by their slopes"),
    "conditionals": (conditionals, "sizes of the field's terms"),
    "log-weights at equal codes": (log_weights, "sizes of log p and log q"),
    "gradients of free energies": (gradients_of_energies, "sizes of the products summed"),
    "gradients of bounds": (gradients_of_bounds, "length of the gradient"),
    "gradients of losses": (gradients_of_losses, "length of the gradient"),
    "KL terms": (divergences, "sizes of the terms"),
    "log-mean-exp of weights": (averaged_weights, "largest log-weight"),
    "products on the fast route": (fast_products, "product of the sizes"),
    "fields in whole numbers": (whole_couplings, "largest coupling, for each unit that is on"),
    "R-hat and effective sizes": (summaries, "the figure itself"),
    "ln Z by annealing": (partition_functions, "standard errors from the exact value"),
}


def worst(measure: Measure) -> tuple[Case, int]:
    """The case that comes nearest to its bound, and how many there are."""
    cases = list(measure())
    return max(cases, key=lambda one: one.difference / one.bound), len(cases)


def _name(machine) -> str:
    kinds = "-".join(type(unit).__name__.lower() for unit in machine.units.values())
    return f"{type(machine).__name__} of {kinds}"


def _large_with_rows(rows: int = 50) -> Iterator[tuple[RBM, Tensor]]:
    for machine in large():
        v = states(machine, rows)["visible"]
        if isinstance(machine.units["visible"], Categorical):
            v = one_hot(torch.arange(rows * 196).remainder(4).view(rows, 196), 4).flatten(1)
        yield machine, v


def _made(name: str):
    torch.manual_seed(1)
    return build(EXAMPLES[name], "model")


def _roundings(model) -> int:
    """Additions from a row to its log-probability: into every layer, and over the values of x; there and back."""
    fans = sum(
        layer.weight.shape[1:].numel() for layer in model.modules() if isinstance(getattr(layer, "weight", 0), Tensor)
    )
    return 2 * (fans + model.event_shape.numel()) + 10 * FUNCTION


def _latent(slopes: bool = False) -> Iterator[tuple]:
    """Every registered latent model with codes that can be held fixed, in both precisions."""
    x = load_data("digits", binarise="static").test[:20]
    for name in registry.KINDS["model"]:
        model = _made(name)
        if not isinstance(model, LatentModel) or not hasattr(model, "log_weights"):
            continue
        model.eval()
        y = labels(model, x).get("y")
        told = None if y is None else model.under(x, y)
        with model.asked(generator()):
            codes = _codes(poutine.trace(model.guide).get_trace(x, told))
        twins = (model, in_double(model))
        with torch.set_grad_enabled(slopes):
            (single, _), (double, scale) = (_log_weight(twin, x, told, codes) for twin in twins)
        yield name, single, double, scale, _roundings(model), twins


def _codes(trace) -> dict[str, Tensor]:
    sites = ((n, site) for n, site in trace.nodes.items() if site["type"] == "sample" and not site["is_observed"])
    return {n: site["value"].detach() for n, site in sites if type(site["fn"]).__name__ != "_Subsample"}


def _log_weight(model, x: Tensor, y, codes: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """log p(x, z) - log q(z | x) of each row, and the sizes of both."""
    dtype = next(model.parameters()).dtype
    x, y = x.to(dtype), y.to(dtype) if isinstance(y, Tensor) and y.is_floating_point() else y
    held = {name: value.to(dtype) if value.is_floating_point() else value for name, value in codes.items()}
    guide = poutine.trace(poutine.condition(model.guide, held)).get_trace(x, y)
    joint = poutine.trace(poutine.condition(model.model, held)).get_trace(x, y)
    total, size = 0.0, 0.0
    for sign, trace in ((1, joint), (-1, guide)):
        trace.compute_log_prob()
        for site in trace.nodes.values():
            if site["type"] == "sample" and type(site["fn"]).__name__ != "_Subsample":
                rows = site["log_prob"].reshape(-1, len(x)).sum(0) if site["log_prob"].numel() % len(x) == 0 else 0.0
                total, size = total + sign * rows, size + torch.as_tensor(rows).abs()
    assert isinstance(total, Tensor)
    return total, torch.as_tensor(size)


def _slopes(value: Tensor, model) -> Tensor:
    learned = [p for p in model.parameters() if p.requires_grad]
    found = torch.autograd.grad(value.mean(), learned, allow_unused=True)
    return torch.cat([g.flatten() for g in found if g is not None])


def main() -> None:
    """Measure everything and keep it."""
    start, found = time.monotonic(), {}
    for quantity, (measure, unit) in MEASURES.items():
        one, number = worst(measure)
        found[quantity] = f"{one.difference:.1e} of at most {one.bound:.1e} ({unit}; {number} cases, worst {one.of})"
    records.keep("agreement", COMMAND, (time.monotonic() - start) / 60, **found)


if __name__ == "__main__":
    main()
