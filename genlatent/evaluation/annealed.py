"""The likelihood of held-out rows under an energy: exact where its states can be listed, annealed elsewhere."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import singledispatch
from typing import Any, NamedTuple

import torch
from torch import Tensor

from genlatent.energy.conditional import ConditionalRBM
from genlatent.energy.dbn import DeepBeliefNet
from genlatent.energy.enumeration import listed
from genlatent.energy.machine import BoltzmannMachine
from genlatent.energy.neural import NeuralEnergy
from genlatent.errors import Unsupported
from genlatent.evaluation.likelihood import METRIC, ROWS_AT_ONCE, mean_interval, pseudo_likelihood
from genlatent.evaluation.partition import PartitionResult, log_partition
from genlatent.evaluation.record import VERDICTS, Record
from genlatent.sampling.weights import Sides

RUNS, STEPS = 200, 1000
FEW_BITS = 10  # states of hidden layers, as a power of 2, that are listed for each row
MOST_CONDITIONS = 50  # whose ln Z is found, each by itself

MEANING = {
    "forward": "in the mean not below the {}",
    "reverse": "in the mean not above the {} where the start is a draw of the model",
}

Chains = Tensor | Mapping[str, Tensor]


class Piece(NamedTuple):
    """Rows that share a normaliser: their log-probabilities but for ln Z, and what is known of that."""

    rows: Tensor
    found: PartitionResult
    told: str = ""  # under which condition, where there are several


def has_normaliser(model: Any) -> bool:
    """Whether a model's rows have a likelihood, or a bound on it, but for a ln Z that can be found."""
    return isinstance(model, (BoltzmannMachine, DeepBeliefNet, NeuralEnergy))


def machine_likelihood(
    model: Any,
    x: Tensor,
    train: Tensor | None = None,
    chains: Chains | None = None,
    *,
    y: Tensor | None = None,
    train_y: Tensor | None = None,
    runs: int = RUNS,
    steps: int = STEPS,
    generator: torch.Generator | None = None,
) -> list[Record]:
    r"""Mean of :math:`-F(v) - \ln Z` over rows; of a deep belief net, of its lower bound with ln Z of the top RBM.

    Args:
        model: any Boltzmann machine, deep belief net or neural energy.
        x: rows to judge.
        train: rows that the model learned from, where reverse annealing starts.
        chains: its persistent chains, another start.
        y, train_y: conditions of the rows, where the model is conditional: each has a ln Z of its own.
        runs: of annealing, forward and from each start.
        steps: of each run.
        generator: the random stream.
    """
    how: dict[str, Any] = {"runs": runs, "steps": steps, "generator": generator}
    if isinstance(model, ConditionalRBM):
        tight = _few(model)
        return judged(list(_by_condition(model, x, y, train, train_y, how)), tight)
    found = log_partition(model, train, chains, **how)
    try:
        return under(model, x, found, generator=generator)
    except Unsupported as reason:
        return [*_stand_in(model, x, str(reason)), *found.records()[:1]]


def under(model: Any, x: Tensor, found: PartitionResult, *, generator: torch.Generator | None = None) -> list[Record]:
    """The likelihood by the quoted ln Z, by the forward side alone, and by the least favourable reverse side."""
    rows, tight = unnormalised(model, x, generator)
    return judged([Piece(rows, found)], tight)


def judged(pieces: Sequence[Piece], tight: bool) -> list[Record]:
    """The same of all pieces together."""
    rows, first = torch.cat([piece.rows for piece in pieces]), pieces[0].found
    metric, what = ("log-likelihood", "likelihood") if tight else (METRIC, "bound")
    several = f", for each of {len(pieces)} conditions" if len(pieces) > 1 else ""
    quoted = pooled(pieces, [(piece.found.value, piece.found.interval) for piece in pieces])
    records = [_less(metric, rows, *quoted, first.method + several)]
    if first.forward is not None:
        for side, (origin, ends) in _sides(pieces).items():
            ess = min(end.ess for end in ends)
            found = pooled(pieces, [(end.value, end.interval) for end in ends])
            method = f"annealing from {origin}, {ess:.0f} effective of {first.runs} runs, {first.steps} steps{several}"
            record = _less(f"{metric}, {side}", rows, *found, method)
            records.append(replace(record, reason=MEANING[side].format(what)))
    worst = max(pieces, key=lambda piece: VERDICTS.index(piece.found.verdict))
    doubt = {} if worst.found.verdict == "ok" else {"verdict": worst.found.verdict, "reason": _why(worst)}
    return [replace(record, samples=first.runs, **doubt) for record in records]


