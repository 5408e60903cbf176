"""Whether the code is used at all: active units, divergence by dimension, and what x and z tell of each other."""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from genlatent.evaluation.importance_weights import used_records
from genlatent.evaluation.latents import sites_used
from genlatent.evaluation.record import Record
from genlatent.objectives.collapse import summary

CEILING = 0.95  # share of log n from which on the mutual information may be anything above
LISTED = 20  # dimensions whose divergence is spelled out


def collapse_records(
    model: Any, x: Tensor, y: Tensor | None = None, *, generator: torch.Generator | None = None
) -> list[Record]:
    """Active units, divergence in all and by dimension, and mutual information, over these rows.

    References:
        Importance weighted autoencoders (Burda, Grosse and Salakhutdinov, 2016)
        ELBO surgery (Hoffman and Johnson, 2016)
    """
    uses = sites_used(model, x, y, generator=generator)
    kl, active = ({name: getattr(use, part) for name, use in uses.items()} for part in ("divergence", "active"))
    with model.asked(generator):
        found = summary(model, x, y)
    return [*used_records(kl, active, len(x)), *_by_dimension(kl, len(x)), *_shared(found, len(x))]


def _by_dimension(kl: dict[str, Tensor], rows: int) -> Iterator[Record]:
    for name, values in kl.items():
        of = "" if len(kl) == 1 else f" of {name}"
        falling = values.double().sort(descending=True).values.tolist()
        listed = ", ".join(f"{value:.2f}" for value in falling[:LISTED])
        more = f" and {len(falling) - LISTED} more" if len(falling) > LISTED else ""
        told = f"all: {listed}{more}"
        yield Record(f"KL of the most used dimension{of}", falling[0], "mean over rows", "nats", rows=rows, reason=told)


def _shared(found: dict[str, Tensor], rows: int) -> Iterator[Record]:
    if "mutual_information" not in found:
        return
    value, most = float(found["mutual_information"]), math.log(rows)
    full = value > CEILING * most
    reason = f"cannot be seen to exceed log {rows} = {most:.2f}: ask about more rows" if full else ""
    verdict = "doubtful" if full else "ok"
    method = "of x and z under q(z|x), these rows as the data"
    yield Record("mutual information", value, method, "nats", rows=rows, verdict=verdict, reason=reason)
