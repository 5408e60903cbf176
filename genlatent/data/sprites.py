"""Images made from known factors: a shape of some form, size, angle and place on black ground."""

import math

import torch
from torch import Tensor

from genlatent.data.dataset import Dataset, Splits
from genlatent.data.splits import shuffled
from genlatent.errors import DataError
from genlatent.numerics.randomness import stream

FACTORS = ("shape", "scale", "orientation", "x", "y")
LEVELS = (3, 6, 40, 32, 32)
IMAGE_SIZES = (32, 64)
RADIUS = 0.2  # of the largest sprite, as a share of the image's side
MARGIN = 0.24  # of the centres to the border, so that no sprite touches it
CHUNK = 256  # images drawn at a time, which keeps the working set in the cache


def sprites(*, n: int = 10_000, image_size: int = 32, seed: int = 0) -> Dataset:
    """Images with their true factors as labels, after dSprites: 3 shapes, 6 scales, 40 orientations, 32 x, 32 y.

    `n` different ones of all 737,280 combinations; a tenth is `valid`, a tenth is `test`. Edges are soft over one
    pixel, so that steps below a pixel can be seen. A square looks the same after a quarter of a turn, an ellipse after
    half a turn.

    References:
        dSprites: disentanglement testing sprites dataset (Matthey, Higgins, Hassabis, Lerchner, 2017)
    """
    total = math.prod(LEVELS)
    if not 3 <= n <= total:
        raise DataError(f"sprites: n is 3 to {total}, got {n}")
    if image_size not in IMAGE_SIZES:
        raise DataError(f"sprites: image_size is 32 or 64, got {image_size}")
    numbers = torch.randperm(total, generator=stream(seed, name="sprites"))[:n]
    y = factors_of(numbers)
    x = render(y, image_size)
    train, valid, test = shuffled(n, 0.1, 0.1, seed, "sprites")
    labels = Splits(y[train], y[valid], y[test])
    name = "sprites" if image_size == 32 else f"sprites-{image_size}"
    return Dataset(x[train], x[valid], x[test], x.shape[1:], "unit", name, labels=labels, label_names=FACTORS)


def factors_of(numbers: Tensor) -> Tensor:
    """The factors `(n, 5)` of numbered combinations, the last factor counting fastest.

    >>> factors_of(torch.tensor([0, 1, 737279])).tolist()
    [[0, 0, 0, 0, 0], [0, 0, 0, 0, 1], [2, 5, 39, 31, 31]]
    """
    found = []
    for levels in reversed(LEVELS):
        found.append(numbers % levels)
        numbers = numbers // levels
    return torch.stack(found[::-1], dim=1)


def render(factors: Tensor, image_size: int = 32) -> Tensor:
    """Images `(n, 1, size, size)` of factors `(n, 5)`; whole numbers that index the levels.

    >>> render(torch.zeros(1, 5, dtype=torch.int64)).shape
    torch.Size([1, 1, 32, 32])
    """
    images = torch.empty(len(factors), 1, image_size, image_size, device=factors.device)
    for form, depth in enumerate((_square, _ellipse, _heart)):
        for rows in (factors[:, 0] == form).nonzero()[:, 0].split(CHUNK):
            u, v, pixel = _local(factors[rows], image_size)
            images[rows, 0] = (depth(u, v) / pixel + 0.5).clamp(0, 1)
    return images


def _local(factors: Tensor, image_size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Coordinates of every pixel in the frame of its sprite, whose radius is 1, and the width of a pixel there."""
    level = factors.to(torch.float32) / torch.tensor(LEVELS, device=factors.device).sub(1)
    scale, cx, cy = RADIUS * (0.5 + 0.5 * level[:, 1]), *(MARGIN + (1 - 2 * MARGIN) * level[:, 3:]).unbind(1)
    angle = factors[:, 2] * (2 * math.pi / LEVELS[2])
    at = (torch.arange(image_size, device=factors.device) + 0.5) / image_size
    right = ((at - cx[:, None]) / scale[:, None])[:, None, :]  # (n, 1, width)
    down = ((at - cy[:, None]) / scale[:, None])[:, :, None]  # (n, height, 1)
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    return cos * right + sin * down, cos * down - sin * right, (1 / (image_size * scale))[:, None, None]


def _square(u: Tensor, v: Tensor) -> Tensor:
    """How deep inside the square a point lies, negative outside."""
    return math.sqrt(0.5) - torch.maximum(u.abs(), v.abs())


def _ellipse(u: Tensor, v: Tensor) -> Tensor:
    """The same for an ellipse half as wide as long, to first order at its edge."""
    f = (u * u + 4 * v * v).sqrt()
    slope = (u * u + 16 * v * v).sqrt() / f.clamp(min=1e-6)
    return (1 - f) / slope.clamp(min=1e-6)


def _heart(u: Tensor, v: Tensor) -> Tensor:
    r"""The same for :math:`(a^2 + b^2 - 1)^3 = a^2 b^3`, to first order at its edge."""
    a, b = 1.35 * u, 0.15 - 1.35 * v
    q, b2 = a * a + b * b - 1, b * b
    f = q * q * q - a * a * b2 * b
    slope_a = 6 * a * q * q - 2 * a * b2 * b
    slope_b = 6 * b * q * q - 3 * a * a * b2
    return -f / (1.35 * (slope_a * slope_a + slope_b * slope_b).sqrt()).clamp(min=1e-6)
