"""What a denoising model is asked to undo: small objects that map rows to corrupted rows; any callable does as well."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from genlatent.components import Component

Rows = Float[Tensor, "batch *event"]


class Corruption(Component):
    """Maps rows to corrupted rows of the same shape; draws from torch's default generator, so that it can be traced."""

    @property
    def idle(self) -> bool:
        """Whether it leaves every row as it is."""
        return False

    def __call__(self, x: Rows) -> Rows:
        """Corrupted rows."""
        raise NotImplementedError


class Masking(Corruption):
    r"""Each value is replaced with probability p, by `value`.

    Args:
        p: how likely.
        value: by what.
        rescale: let the values that stay grow by :math:`1 / (1 - p)`, so that in the mean a row is what it was; for a
            network that learns from masked rows and is asked about whole ones. Takes a `value` of 0.

    >>> Masking(1.0)(torch.ones(1, 3))
    tensor([[0., 0., 0.]])
    """

    def __init__(self, p: float = 0.25, value: float = 0.0, rescale: bool = False):
        self.p, self.value, self.rescale = _share(p, "p"), value, rescale
        if rescale and (p == 1 or value != 0):
            raise ValueError(f"rescale takes p below 1 and a value of 0, got {p} and {value}")

    @property
    def idle(self) -> bool:
        """Whether it leaves every row as it is."""
        return self.p == 0

    def __call__(self, x: Rows) -> Rows:
        """Corrupted rows."""
        hit = torch.rand(x.shape, dtype=x.dtype, device=x.device) < self.p
        return torch.where(hit, self.value, x / (1 - self.p) if self.rescale else x)


class ExactMasking(Corruption):
    r"""In each row of d values exactly the nearest whole number to `share * d` is replaced, by `value`.

    >>> int((ExactMasking(0.25)(torch.ones(1, 8)) == 0).sum())
    2
    """

    def __init__(self, share: float = 0.25, value: float = 0.0):
        self.share, self.value = _share(share, "share"), value

    @property
    def idle(self) -> bool:
        """Whether it leaves every row as it is."""
        return self.share == 0

    def __call__(self, x: Rows) -> Rows:
        """Corrupted rows."""
        flat = x.flatten(1) if x.ndim > 1 else x.unsqueeze(1)
        rank = torch.rand(flat.shape, dtype=x.dtype, device=x.device).argsort(-1).argsort(-1)
        return torch.where(rank < round(self.share * flat.shape[1]), self.value, flat).reshape(x.shape)


class BlockOcclusion(Corruption):
    r"""A square of `size` by `size` pixels at a random place, one for each image and all its channels, is replaced.

    >>> (BlockOcclusion(2)(torch.ones(1, 1, 4, 4)) == 0).sum().item()
    4
    """

    def __init__(self, size: int = 10, value: float = 0.0):
        if size < 1:
            raise ValueError(f"size must be at least 1, got {size}")
        self.size, self.value = size, value

    def __call__(self, x: Rows) -> Rows:
        """Corrupted rows."""
        if x.ndim < 3 or min(x.shape[-2:]) < self.size:
            raise ValueError(f"a block of {self.size} does not fit into images of shape {tuple(x.shape[1:])}")
        inside = self._inside(x, -2).unsqueeze(-1) & self._inside(x, -1).unsqueeze(-2)
        return torch.where(inside.reshape(len(x), *[1] * (x.ndim - 3), *x.shape[-2:]), self.value, x)

    def _inside(self, x: Tensor, dim: int) -> Tensor:
        """Which rows (or columns) of each image the block covers, `(batch, extent)`."""
        extent = x.shape[dim]
        start = _places(x, extent - self.size + 1)
        at = torch.arange(extent, dtype=x.dtype, device=x.device)
        return (at >= start) & (at < start + self.size)


