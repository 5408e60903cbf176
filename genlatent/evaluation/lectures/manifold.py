"""What a two-dimensional code holds: its means of x over a grid."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.errors import Unsupported

EDGE = 0.02  # of the prior's mass left out on either side


def manifold(model: Any, side: int = 15) -> Float[Tensor, "row column *event"]:
    r"""Means of p(x | z) on a `side` x `side` grid of the quantiles of a standard normal, upwards in the first rows.

    .. math:: z_{ij} = \bigl(\Phi^{-1}(u_j), \Phi^{-1}(1 - u_i)\bigr), \qquad u_i \in [0.02, 0.98]

    so that every cell holds equal mass under the prior.

    References:
        Auto-encoding variational Bayes, appendix A (Kingma and Welling, 2014)
    """
    if tuple(model.latent_shape) != (2,):
        raise Unsupported(f"a manifold is drawn of 2 latents, this model has shape {tuple(model.latent_shape)}")
    device = next(model.parameters()).device
    steps = torch.special.ndtri(torch.linspace(EDGE, 1 - EDGE, side, device=device))
    up, right = torch.meshgrid(steps.flip(0), steps, indexing="ij")
    z = torch.stack([right, up], -1).to(next(model.parameters()).dtype)
    return model.decode(z.reshape(-1, 2)).unflatten(0, (side, side))
