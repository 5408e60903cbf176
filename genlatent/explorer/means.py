"""Draws of a latent-variable model without the noise of its likelihood."""

from typing import Any

import torch
from pyro import poutine
from torch import Tensor

from genlatent.errors import Unsupported
from genlatent.latent import labels
from genlatent.latent.base import LatentModel
from genlatent.latent.conditional import ConditionalVAE
from genlatent.latent.semi_supervised import SemiSupervisedVAE
from genlatent.networks.conditions import Labels
from genlatent.numerics import devices


def means(model: Any, n: int, y: Tensor | None, generator: torch.Generator | None = None) -> Tensor:
    r""":math:`E[x \mid z]` of each of `n` codes :math:`z \sim p(z)`, or of :math:`p(z \mid y)` under a condition.

    >>> from genlatent.latent.vae import VAE
    >>> means(VAE((1, 4, 4), latent=2), 3, None).shape
    torch.Size([3, 1, 4, 4])
    """
    if not isinstance(model, LatentModel):
        raise Unsupported(f"{type(model).__name__} draws no codes")
    with model.asked(generator):
        told: dict[str, Tensor] = {}
        program = model.model
        if isinstance(model, ConditionalVAE) and not isinstance(model, SemiSupervisedVAE):
            told = {"y": _evenly(model, n) if y is None else y}
        elif y is not None:
            program = poutine.condition(program, data={"y": y})
        nodes: Any = poutine.trace(program).get_trace(n=n, **told).nodes
        return nodes["x"]["fn"].mean


def _evenly(model: ConditionalVAE, n: int) -> Tensor:
    if not isinstance(model.condition, Labels):
        raise Unsupported(f"{type(model).__name__} draws x given y")
    return labels.evenly(n, model.condition.counts, devices.of(model))