def pooled(pieces: Sequence[Piece], estimates: Sequence[tuple[float, Sides]]) -> tuple[float, Sides]:
    r"""Mean of the pieces' ln Z by their rows, :math:`\sum_c \frac{n_c}{n} \ln Z_c`, their errors added in squares."""
    total = sum(len(piece.rows) for piece in pieces)
    shares = [len(piece.rows) / total for piece in pieces]
    value = sum(share * estimate for share, (estimate, _) in zip(shares, estimates))
    below = math.hypot(*(share * (middle - low) for share, (middle, (low, _)) in zip(shares, estimates)))
    above = math.hypot(*(share * (high - middle) for share, (middle, (_, high)) in zip(shares, estimates)))
    return value, (value - below, value + above)


def _sides(pieces: Sequence[Piece]) -> dict[str, tuple[str, list[Any]]]:
    """Each piece's forward estimate, and the highest of its reverse ones."""
    back = [max(piece.found.reverse.items(), key=lambda item: item[1].value) for piece in pieces]
    origin = back[0][0] if len({name for name, _ in back}) == 1 else "the worst start"
    ahead = [piece.found.forward for piece in pieces]
    return {"forward": ("the base", ahead), "reverse": (origin, [estimate for _, estimate in back])}


def _why(piece: Piece) -> str:
    return f"{piece.told}: {piece.found.reason}" if piece.told else piece.found.reason


def _by_condition(
    model: ConditionalRBM, x: Tensor, y: Any, train: Tensor | None, train_y: Any, how: Mapping[str, Any]
) -> Iterator[Piece]:
    """The rows of each condition with the ln Z that it has; of very many conditions, those of some rows."""
    told = model.told(y, len(x))
    kinds, kind = told.unique(dim=0, return_inverse=True)
    order = kind.unique()
    if len(order) > MOST_CONDITIONS:
        stream = how["generator"]
        order = order[torch.randperm(len(order), generator=stream, device=order.device)[:MOST_CONDITIONS]]
    learned = None if train is None or train_y is None else model.told(train_y, len(train))
    for i in order.tolist():
        one = kinds[i : i + 1]
        machine, rows = model.under(one), x[kind == i]
        alike = None if learned is None or train is None else (learned == one).reshape(len(learned), -1).all(1)
        start = train[alike] if train is not None and alike is not None and bool(alike.any()) else None
        found = log_partition(machine, start, **how)
        yield Piece(unnormalised(machine, rows)[0], found, f"under condition {one.squeeze().tolist()}")


@singledispatch
@torch.no_grad()
def unnormalised(model: Any, x: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, bool]:
    """Log-probability of each row but for ln Z, and whether it is exact; otherwise the model's lower bound on it."""
    if _few(model):
        v = model.check(x)
        return torch.cat([model.log_sum({model.data: part}) for part in v.split(ROWS_AT_ONCE)]), True
    return torch.cat([model.score(part) for part in x.split(ROWS_AT_ONCE)]).double(), False


@unnormalised.register
def _(model: NeuralEnergy, x: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, bool]:
    return torch.cat([model.score(part) for part in x.split(ROWS_AT_ONCE)]).double(), True


@unnormalised.register
def _(model: DeepBeliefNet, x: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, bool]:
    rows = [model.score(part, generator=generator) for part in x.split(ROWS_AT_ONCE)]
    return torch.cat(rows).double(), len(model.hidden) == 1


def _few(model: Any) -> bool:
    """Whether the hidden layers of one row can be summed out with little work."""
    try:
        layers = listed(model, (model.data,))
    except Unsupported:
        return False
    states = ((model.units[name], model.sizes[name]) for name in layers)
    return sum(size // unit.width * math.log2(len(unit.alternatives or ())) for unit, size in states) <= FEW_BITS


def _less(metric: str, rows: Tensor, log_z: float, interval: tuple[float, float], method: str) -> Record:
    """Mean of rows minus ln Z, with what other rows and other runs would have changed added in squares."""
    mean, sides = mean_interval(rows)
    half = 0.0 if sides is None else sides[1] - mean
    low, high = math.hypot(half, interval[1] - log_z), math.hypot(half, log_z - interval[0])
    value = mean - log_z
    return Record(metric, value, method, unit="nats", interval=(value - low, value + high), rows=len(rows))


def _stand_in(model: Any, x: Tensor, reason: str) -> list[Record]:
    try:
        return [pseudo_likelihood(model, x, reason)]
    except Unsupported:
        return []
