"""Whether the code is used at all: active units, divergence by dimension, and what x and z tell of each other."""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from genlatent.evaluation.importance_weights import used_records
from genlatent.evaluation.latents import sites_used
from genlatent.evaluation.record import Record
from genlatent.latent.base import LatentModel
from genlatent.numerics import devices
from genlatent.numerics.randomness import stream
from genlatent.objectives.collapse import summary

CEILING = 0.95  # share of log n from which on the mutual information may be anything above
LISTED = 20  # dimensions whose divergence is spelled out
ROWS = 1000  # that tell which dimensions are active, at the most
ACTIVE = "active units"


def active_records(model: Any, x: Tensor, y: Tensor | None = None) -> list[Record]:
    """For each latent site, how many of its dimensions are active, judged on the first rows; nothing of other models.

    >>> from genlatent import VAE
    >>> [record.metric for record in active_records(VAE(3, latent=2), torch.eye(3))]
    ['active units']
    """
    if not isinstance(model, LatentModel):
        return []
    x, y = x[:ROWS], None if y is None else y[:ROWS]
    kl, active = _used(model, x, y, stream(seed=0, device=devices.of(model), name="codes"))
    return [record for record in used_records(kl, active, len(x)) if record.metric.startswith(ACTIVE)]


def collapse_records(
    model: Any, x: Tensor, y: Tensor | None = None, *, generator: torch.Generator | None = None
) -> list[Record]:
    """Active units, divergence in all and by dimension, and mutual information, over these rows.

    References:
        Importance weighted autoencoders (Burda, Grosse and Salakhutdinov, 2016)
        ELBO surgery (Hoffman and Johnson, 2016)
    """
    kl, active = _used(model, x, y, generator)
    with model.asked(generator):
        found = summary(model, x, y)
    return [*used_records(kl, active, len(x)), *_by_dimension(kl, len(x)), *_shared(found, len(x))]


def _used(
    model: Any, x: Tensor, y: Tensor | None, generator: torch.Generator | None
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """By latent site, the divergence of each dimension and whether it is active."""
    uses = sites_used(model, x, y, generator=generator)
    kl = {name: use.divergence for name, use in uses.items()}
    return kl, {name: use.active for name, use in uses.items()}


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
