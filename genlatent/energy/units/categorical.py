"""Sites with several states, written as groups of units of which one is 1."""

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.distributions.supports import one_hot
from genlatent.energy.units.base import RARE, Unit, uniform_like
from genlatent.sampling.uniform import Uniform


class Categorical(Unit):
    r"""A site of q states (Potts): q units, one of them 1, and :math:`K(f) = \log \sum_a e^{f_a}` for each site.

    A layer of shape `(sites, q)` takes one-hot rows of that shape, or class numbers from 0, one for each site. Adding
    a number to all fields of a site changes nothing; :func:`~genlatent.energy.gauge.fix_gauge` uses that freedom up.

    Args:
        states: the q.

    >>> Categorical(3).mean(torch.zeros(6))
    tensor([0.3333, 0.3333, 0.3333, 0.3333, 0.3333, 0.3333])
    """

    def __init__(self, states: int = 2):
        super().__init__()
        if states < 2:
            raise ValueError(f"states must be at least 2, got {states}")
        self.states = states
        self.width = states

    @property
    def support(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """One-hot groups of `states` columns."""
        return f"one-hot:{self.states}"

    @property
    def alternatives(self) -> tuple[tuple[float, ...], ...]:
        """One unit of the group is 1."""
        return tuple(tuple(float(a == b) for b in range(self.states)) for a in range(self.states))

    def spelled(self, x: Tensor, shape: torch.Size) -> Tensor:
        """Class numbers, one for each site, as one-hot rows; the sites of one row, or rows of them."""
        sites, whole = shape.numel() // self.states, shape.numel()
        row = x[0].numel() == sites if x.dim() > 1 or (x.dim() == sites == 1 and len(x) != whole) else False
        return one_hot(x, self.states) if row or x.numel() == sites else x

    def cumulant(self, field: Float[Tensor, "*batch units"]) -> Float[Tensor, "*batch sites"]:
        r""":math:`\log \sum_a e^{f_a}` of each site."""
        return self._sites(field).logsumexp(-1)

    def mean(self, field: Float[Tensor, "*batch units"]) -> Float[Tensor, "*batch units"]:
        """The softmax of each site's fields."""
        return self._sites(field).softmax(-1).flatten(-2)

    def sample(
        self, field: Float[Tensor, "*batch units"], generator: torch.Generator | None = None
    ) -> Float[Tensor, "*batch units"]:
        """The state in whose part of the cumulated probabilities a uniform number falls."""
        return self._chosen(field, uniform_like(field[..., :: self.states], generator))

    def resample_(self, field: Float[Tensor, "chain units"], uniform: Uniform) -> None:
        """The same, over the field."""
        field.copy_(self._chosen(field, uniform.like(field[:, :: self.states])))

    def link(self, mean: Float[Tensor, "*batch units"]) -> Float[Tensor, "*batch units"]:
        """Log-probabilities, less their average over the site."""
        field = self._sites(mean).clamp(min=RARE / self.states).log()
        return (field - field.mean(-1, keepdim=True)).flatten(-2)

    def _sites(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (-1, self.states))

    def _chosen(self, field: Tensor, u: Tensor) -> Tensor:
        below = self._sites(field).softmax(-1).cumsum(-1)
        state = ((u.unsqueeze(-1) * below[..., -1:]) >= below[..., :-1]).sum(-1, keepdim=True)
        return (state == torch.arange(self.states, device=field.device)).to(field.dtype).flatten(-2)
