"""Whether chains that sample a model agree with one another."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from genlatent.errors import DataError
from genlatent.evaluation.observables import Observables, principal_directions, summarised
from genlatent.evaluation.record import Record, number
from genlatent.sampling.draws import Diagnosis, Draws
from genlatent.sampling.driver import Progress, watch
from genlatent.sampling.streaming import Running, Streaming

AGREEMENT = 1.01  # largest R-hat of chains that are taken to agree
SUSPICION = 1.1  # from here on they do not
FEWEST = 100.0  # effective draws over all chains

CHAINS = 8
BURN_IN = 1000
THIN = 10


def run_chains(
    model: Any,
    *,
    data: Tensor | None = None,
    chains: int = CHAINS,
    draws: int = 500,
    burn_in: int = BURN_IN,
    thin: int = THIN,
    temperature: float | Tensor = 1.0,
    method: str | None = None,
    given: Mapping[str, Any] | None = None,
    generator: torch.Generator | None = None,
    progress: Progress | None = None,
) -> Draws:
    """Fresh chains at one temperature, and the :class:`.Observables` of every draw.

    Args:
        model: a Boltzmann machine, or another energy with `trace`.
        data: rows whose principal directions are watched; without any, those of the draws of all chains together.
        chains, draws, burn_in, thin, given, method, generator, progress: as in :meth:`BoltzmannMachine.trace`.
        temperature: one for all chains, since chains at different ones are not comparable.
    """
    how: dict[str, Any] = {"chains": chains, "burn_in": burn_in, "thin": thin, "generator": generator}
    how |= _chosen(temperature, method, given) | ({} if progress is None else {"progress": progress})
    if data is None:
        return summarised(model, model.trace(draws, **how))
    observe = Observables(model, principal_directions(model.flat(data)))
    return model.trace(draws, observe=observe, **how)


def _chosen(temperature: float | Tensor, method: str | None, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """What was asked for; the rest is left to the model."""
    if isinstance(temperature, Tensor) and temperature.numel() > 1:
        raise DataError("chains at different temperatures are not comparable; give one temperature")
    found = {"temperature": None if temperature == 1 else float(temperature), "method": method, "given": given}
    return {name: value for name, value in found.items() if value is not None}


def watch_chains(
    model: Any,
    data: Tensor,
    *,
    rhat: float | None = AGREEMENT,
    ess: float | None = 4 * FEWEST,
    chains: int = CHAINS,
    draws: int = 100_000,
    burn_in: int = BURN_IN,
    thin: int = THIN,
    temperature: float = 1.0,
    method: str | None = None,
    given: Mapping[str, Any] | None = None,
    generator: torch.Generator | None = None,
    progress: Progress | None = None,
) -> Streaming:
    """The same for runs of any length: no draw is kept, and the chains end when they are as good as wished.

    Args:
        model: a Boltzmann machine, or another energy with a `kernel`.
        data: rows whose principal directions are watched.
        rhat: stop when no observable has a larger one ...
        ess: ... and none has fewer effective draws.
        chains, burn_in, thin, temperature, given, method, generator, progress: as in :func:`run_chains`.
        draws: of each chain at the most.
    """
    kernel = model.kernel(**_chosen(temperature, method, given))
    begun = model.start(kernel, chains, generator) if hasattr(model, "start") else kernel.init(chains, generator)
    observe = Observables(model, principal_directions(model.flat(data)))
    how: dict[str, Any] = {"burn_in": burn_in, "thin": thin, "rhat": rhat, "ess": ess, "observe": observe}
    return watch(kernel, begun, draws, generator=generator, progress=progress, **how)[1]


def diagnosis(draws: Draws, name: str | None = None) -> list[Record]:
    r"""Rank-normalised R-hat and bulk effective sample size: of one variable, or of the worst of all.

    References:
        Rank-normalization, folding, and localization: an improved R-hat (Vehtari et al., 2021)
    """
    return judged(draws, draws.diagnose(None if name is None else [name]))


def judged(draws: Draws, found: Mapping[str, Diagnosis]) -> list[Record]:
    """What the diagnoses of these draws amount to; constant variables say nothing, unless all are."""
    chains, length = next(iter(draws.values.values())).shape[:2]
    method = f"{chains} chains, a draw every {draws.thin} steps after {draws.burn_in}"
    moving = {name: one for name, one in found.items() if one.rhat is not None}
    if not moving:
        of = _of(next(iter(found)))
        return [
            Record("R-hat", float("inf"), method + of, samples=length, verdict="failed", reason="no chain ever moved")
        ]
    apart = max(moving, key=lambda name: moving[name].rhat or 0.0)
    few = min(moving, key=lambda name: moving[name].ess_bulk or 0.0)
    rhat, bulk = moving[apart].rhat or 0.0, moving[few].ess_bulk or 0.0
    r, e = _agreed(rhat), _enough(bulk)
    return [
        Record("R-hat", rhat, f"rank-normalised, {method}{_of(apart)}", samples=length, verdict=r[0], reason=r[1]),
        Record("effective draws", bulk, f"bulk, {method}{_of(few)}", samples=length, verdict=e[0], reason=e[1]),
    ]


def _of(name: str) -> str:
    return f", of the {name.replace('_', ' ')}"


def _agreed(rhat: float) -> tuple[str, str]:
    if rhat <= AGREEMENT:
        return "ok", ""
    if rhat <= SUSPICION:
        return "doubtful", f"above {AGREEMENT}: the chains have not quite forgotten where they began"
    return "failed", f"above {SUSPICION}: the chains are in different places, so their draws are not the model's"


def _enough(ess: float) -> tuple[str, str]:
    return ("ok", "") if ess >= FEWEST else ("doubtful", f"fewer than {FEWEST:g}: run the chains for longer")


HEADER = ("variable", "R-hat", "bulk draws", "tail draws", "autocorrelation time", "constant")


def by_variable(found: Mapping[str, Diagnosis | Running]) -> list[tuple[str, ...]]:
    """Header and one row of text for each variable, the worst over its elements; the time is in draws.

    >>> by_variable({"energy": Diagnosis(1.002, 512.0, 430.0, 0, 1, 7.5)})[1]
    ('energy', '1.002', '512.000', '430.000', '7.500', '-')
    """
    return [HEADER, *((name.replace("_", " "), *_row(one)) for name, one in found.items())]


def _row(one: Diagnosis | Running) -> tuple[str, ...]:
    bulk, tail = (one.ess, None) if isinstance(one, Running) else (one.ess_bulk, one.ess_tail)
    figures = ["-" if value is None else number(value) for value in (one.rhat, bulk, tail, one.autocorrelation_time)]
    return (*figures, f"{one.constant} of {one.size}" if one.constant else "-")
