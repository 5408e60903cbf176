"""Whether chains that sample a model agree with one another."""

from typing import Any

import torch
from torch import Tensor

from genlatent.evaluation.record import Record
from genlatent.sampling.draws import Draws

AGREEMENT = 1.01  # largest R-hat of chains that are taken to agree
SUSPICION = 1.1  # from here on they do not
FEWEST = 100.0  # effective draws over all chains

CHAINS = 8
BURN_IN = 1000
THIN = 10


def run_chains(
    model: Any,
    *,
    chains: int = CHAINS,
    draws: int = 500,
    burn_in: int = BURN_IN,
    thin: int = THIN,
    generator: torch.Generator | None = None,
) -> Draws:
    """Fresh chains at temperature 1, and the free energy of their data layer at every draw."""

    def observe(state: Any) -> dict[str, Tensor]:
        return {"free_energy": model.free_energy(state.layers[model.data])}

    return model.trace(draws, chains=chains, burn_in=burn_in, thin=thin, observe=observe, generator=generator)


def diagnosis(draws: Draws, name: str = "free_energy") -> list[Record]:
    r"""Rank-normalised R-hat and bulk effective sample size of one variable.

    References:
        Rank-normalization, folding, and localization: an improved R-hat (Vehtari et al., 2021)
    """
    found = draws.diagnose([name])[name]
    chains, length = draws[name].shape[:2]
    method = f"{chains} chains, a draw every {draws.thin} steps after {draws.burn_in}, of the {name.replace('_', ' ')}"
    if found.rhat is None or found.ess_bulk is None:
        return [Record("R-hat", float("inf"), method, samples=length, verdict="failed", reason="no chain ever moved")]
    agreed = _agreed(found.rhat)
    enough = (
        ("ok", "") if found.ess_bulk >= FEWEST else ("doubtful", f"fewer than {FEWEST:g}: run the chains for longer")
    )
    return [
        Record("R-hat", found.rhat, f"rank-normalised, {method}", samples=length, verdict=agreed[0], reason=agreed[1]),
        Record(
            "effective draws", found.ess_bulk, f"bulk, {method}", samples=length, verdict=enough[0], reason=enough[1]
        ),
    ]


def _agreed(rhat: float) -> tuple[str, str]:
    if rhat <= AGREEMENT:
        return "ok", ""
    if rhat <= SUSPICION:
        return "doubtful", f"above {AGREEMENT}: the chains have not quite forgotten where they began"
    return "failed", f"above {SUSPICION}: the chains are in different places, so their draws are not the model's"
