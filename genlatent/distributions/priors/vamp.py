"""The prior that the encoder itself would like best."""

from collections.abc import Callable, Sequence
from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from genlatent.distributions.base import Prior
from genlatent.distributions.distribution import Distribution
from genlatent.distributions.missing import split
from genlatent.distributions.supports import Support
from genlatent.errors import RecipeError

CLOSEST = 0.02  # pseudo-inputs start this far inside the ends of their range


class VampPrior(Prior):
    r"""The average posterior of learned pseudo-inputs, :math:`p(z) = \frac{1}{K} \sum_k q(z \mid u_k)`.

    The model lends its encoder by :meth:`attach`; it stays the model's, with its parameters registered there alone.
    Pseudo-inputs start at training rows and stay in the range of the data.

    Args:
        pseudo_inputs: how many.

    References:
        VAE with a VampPrior (Tomczak and Welling, 2018)
    """

    from_encoder = True

    def __init__(self, pseudo_inputs: int = 50, event_shape: Sequence[int] | None = None):
        if pseudo_inputs < 1:
            raise ValueError(f"pseudo_inputs must be at least 1, got {pseudo_inputs}")
        super().__init__(event_shape)
        self.pseudo_inputs = pseudo_inputs
        self._infer: Callable[[Tensor], Any] | None = None
        self._support: Support = "real"

    def attach(self, infer: Callable[[Tensor], Any], event_shape: torch.Size, support: Support) -> None:
        """Borrow q(z | x), and make the pseudo-inputs in the shape of x."""
        self._infer, self._support = infer, support
        self.raw = nn.Parameter(torch.randn(self.pseudo_inputs, *event_shape))

    @torch.no_grad()
    def prepare(self, x: Tensor) -> None:
        """Let the pseudo-inputs start at rows from all over the training data."""
        rows, _ = split(x, self._support)
        chosen = torch.arange(self.pseudo_inputs, device=x.device) * len(rows) // self.pseudo_inputs
        self.raw.copy_(self._into(rows[chosen].to(self.raw)))

    def inputs(self) -> Tensor:
        """The pseudo-inputs, in the range of the data."""
        if self._support in ("binary", "unit", "open-unit") or str(self._support).startswith("levels"):
            return self.raw.sigmoid()
        return softplus(self.raw) if self._support == "count" else self.raw

    def _into(self, x: Tensor) -> Tensor:
        if self._support in ("binary", "unit", "open-unit") or str(self._support).startswith("levels"):
            return x.clamp(CLOSEST, 1 - CLOSEST).logit()
        return torch.expm1(x.clamp(CLOSEST, 50.0)).log() if self._support == "count" else x

    def forward(self) -> Distribution:
        """The distribution of one z."""
        if self._infer is None:
            raise RecipeError("VampPrior is made of a model's encoder, and this model does not lend it; use a VAE")
        parts = self._infer(self.inputs())
        return dist.MixtureSameFamily(dist.Categorical(logits=self.raw.new_zeros(self.pseudo_inputs)), parts)
