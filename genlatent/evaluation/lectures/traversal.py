"""What the principal directions of a code stand for: the code's mean, moved along each."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


class Traversal(NamedTuple):
    """Rows decoded along principal directions of the codes."""

    steps: Tensor  # in standard deviations
    share: Tensor  # of the codes' variance, for each direction
    rows: Tensor  # (direction, step, *event)


def traversal(model: Any, x: Tensor, *, directions: int = 4, reach: float = 2.0, num_steps: int = 9) -> Traversal:
    r"""Decoded codes :math:`\bar z + s \sqrt{\lambda_k} u_k` with the eigenvectors u of the codes' covariance.

    Args:
        model: with `encode` and `decode`.
        x: rows whose codes are analysed.
        directions: how many, those of largest variance first.
        reach: largest s.
        num_steps: values of s, from -reach to reach.
    """
    codes = model.encode(x)
    mean, scale, axes = principal_directions(codes.flatten(1))
    steps = torch.linspace(-reach, reach, num_steps, dtype=codes.dtype, device=codes.device)
    moves = (scale[:directions, None] * axes[:directions]).unsqueeze(1) * steps[:, None]
    places = (mean + moves).reshape(-1, *codes.shape[1:])
    rows = model.decode(places)
    share = scale.square() / scale.square().sum()
    return Traversal(steps, share[:directions], rows.unflatten(0, (-1, num_steps)))


def principal_directions(
    codes: Float[Tensor, "rows units"],
) -> tuple[Float[Tensor, " units"], Float[Tensor, " rank"], Float[Tensor, "rank units"]]:
    """Mean of the codes, and the standard deviations and unit vectors of their principal directions."""
    mean = codes.mean(0)
    _, values, axes = torch.linalg.svd(codes - mean, full_matrices=False)
    return mean, values / max(1, len(codes) - 1) ** 0.5, axes
