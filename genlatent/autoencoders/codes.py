"""What is done to the outputs of an encoder before they are the code: fewer of them, noisier, or bits."""

import math

import torch
from torch import Tensor

from genlatent.components import Component
from genlatent.errors import RecipeError


class CodeOperation(Component):
    """Maps the encoder's outputs `(*batch, units)` to the code of the same shape; can be traced.

    Attributes:
        smooth: whether the code has a derivative everywhere, which the contractive penalty needs.
    """

    smooth = False

    def __call__(self, z: Tensor, training: bool) -> Tensor:
        """The code; `training` says whether it is made to learn from."""
        raise NotImplementedError

    def check(self, units: int) -> None:
        """Refuse a code of a size that does not suit."""

    def idle(self, units: int) -> bool:
        """Whether it leaves every code of so many units as it is."""
        return False


class KSparse(CodeOperation):
    r"""The k largest units of each row stay, the others are silenced and get no gradient.

    .. math:: c_j(z) = z_j \, [\, z_j \text{ is among the } k \text{ largest of } z \,]

    Outside training the :math:`\alpha k` largest stay.

    References:
        k-Sparse autoencoders (Makhzani and Frey, 2014)

    Args:
        k: units kept in training.
        alpha: how many times as many are kept afterwards.

    >>> KSparse(1)(torch.tensor([[0.2, 3.0, -1.0]]), training=True)
    tensor([[0., 3., 0.]])
    """

    def __init__(self, k: int = 10, alpha: float = 1.0):
        if not isinstance(k, int) or k < 1:
            raise RecipeError(f"k must be a whole number of at least 1, got {k}")
        if not alpha > 0:
            raise RecipeError(f"alpha must be above 0, got {alpha}")
        self.k, self.alpha = k, alpha

    def kept(self, units: int, training: bool) -> int:
        """How many of `units` stay."""
        return self.k if training else min(units, max(1, round(self.alpha * self.k)))

    def __call__(self, z: Tensor, training: bool) -> Tensor:
        """The code."""
        largest = z.detach().topk(self.kept(z.shape[-1], training), dim=-1).indices
        return torch.where(torch.zeros_like(z, dtype=torch.bool).scatter(-1, largest, True), z, 0.0)

    def check(self, units: int) -> None:
        """Refuse to keep more units than there are."""
        if self.k > units:
            raise RecipeError(f"k-sparse keeps k = {self.k} units, the code has only {units}; lower k or raise latent")

    def idle(self, units: int) -> bool:
        """Whether every unit stays."""
        return self.k >= units


class Threshold(CodeOperation):
    r"""Units above a level stay, the others are silenced and get no gradient: a hard threshold.

    .. math:: c_j(z) = z_j \, [\, z_j > \text{level} \,]

    How many stay is up to each row; with a level between the k-th and the next largest value it is :class:`KSparse`.

    Args:
        level: what a unit has to exceed.

    >>> Threshold(0.5)(torch.tensor([[0.2, 3.0]]), training=True)
    tensor([[0., 3.]])
    """

    def __init__(self, level: float = 0.0):
        self.level = level

    def __call__(self, z: Tensor, training: bool) -> Tensor:
        """The code."""
        return torch.where(z > self.level, z, 0.0)

    def idle(self, units: int) -> bool:
        """Whether the level is one that every value exceeds."""
        return self.level == -math.inf


class NoisyCode(CodeOperation):
    r"""A stochastic encoder: :math:`c(z) = z + \mathcal{N}(0, \text{scale}^2)` in training, z itself afterwards.

    Args:
        scale: standard deviation of the noise.

    >>> NoisyCode(0.5)(torch.ones(1, 2), training=False)
    tensor([[1., 1.]])
    """

    smooth = True

    def __init__(self, scale: float = 0.1):
        if not scale >= 0:
            raise RecipeError(f"scale must not be negative, got {scale}")
        self.scale = scale

    def __call__(self, z: Tensor, training: bool) -> Tensor:
        """The code."""
        return z + self.scale * torch.randn(z.shape, dtype=z.dtype, device=z.device) if training else z

    def idle(self, units: int) -> bool:
        """Whether there is no noise."""
        return self.scale == 0


class Binary(CodeOperation):
    r"""Bits :math:`c_j(z) = [z_j > 0]`, which learn by the derivative of :math:`\sigma(z_j)`, the straight-through one.

    References:
        Estimating or propagating gradients through stochastic neurons (Bengio, Leonard and Courville, 2013)

    >>> Binary()(torch.tensor([[0.2, -3.0]]), training=True)
    tensor([[1., 0.]])
    """

    def __call__(self, z: Tensor, training: bool) -> Tensor:
        """The code."""
        soft = z.sigmoid()
        return (z > 0).to(z) + (soft - soft.detach())