class Shift(Corruption):
    r"""Each image, with all its channels, is moved by up to `size` pixels in both directions; `value` comes in.

    Every one of the :math:`(2 \cdot \text{size} + 1)^2` displacements is as likely as the others, none among them.

    >>> Shift(1)(torch.eye(3).reshape(1, 1, 3, 3)).shape
    torch.Size([1, 1, 3, 3])
    """

    def __init__(self, size: int = 1, value: float = 0.0):
        if size < 0:
            raise ValueError(f"size must not be negative, got {size}")
        self.size, self.value = size, value

    @property
    def idle(self) -> bool:
        """Whether it leaves every row as it is."""
        return self.size == 0

    def __call__(self, x: Rows) -> Rows:
        """Corrupted rows."""
        if x.ndim < 3:
            raise ValueError(f"only images can be shifted, not rows of shape {tuple(x.shape[1:])}")
        wide = pad(x, [self.size] * 4, value=self.value)
        return self._cut(self._cut(wide, -2), -1)

    def _cut(self, wide: Tensor, dim: int) -> Tensor:
        """Of each image as many rows (or columns) as it had, from a place of its own on."""
        extent = wide.shape[dim] - 2 * self.size
        start = _places(wide, 2 * self.size + 1).long()
        at = start + torch.arange(extent, device=wide.device)
        shape = [1] * wide.ndim
        shape[0], shape[dim] = at.shape
        places = [*wide.shape]
        places[dim] = extent
        return wide.gather(dim, at.reshape(shape).expand(places))


class GaussianNoise(Corruption):
    r"""Adds :math:`\mathcal{N}(0, \text{scale}^2)` to each value.

    >>> GaussianNoise(0.0)(torch.ones(1, 2))
    tensor([[1., 1.]])
    """

    def __init__(self, scale: float = 0.3):
        self.scale = _not_negative(scale, "scale")

    @property
    def idle(self) -> bool:
        """Whether it leaves every row as it is."""
        return self.scale == 0

    def __call__(self, x: Rows) -> Rows:
        """Corrupted rows."""
        return x + self.scale * torch.randn(x.shape, dtype=x.dtype, device=x.device)


class SaltAndPepper(Corruption):
    r"""Each value is replaced with probability p, by `low` or `high` with equal chance.

    >>> SaltAndPepper(1.0)(torch.full((1, 4), 0.5)).ne(0.5).all()
    tensor(True)
    """

    def __init__(self, p: float = 0.25, low: float = 0.0, high: float = 1.0):
        self.p, self.low, self.high = _share(p, "p"), low, high

    @property
    def idle(self) -> bool:
        """Whether it leaves every row as it is."""
        return self.p == 0

    def __call__(self, x: Rows) -> Rows:
        """Corrupted rows."""
        u = torch.rand(x.shape, dtype=x.dtype, device=x.device)
        return torch.where(u < self.p / 2, self.low, torch.where(u < self.p, self.high, x))


class UniformNoise(Corruption):
    r"""Adds a number between -width/2 and width/2 to each value.

    >>> UniformNoise(0.0)(torch.ones(1, 2))
    tensor([[1., 1.]])
    """

    def __init__(self, width: float = 0.5):
        self.width = _not_negative(width, "width")

    @property
    def idle(self) -> bool:
        """Whether it leaves every row as it is."""
        return self.width == 0

    def __call__(self, x: Rows) -> Rows:
        """Corrupted rows."""
        return x + self.width * (torch.rand(x.shape, dtype=x.dtype, device=x.device) - 0.5)


class InTurn(Corruption):
    r"""Several corruptions, each of what the one before it made.

    >>> InTurn([Masking(1.0), UniformNoise(0.0)])(torch.ones(1, 3))
    tensor([[0., 0., 0.]])
    """

    def __init__(self, corruptions: Sequence[Corruption] = ()):
        self.corruptions = tuple(corruptions)

    @property
    def idle(self) -> bool:
        """Whether it leaves every row as it is."""
        return all(one.idle for one in self.corruptions)

    def __call__(self, x: Rows) -> Rows:
        """Corrupted rows."""
        for corruption in self.corruptions:
            x = corruption(x)
        return x


def _places(x: Tensor, number: int) -> Tensor:
    """A place for each row, 0 to `number - 1`, each as likely as the others, `(batch, 1)`."""
    return (torch.rand(len(x), 1, dtype=x.dtype, device=x.device) * number).floor().clamp(max=number - 1)


def _share(value: float, name: str) -> float:
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must be between 0 and 1, got {value}")
    return value


def _not_negative(value: float, name: str) -> float:
    if not value >= 0:
        raise ValueError(f"{name} must not be negative, got {value}")
    return value
