"""Score matching: the slope of the energy fitted to the data's, which needs neither chains nor ln Z."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.errors import RecipeError, Unsupported
from genlatent.objectives.base import Batch, Loss, Objective


class ScoreMatching(Objective):
    r"""Fisher divergence from data to model, but for a constant that is the data's own,

    .. math:: L = \bigl\langle \tfrac12 |\nabla F(x)|^2 - \Delta F(x) \bigr\rangle_{data}

    The Laplacian :math:`\Delta F` costs one derivative for each value of a row; with `projections` it is estimated as
    :math:`v^\top \nabla^2 F v` with random signs v, :math:`\mathbb{E} v v^\top = I` (Hutchinson), one derivative each.
    Both are consistent for densities that vanish at infinity, so data in a box are refused. F has to be smooth: under
    ReLU the Laplacian is zero almost everywhere. Modes far apart are matched each for itself, not in their proportion.

    The held-out `loss` is the same for each row, exact in the Laplacian where there are no projections.

    Args:
        projections: random directions for each row; none for the exact Laplacian.

    References:
        Estimation of Non-Normalized Statistical Models by Score Matching (Hyvärinen, 2005);
        Sliced Score Matching: A Scalable Approach to Density and Score Estimation (Song et al., 2019)
    """

    def __init__(self, projections: int | None = None):
        if projections is not None and projections < 1:
            raise RecipeError(f"projections must be at least 1, or None for the exact Laplacian, got {projections}")
        self.projections = projections

    def init(self, model: Any, x: Tensor, share: float = 1.0) -> dict[str, Tensor]:
        """No state; supports with an edge are refused."""
        refuse_edges(model, "score matching")
        return {}

    def __call__(self, model: Any, batch: Batch, state: dict[str, Tensor]) -> Loss:
        """The loss of one batch."""
        half_square, laplacian = self._parts(model, batch.x)
        value = (half_square - laplacian).mean()
        return Loss(value, {"laplacian": laplacian.mean().detach()})

    def validate(self, model: Any, batch: Batch) -> dict[str, Tensor]:
        """The same for each row."""
        half_square, laplacian = self._parts(model, batch.x)
        return {"loss": (half_square - laplacian).detach()}

    def _parts(self, model: Any, x: Tensor) -> tuple[Float[Tensor, " batch"], Float[Tensor, " batch"]]:
        with torch.enable_grad():
            x = model.flat(x).detach().requires_grad_()
            slope = differentiable_slope(model, x)
            found = [(curve(slope, x, v) * v).flatten(1).sum(1) for v in self._directions(x)]
        laplacian = torch.stack(found).sum(0) / (self.projections or 1)
        return slope.flatten(1).square().sum(1) / 2, laplacian

    def _directions(self, x: Tensor) -> list[Tensor]:
        if self.projections is None:
            values = x[0].numel()
            return list(torch.eye(values, dtype=x.dtype, device=x.device).reshape(values, 1, *x.shape[1:]))
        return [torch.where(torch.rand_like(x) < 0.5, -1.0, 1.0) for _ in range(self.projections)]


def differentiable_slope(model: Any, x: Tensor) -> Tensor:
    r""":math:`\nabla F(x)` of each row, with the graph that made it."""
    (slope,) = torch.autograd.grad(model.free_energy(x).sum(), x, create_graph=True)
    return slope


def curve(slope: Tensor, x: Tensor, v: Tensor) -> Tensor:
    r""":math:`\nabla^2 F(x) \, v` of each row."""
    (product,) = torch.autograd.grad((slope * v).sum(), x, create_graph=True)
    return product


def refuse_edges(model: Any, rule: str) -> None:
    """One sentence where the density of a model does not vanish at the ends of its support."""
    if model.support != "real":
        raise Unsupported(
            f"{rule} needs real values, but {type(model).__name__} has a support of {model.support}; "
            "learn it by contrast (ContrastiveLangevin)"
        )
