r"""Products of whole numbers: states of one byte with couplings of two.

Processors multiply bytes four times as fast as float32 numbers and add up exactly. A coupling is written as
:math:`w \approx \delta (127 a + b)` with bytes :math:`a` and :math:`b`, so a product costs two byte products, which is
what one bfloat16 product costs, but the couplings keep 15 bits where bfloat16 keeps 8.
"""

import functools
import time
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int8, Int32
from torch import Tensor

BASE = 127  # the largest byte, and what the first half of a coupling counts
LARGEST = BASE * BASE + BASE // 2  # of a whole coupling, 16192
MOST_ROWS = (2**31 - 1) // LARGEST  # of a matrix of couplings, so that no sum leaves 32 bits

PROBE = (512, 784, 512)  # rows, inner, columns
WORTHWHILE = 1.1  # least gain in speed over the float32 product at the probe's size

byte_product: Any = torch._int_mm  # pyright: ignore[reportPrivateImportUsage]  # the only way to such a product


class Halves(NamedTuple):
    r"""Couplings as whole multiples of :math:`\delta`, the first halves above the second."""

    bytes: Int8[Tensor, "both columns"]
    step: float  # the delta

    def product(self, s: Int8[Tensor, "chain both"], out: Int32[Tensor, "chain columns"]) -> Int32[Tensor, "..."]:
        r""":math:`s W / \delta`, exactly, of states written by :func:`doubled`."""
        return byte_product(s, self.bytes, out=out)


def halves(w: Float[Tensor, "rows columns"]) -> Halves:
    r"""Couplings rounded to whole multiples of :math:`\delta = \max |w| / 16192`, each off by :math:`\delta/2` at most.

    >>> rounded(torch.tensor([[1.0, -0.3]])).sub(torch.tensor([[1.0, -0.3]])).abs().max() < 3.1e-5
    tensor(True)
    """
    whole, step = _whole(w)
    first = (whole / BASE).round()
    return Halves(torch.cat([first, whole - BASE * first]).to(torch.int8), step)


def rounded(w: Float[Tensor, "rows columns"]) -> Float[Tensor, "rows columns"]:
    """The couplings that :func:`halves` stands for."""
    whole, step = _whole(w)
    return (whole * step).to(w.dtype)


def _whole(w: Tensor) -> tuple[Tensor, float]:
    largest = float(w.abs().max()) if w.numel() else 0.0
    step = largest / LARGEST or 1.0
    return (w.double() / step).round(), step


def doubled(s: Float[Tensor, "chain units"]) -> Int8[Tensor, "chain both"]:
    """States of -1, 0 and 1 as bytes, once 127 times and once by themselves."""
    return torch.cat([BASE * s, s], dim=1).to(torch.int8)


@functools.cache
def worthwhile() -> bool:
    """Whether byte products are exact on this processor, and faster than float32 ones; probed once per process."""
    rows, inner, columns = PROBE
    s = torch.randint(-1, 2, (rows, inner), generator=torch.Generator().manual_seed(0)).float()
    w = torch.linspace(-1, 1, inner * columns).view(inner, columns)
    a, b = doubled(s), halves(w)
    out = torch.empty(rows, columns, dtype=torch.int32)
    try:
        exact = torch.equal(b.product(a, out).long(), (s.double() @ (rounded(w).double() / b.step).round()).long())
    except (RuntimeError, NotImplementedError):  # no such product on this processor
        return False
    return exact and _least_time(lambda: b.product(a, out)) * WORTHWHILE <= _least_time(lambda: s @ w)


def _least_time(call: Any, repeats: int = 12) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times[3:])
