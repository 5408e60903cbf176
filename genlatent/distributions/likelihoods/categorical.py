"""Class numbers."""

from collections.abc import Sequence

import pyro.distributions as dist
import torch
from torch import Tensor

from genlatent.distributions.base import Likelihood
from genlatent.distributions.distribution import Distribution


class ClassNumbers(dist.Categorical):
    """A categorical distribution whose draws are class numbers in the type of its logits, like the rows of a table."""

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Class numbers."""
        return super().sample(torch.Size(sample_shape)).to(self.logits.dtype)

    @property
    def mean(self) -> Tensor:
        """The mean class number, which says something only of ordered classes."""
        return (self.probs * torch.arange(self.probs.shape[-1]).to(self.probs)).sum(-1)

    def averaged(self, weights: Tensor) -> Tensor:
        """The most probable class where these distributions have these weights along the first dimension."""
        return (weights[..., None] * self.probs).sum(0).argmax(-1).to(self.probs.dtype)


class Categorical(Likelihood):
    r"""Independent class numbers from 0, :math:`p(x_i = k) = \mathrm{softmax}(\eta_i)_k`.

    Args:
        classes: how many there are.

    >>> Categorical(4).num_params(torch.Size([3])), Categorical(4).support
    (12, 'categorical:4')
    """

    def __init__(self, classes: int, event_shape: Sequence[int] | None = None):
        if classes < 2:
            raise ValueError(f"classes must be at least 2, got {classes}")
        super().__init__(event_shape)
        self.classes = classes

    @property
    def support(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Class numbers below `classes`."""
        return f"categorical:{self.classes}"

    def num_params(self, event_shape: torch.Size) -> int:
        """A logit for each class of each cell."""
        return self.classes * event_shape.numel()

    def forward(self, params: Tensor) -> Distribution:
        """`params` are the logits of class 0 for all cells, then those of class 1, and so on."""
        logits = torch.stack(self.blocks(params, self.classes), -1)
        return ClassNumbers(logits=logits).to_event(len(self.event_shape))

    def mean(self, params: Tensor) -> Tensor:
        """The most probable class: numbers of classes have no order, and no mean."""
        return torch.stack(self.blocks(params, self.classes), -1).argmax(-1).to(params.dtype)
