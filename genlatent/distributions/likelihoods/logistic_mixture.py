"""The distribution of pixels as mixtures of discretised logistics."""

from collections.abc import Sequence
from typing import Any

import torch
from pyro.distributions import ExpandedDistribution, constraints
from pyro.distributions.torch_distribution import TorchDistribution
from torch import Tensor
from torch.nn.functional import logsigmoid


class LogisticMixture(TorchDistribution):
    """Mixtures of discretised logistics, one for each pixel; see :class:`DiscretisedLogistics`.

    Args:
        logits: weights of the components, `(*batch, *grid, component)`.
        loc: locations on the scale from -1 to 1, `(*batch, channel, *grid, component)`.
        log_scale: logarithms of scales, shaped as `loc`.
        ties: how much channel c follows each channel before it, `(*batch, pair, *grid, component)`.
        levels: number of levels.
        event_shape: `(channel, *grid)`, or `grid` alone where there is one channel.
        observed: which pixels count, `(*batch, *grid)`.
    """

    arg_constraints = {}  # pyright: ignore[reportAssignmentType]
    support = constraints.unit_interval  # pyright: ignore[reportAssignmentType]

    def __init__(
        self,
        logits: Tensor,
        loc: Tensor,
        log_scale: Tensor,
        ties: Tensor,
        levels: int,
        event_shape: torch.Size,
        observed: Tensor | None = None,
    ):
        self.logits, self.loc, self.log_scale, self.ties = logits, loc, log_scale, ties
        self.levels, self.observed = levels, observed
        self.axis = -max(len(event_shape), 1) - (len(event_shape) != 3)  # of channels, in x
        self.channels = loc.shape[self.axis - 1]
        super().__init__(loc.shape[: loc.dim() + self.axis - 1], event_shape, validate_args=False)

    def where_observed(self, observed: Tensor) -> "LogisticMixture":
        """The same, where only pixels count of which every channel was observed."""
        pixels = self._by_channel(observed).all(self.axis)
        return LogisticMixture(self.logits, self.loc, self.log_scale, self.ties, self.levels, self.event_shape, pixels)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log probability of the levels of each row."""
        y = self._by_channel(2 * value - 1).unsqueeze(-1).unbind(self.axis - 1)
        parts = [log_mass(y[c], *self._channel(c, y), self.levels) for c in range(self.channels)]
        pixels = (self.logits.log_softmax(-1) + torch.stack(parts).sum(0)).logsumexp(-1)
        if self.observed is not None:
            pixels = torch.where(self.observed, pixels, 0.0)
        return pixels.flatten(self.axis + 1).sum(-1)

    @property
    def mean(self) -> Tensor:
        """The mean level; of a channel that follows others, given their means, which is exact away from the ends."""
        found: list[Tensor] = []
        for c in range(self.channels):
            loc, log_scale = self._channel(c, found)
            found.append(expected(loc, log_scale.exp(), self.levels))
        y = (torch.stack(found, self.axis - 1) * self.logits.softmax(-1).unsqueeze(self.axis - 1)).sum(-1)
        return self._as_event((y + 1) / 2)

    @torch.no_grad()
    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Levels between 0 and 1."""
        shape = torch.Size(sample_shape) + self.logits.shape
        chosen = (self.logits - (-_uniform(shape, self.logits).log()).log()).argmax(-1, keepdim=True)
        y: list[Tensor] = []
        for c in range(self.channels):
            loc, log_scale = (part.expand(shape).gather(-1, chosen) for part in self._channel(c, y))
            level = ((loc + log_scale.exp() * _uniform(loc.shape, loc).logit() + 1) / 2 * (self.levels - 1)).round()
            y.append(2 * level.clamp(0, self.levels - 1) / (self.levels - 1) - 1)
        return self._as_event((torch.cat([values.movedim(-1, 0) for values in y]).movedim(0, self.axis) + 1) / 2)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """The same for more rows."""
        shape = torch.Size(batch_shape)
        return self if shape == self.batch_shape else ExpandedDistribution(self, shape)

    def _channel(self, c: int, before: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Locations and log scales of one channel's components, given the values of the channels before it."""
        axis = self.axis - 1
        loc = self.loc.select(axis, c)
        for d in range(c):
            loc = loc + self.ties.select(axis, tied(c) + d) * before[d]
        return loc, self.log_scale.select(axis, c)

    def _by_channel(self, x: Tensor) -> Tensor:
        return x if len(self.event_shape) == 3 else x.unsqueeze(self.axis)

    def _as_event(self, x: Tensor) -> Tensor:
        return x if len(self.event_shape) == 3 else x.squeeze(self.axis)


def tied(channels: int) -> int:
    """Pairs of channels.

    >>> tied(1), tied(3)
    (0, 3)
    """
    return channels * (channels - 1) // 2


def _uniform(shape: Sequence[int], like: Tensor) -> Tensor:
    return torch.rand(torch.Size(shape), dtype=like.dtype, device=like.device).clamp(1e-7, 1 - 1e-7)


def log_mass(y: Tensor, loc: Tensor, log_scale: Tensor, levels: int) -> Tensor:
    r"""Log probability of the piece around a level, without cancellation.

    .. math:: \sigma(a) - \sigma(b) = \sigma(a) \, \sigma(-b) \, (1 - e^{b - a}) \quad (a > b)
    """
    half = 1 / (levels - 1)
    inverse = (-log_scale).exp()
    a, b = (y + half - loc) * inverse, (y - half - loc) * inverse
    middle = logsigmoid(a) + logsigmoid(-b) + (-torch.expm1(-2 * half * inverse)).log()
    return torch.where(y < half - 1, logsigmoid(a), torch.where(y > 1 - half, logsigmoid(-b), middle))


def expected(loc: Tensor, scale: Tensor, levels: int) -> Tensor:
    r"""The mean level between -1 and 1: :math:`-1 + 2h \sum_{j=1}^{L-1} \sigma((m - t_j) / s)` with edges :math:`t_j`.

    >>> expected(torch.tensor([0.3, 9.0]), torch.tensor(0.1), 256).round(decimals=3)
    tensor([0.3000, 1.0000])
    """
    half = 1 / (levels - 1)
    found = torch.zeros_like(loc)
    for j in range(levels - 1):
        found = found + torch.sigmoid((loc - (2 * j + 1) * half + 1) / scale)
    return 2 * half * found - 1
