"""What a model can be asked beside the judgements that are quick: each costs minutes, and is done on request."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from genlatent.data.dataset import Dataset
from genlatent.errors import RecipeError, Unsupported
from genlatent.evaluation.calibration import ROWS as SIMULATED
from genlatent.evaluation.calibration import calibration_records
from genlatent.evaluation.collapse import collapse_records
from genlatent.evaluation.predictive import predictive_checks
from genlatent.evaluation.quality.quality import sample_quality
from genlatent.evaluation.record import Record
from genlatent.evaluation.refined import refined_bound
from genlatent.evaluation.representation import representation_records
from genlatent.evaluation.simulated_rows import two_sided_records
from genlatent.evaluation.verbs import overridden
from genlatent.numerics import devices
from genlatent.numerics.randomness import stream

ROWS = 200  # test rows that the slow judgements look at


def also_judged(
    model: Any, data: Dataset, x: Tensor, y: Tensor | None, wishes: Sequence[str], *, samples: int, seed: int
) -> list[Record]:
    """The records of each wish.

    `quality` of samples; the `representation` that codes are; of latent models the `guide`, and the likelihood from two
    `sides`. `y` are the labels under which a conditional model is asked, and None under others.
    """
    records = []
    for wish in wished(wishes):
        generator = stream(seed, devices.of(model), name=wish)
        if not having(model, (wish,)):
            raise Unsupported(f"{type(model).__name__} has no {WISHES[wish]}, so {wish!r} cannot be asked about")
        if wish == "quality":
            records += sample_quality(model, data, seed=seed, generator=generator)
        elif wish == "representation":
            records += representation_records(model, data, seed=seed)
        else:
            told = None if y is None else y[:ROWS]
            records += OF_GUIDES[wish](model, x[:ROWS], told, samples, generator)
    return records


def wished(wishes: Sequence[str]) -> tuple[str, ...]:
    """The wishes, or one sentence about the first that nobody knows."""
    for wish in wishes:
        if wish not in WISHES:
            raise RecipeError(f"nothing is called {wish!r}; also may hold {', '.join(WISHES)}")
    return tuple(wishes)


def having(model: Any, wishes: Sequence[str]) -> tuple[str, ...]:
    """Those of the wishes that a model of this kind can answer.

    >>> from genlatent import RBM
    >>> having(RBM(4, 2), ("quality", "guide", "representation"))
    ('quality', 'representation')
    """
    alone = not model.conditional
    can = {
        "quality": overridden(model, "sample") and alone,
        "representation": overridden(model, "encode") and alone,
        "guide": hasattr(model, "log_weights"),
        "sides": hasattr(model, "log_weights"),
    }
    return tuple(wish for wish in wishes if can.get(wish, True))


def _guide(model: Any, x: Tensor, y: Tensor | None, samples: int, generator: torch.Generator) -> list[Record]:
    """Whether the code is used, whether replicas look like the rows, and whether the guide's spread is right."""
    under = None if y is None else y[torch.arange(SIMULATED, device=y.device) % len(y)]
    return [
        *collapse_records(model, x, y, generator=generator),
        *predictive_checks(model, x, y=y, generator=generator),
        *calibration_records(model, y=under, generator=generator),
    ]


def _sides(model: Any, x: Tensor, y: Tensor | None, samples: int, generator: torch.Generator) -> list[Record]:
    """The bound with hard rows annealed, and what both sides of simulated rows leave open."""
    refined = refined_bound(model, x, samples=samples, y=y, generator=generator)
    return [refined, *two_sided_records(model, y=y, generator=generator)]


OF_GUIDES: Mapping[str, Callable[..., list[Record]]] = {"guide": _guide, "sides": _sides}
WISHES = {  # and what is needed for it
    "quality": "samples without conditions",
    "representation": "codes of rows alone",
    "guide": "guide",
    "sides": "guide",
}
