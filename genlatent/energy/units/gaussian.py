"""Units that are real numbers."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from genlatent.energy.units.base import RARE, Unit
from genlatent.errors import RecipeError


class Gaussian(Unit):
    r"""A real number: :math:`U(x) = x^2 / 2\sigma^2`, :math:`K(f) = \sigma^2 f^2 / 2 + \log \sigma\sqrt{2\pi}`.

    Its mean is :math:`\sigma^2 f` and its variance :math:`\sigma^2`, whatever the temperature: the normaliser is never
    scaled. A learned :math:`\log \sigma` is a parameter of the unit, one for each place in the layer; it starts at the
    spread of the data, or at `scale`.

    Args:
        scale: the :math:`\sigma`.
        learned: whether it is trained.

    >>> Gaussian(scale=2.0).mean(torch.tensor([0.5]))
    tensor([2.])
    """

    support = "real"

    def __init__(self, scale: float = 1.0, learned: bool = False):
        super().__init__()
        if scale <= 0:
            raise ValueError(f"scale must be positive, got {scale}")
        self.scale, self.learned = scale, learned
        self.log_sigma: Tensor | None
        self.register_parameter("log_sigma", None)

    def bind(self, num_units: int, layer: str = "a layer") -> None:
        """Make the parameter, where it is learned."""
        if self.learned and self.log_sigma is None:
            self.log_sigma = nn.Parameter(torch.full((num_units,), math.log(self.scale)))
        if self.log_sigma is not None and len(self.log_sigma) != num_units:
            raise RecipeError(f"{layer} has {num_units} units, its Gaussian learned {len(self.log_sigma)} scales")

    @torch.no_grad()
    def prepare(self, x: Float[Tensor, "batch units"]) -> None:
        """Let a learned scale start at the standard deviation of the data."""
        if self.log_sigma is not None and len(x) > 1:
            self.log_sigma.copy_(x.std(0).clamp(min=RARE).log())

    def base_energy(self, x: Float[Tensor, "*batch units"]) -> Float[Tensor, "*batch"]:
        r""":math:`\sum_i x_i^2 / 2\sigma_i^2`."""
        return (x.square() / self._variance(x)).sum(-1) / 2

    def cumulant(self, field: Float[Tensor, "*batch units"]) -> Float[Tensor, "*batch units"]:
        r""":math:`\sigma^2 f^2/2 + \log \sigma \sqrt{2\pi}`."""
        variance = self._variance(field)
        return variance * field.square() / 2 + (variance.log() + math.log(2 * math.pi)) / 2

    def mean(self, field: Float[Tensor, "*batch units"]) -> Float[Tensor, "*batch units"]:
        r""":math:`\sigma^2 f`."""
        return self._variance(field) * field

    def sample(
        self, field: Float[Tensor, "*batch units"], generator: torch.Generator | None = None
    ) -> Float[Tensor, "*batch units"]:
        r"""Normal around :math:`\sigma^2 f`, with standard deviation :math:`\sigma`."""
        noise = torch.randn(field.shape, generator=generator, dtype=field.dtype, device=field.device)
        return self.mean(field) + self._variance(field).sqrt() * noise

    def link(self, mean: Float[Tensor, "*batch units"]) -> Float[Tensor, "*batch units"]:
        r""":math:`m / \sigma^2`."""
        return mean / self._variance(mean)

    def _variance(self, like: Tensor) -> Tensor:
        if self.log_sigma is None:
            return like.new_full((), self.scale**2)
        return (2 * self.log_sigma.to(like.dtype)).exp()
