"""Points in the plane whose density can be looked at."""

import math

import torch
from torch import Tensor

from genlatent.data.dataset import Dataset, Splits
from genlatent.data.splits import shuffled
from genlatent.errors import DataError
from genlatent.numerics.randomness import stream


def swiss_roll(*, n: int = 10_000, noise: float = 0.05, dimensions: int = 2, seed: int = 0) -> Dataset:
    r"""A sheet rolled up by one and a half turns, :math:`\frac{t}{7} (\cos t, \sin t)`, t uniform on (3/2 pi, 9/2 pi).

    In three dimensions the sheet has a width, uniform on (-1, 1), as second coordinate.
    """
    if dimensions not in (2, 3):
        raise DataError(f"swiss-roll: dimensions is 2 or 3, got {dimensions}")
    drawn_from = stream(seed, name="swiss-roll")
    t = 1.5 * math.pi * (1 + 2 * torch.rand(n, generator=drawn_from))
    axes = [t / 7 * t.cos(), t / 7 * t.sin()]
    if dimensions == 3:
        axes.insert(1, 2 * torch.rand(n, generator=drawn_from) - 1)
    return _dataset("swiss-roll", torch.stack(axes, dim=1), noise, seed, drawn_from)


def two_moons(*, n: int = 10_000, noise: float = 0.1, seed: int = 0) -> Dataset:
    r"""Two half circles, :math:`(\cos t, \sin t)` and :math:`(1 - \cos t, \frac12 - \sin t)`; the labels say which."""
    drawn_from = stream(seed, name="two-moons")
    t = math.pi * torch.rand(n, generator=drawn_from)
    moon = torch.randint(2, (n,), generator=drawn_from)
    upper = torch.stack([t.cos(), t.sin()], dim=1)
    lower = torch.stack([1 - t.cos(), 0.5 - t.sin()], dim=1)
    x = torch.where(moon.unsqueeze(1) == 0, upper, lower)
    return _dataset("two-moons", x, noise, seed, drawn_from, moon, "moon")


def eight_gaussians(*, n: int = 10_000, noise: float = 0.2, radius: float = 2.0, seed: int = 0) -> Dataset:
    r"""Equal shares of :math:`\mathcal{N}(\mu_k, \text{noise}^2 I)` with centres on a circle; the labels say k."""
    drawn_from = stream(seed, name="8-gaussians")
    k = torch.randint(8, (n,), generator=drawn_from)
    angle = k * (2 * math.pi / 8)
    x = radius * torch.stack([angle.cos(), angle.sin()], dim=1)
    return _dataset("8-gaussians", x, noise, seed, drawn_from, k, "centre")


def _dataset(
    name: str,
    x: Tensor,
    noise: float,
    seed: int,
    drawn_from: torch.Generator,
    labels: Tensor | None = None,
    label: str = "",
) -> Dataset:
    """Points with Gaussian noise around them; a tenth is `valid`, a tenth is `test`."""
    if noise < 0:
        raise DataError(f"{name}: noise must not be negative, got {noise}")
    x = x + noise * torch.randn(x.shape, generator=drawn_from)
    train, valid, test = shuffled(len(x), 0.1, 0.1, seed, name)
    split = None if labels is None else Splits(labels[train], labels[valid], labels[test])
    names = () if labels is None else (label,)
    return Dataset(x[train], x[valid], x[test], x.shape[1:], "real", name, labels=split, label_names=names)
