"""ln Z of an energy: exact where its states can be listed, otherwise annealed from both sides and judged."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from genlatent.errors import Diverged, RecipeError
from genlatent.evaluation.record import Record
from genlatent.evaluation.two_sides import Verdict, judged
from genlatent.evaluation.ways import Way, way_to
from genlatent.numerics import devices
from genlatent.sampling import schedule as schedules
from genlatent.sampling import starts
from genlatent.sampling.annealing import AnnealingState
from genlatent.sampling.bennett import Bennett, bennett
from genlatent.sampling.driver import Progress, run
from genlatent.sampling.starts import Layers
from genlatent.sampling.thermodynamic import Integral, integral
from genlatent.sampling.weights import Estimate, Sides, log_mean, log_mean_inverse

RUNS, STEPS = 500, 1000
MOST_STEPS = 100_000  # where the number of steps follows from a wished precision
PILOT = 100  # runs and steps, at most

EXACT = "exact draws"  # the one start from which the reverse side is a bound


@dataclass(frozen=True)
class PartitionResult:
    """ln Z with both sides it was seen from.

    Args:
        value: the number to quote: exact, or Bennett's from the forward runs and the reverse runs of all starts.
        interval: 95 %, the hull of the starts' intervals; the number itself where it is exact.
        wide: the same of 99 %.
        method: how it was found.
        verdict: `ok`, `doubtful` or `failed`.
        reason: why it is not `ok`.
        runs: of each side.
        steps: of each run.
        forward: annealed from the base rates; in the mean not above ln Z.
        reverse: annealed back, by start: in the mean not below ln Z from exact draws, an estimate from others.
        bennett: by start.
        integrals: by start, by thermodynamic integration along the same runs.
    """

    value: float
    interval: Sides
    wide: Sides
    method: str
    verdict: str = "ok"
    reason: str = ""
    runs: int = 0
    steps: int = 0
    forward: Estimate | None = None
    reverse: dict[str, Estimate] = field(default_factory=dict)
    bennett: dict[str, Bennett] = field(default_factory=dict)
    integrals: dict[str, Integral] = field(default_factory=dict)

    def __str__(self) -> str:
        """The number to quote and both sides, a line each."""
        return "\n".join(map(str, self.records()))

    def records(self) -> list[Record]:
        """The number to quote, and the two sides."""
        quoted = Record(
            "ln Z", self.value, self.method, "nats", self.interval, self.runs, verdict=self.verdict, reason=self.reason
        )
        sides = [] if self.forward is None else [("forward", "in the mean not above ln Z", self.forward)]
        for name, side in self.reverse.items():
            bound = "in the mean not below ln Z" if name == EXACT else "an estimate, no bound"
            sides.append((f"reverse from {name}", bound, side))
        return [quoted, *(self._side(*side) for side in sides)]

    def _side(self, name: str, meaning: str, side: Estimate) -> Record:
        method = f"annealing {name}, {self.steps} steps, {side.ess:.0f} effective runs"
        return Record(f"ln Z, {name}", side.value, method, "nats", side.interval, self.runs, reason=meaning)


def log_partition(
    machine: Any,
    data: Tensor | None = None,
    chains: Tensor | Mapping[str, Tensor] | None = None,
    *,
    runs: int = RUNS,
    steps: int | None = STEPS,
    deviation: float = 1.0,
    settle: int | None = None,
    schedule: str | Tensor = "adaptive",
    temperature: float = 1.0,
    estimate: bool = False,
    generator: torch.Generator | None = None,
    progress: Progress | None = None,
) -> PartitionResult:
    """ln Z by enumeration where at most 25 units have to be listed, otherwise by annealing from both sides.

    A machine is annealed from its base rates by Gibbs steps, a neural energy from a normal law fitted to the data, or
    from one in its box, by Hamiltonian Monte Carlo. What lies beyond the reach of that law, of the data and of the
    chains is unknown to both sides: hand over the chains of the training, which may have found more than the data show.

    Args:
        machine: any Boltzmann machine, a neural energy, or a deep belief net, of which it is ln Z of the top RBM;
            nothing of it is changed.
        data: rows that it learned from: base rates where it has none, and one start of the reverse runs.
        chains: states of persistent chains, another start: of the data layer, or of all layers by name.
        runs: forward, and reverse from each start.
        steps: of each run; None chooses them so that log-weights should spread no more than `deviation`.
        deviation: the wished standard deviation of log-weights.
        settle: steps of the chains before the reverse runs start; as many as `steps` by default.
        schedule: `adaptive` (by a pilot run), `uniform`, or the positions themselves.
        temperature: of the machine; of a neural energy, in units of its own.
        estimate: anneal even where ln Z is exact; exact draws are then one of the starts.
        generator: the random stream; a fresh one of seed 0 otherwise.
        progress: called with steps done and steps in all.

    >>> from genlatent import RBM
    >>> result = log_partition(RBM(6, 4), runs=50, steps=20, estimate=True)
    >>> result.verdict, abs(result.value - 6.93) < 0.1
    ('ok', True)
    """
    _check(runs, steps, settle, temperature)
    generator = generator or torch.Generator(devices.of(machine)).manual_seed(0)
    way = way_to(machine, data, temperature, generator)
    exact = way.exact()
    if exact is not None and not estimate:
        return PartitionResult(exact, (exact, exact), (exact, exact), "exact, by enumeration")
    known = {} if chains is None else {"chains": way.from_chains(chains, runs, generator)}
    positions = _positions(way, runs, steps, deviation, schedule, generator)
    steps = len(positions) - 1
    settle = steps if settle is None else settle
    counter, ahead = _Total(2 * steps + settle, progress), way.annealing(positions)
    with torch.no_grad():
        end = run(ahead, ahead.init(runs, generator), steps, generator=generator, progress=counter.part(steps))
        begun = _starts(way, known, end, runs, generator)
        joint = way.settled(_joined(begun.values()), settle, generator, counter.part(settle))
        if exact is not None:
            begun[EXACT] = way.drawn(runs, generator)
            joint = _joined((joint, begun[EXACT]))
        back = way.annealing(positions, reverse=True)
        home = run(back, back.start(joint), steps, generator=generator, progress=counter.part(steps))
    weights = dict(zip(begun, home.log_weights.split(runs)))
    return summary(ahead.log_partition_base(), end.log_weights, weights, steps, generator)


def summary(
    base: float,
    forward: Tensor,
    reverse: Mapping[str, Tensor],
    steps: int,
    generator: torch.Generator | None = None,
) -> PartitionResult:
    """What log-weights of both directions say of ln Z.

    Args:
        base: ln Z of the base model.
        forward: log-weights of runs from the base model.
        reverse: log-weights of runs back to it, by where they started.
        steps: of each run.
        generator: of the bootstrap.
    """
    for name, weights in (("forward", forward), *reverse.items()):
        if not bool(weights.isfinite().all()):
            raise Diverged(f"annealing ({name}) gave weights that are not finite: the parameters are too large")
    bars = {name: _raised(bennett(forward, w, generator), base) for name, w in reverse.items()}
    pooled = _raised(bennett(forward, torch.cat(list(reverse.values())), generator), base)
    ahead = log_mean(forward, generator).shifted(base)
    sides = {name: log_mean_inverse(w, generator).shifted(base) for name, w in reverse.items()}
    interval = _hull([bar.interval for bar in (pooled, *bars.values())])
    wide = _hull([bar.wide for bar in (pooled, *bars.values())])
    verdict: Verdict = judged(ahead, sides, bars, wide)
    integrals = {name: _integral(forward, w, base) for name, w in reverse.items()}
    method = f"Bennett's ratio, {len(forward)} runs of {steps} steps each way, starts: {', '.join(reverse)}"
    return PartitionResult(
        pooled.value, interval, wide, method, *verdict, len(forward), steps, ahead, sides, bars, integrals
    )


def _starts(
    way: Way, known: Mapping[str, Layers], end: AnnealingState, runs: int, generator: torch.Generator
) -> dict[str, Layers]:
    """States from which reverse runs start, by name; where nothing is given, fresh chains are one start."""
    found = {} if way.rows is None else {"data": way.from_rows(way.rows, runs, generator)}
    found |= known
    if not found:
        found["fresh chains"] = way.fresh(runs, generator)
    return found | {"forward ends": starts.from_ends(end, runs, generator)}


def _joined(parts: Iterable[Layers]) -> Layers:
    """The runs of all parts below one another."""
    several = list(parts)
    return {layer: torch.cat([part[layer] for part in several]) for layer in several[0]}


def _positions(
    way: Way, runs: int, steps: int | None, deviation: float, schedule: str | Tensor, generator: torch.Generator
) -> Tensor:
    even = not isinstance(schedule, Tensor) and schedule == "uniform" and steps is not None
    fixed = schedules.uniform(steps or 1) if even else schedule
    if isinstance(fixed, Tensor) and not way.must_look:
        return fixed
    length = PILOT if way.must_look else min(max((steps or STEPS) // 10, 10), PILOT)
    first = way.pilot(min(runs, PILOT), length, generator)
    if isinstance(fixed, Tensor):
        return fixed
    steps = steps or min(first.steps_for(deviation), MOST_STEPS)
    kinds: dict[str, Callable[[int], Tensor]] = {"adaptive": first.schedule, "uniform": schedules.uniform}
    if fixed not in kinds:
        raise RecipeError(f"schedule must be adaptive, uniform or positions, got {schedule!r}")
    return kinds[fixed](steps)


def _check(runs: int, steps: int | None, settle: int | None, temperature: float) -> None:
    if not temperature > 0:
        raise RecipeError(f"temperature must be above 0, got {temperature}")
    if runs < 2 or (steps is not None and steps < 1) or (settle is not None and settle < 0):
        raise RecipeError(f"runs must be at least 2, steps 1 and settle 0, got {runs}, {steps}, {settle}")


def _raised(found: Bennett, base: float) -> Bennett:
    (a, b), (c, d) = found.interval, found.wide
    return found._replace(value=found.value + base, interval=(a + base, b + base), wide=(c + base, d + base))


def _integral(forward: Tensor, reverse: Tensor, base: float) -> Integral:
    value, (a, b), (c, d) = integral(forward, reverse)
    return Integral(value + base, (a + base, b + base), (c + base, d + base))


def _hull(intervals: list[Sides]) -> Sides:
    return min(low for low, _ in intervals), max(high for _, high in intervals)


class _Total:
    """Progress over several parts as one."""

    def __init__(self, total: int, progress: Progress | None):
        self.total, self.progress, self.behind = total, progress, 0

    def part(self, steps: int) -> Progress | None:
        """Progress of the next part, that has so many steps."""
        before, self.behind = self.behind, self.behind + steps
        tell = self.progress
        return None if tell is None else lambda done, _: tell(before + done, self.total)
