"""As much memory as the weights on disk justify, for building a model that only a file describes."""

from collections.abc import Iterable, Mapping
from math import ceil, prod
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from genlatent.errors import RunError

BASE = 2**28  # bytes that any model may take while it is built
TIMES = 16  # bytes beyond that for each byte of weights
NUMBER = 8  # bytes at most

SIZED = ("empty", "zeros", "ones", "rand", "randn", "tril_indices", "triu_indices")
NEW = ("new_empty", "new_zeros", "new_ones", "new_full")
LIKE = ("empty_like", "zeros_like", "ones_like", "full_like", "rand_like", "randn_like", "clone", "contiguous")


class Ration(TorchFunctionMode):
    r"""Inside, tensors may be made of :math:`2^{28} + 16 w` bytes in all, where :math:`w` bytes of weights are stored.

    A description whose numbers were damaged can ask for any size; it is refused before the memory is taken.

    Args:
        stored: bytes of the weights that will be copied in.
        where: what asks, for the sentence.

    >>> with Ration(0, "run"):
    ...     _ = torch.nn.Linear(10**6, 10**6)
    Traceback (most recent call last):
    ...
    genlatent.errors.RunError: run describes a model far larger than its weights; its config.json is damaged
    """

    def __init__(self, stored: int, where: Any):
        super().__init__()
        self.left, self.where = BASE + TIMES * stored, where

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.left -= NUMBER * max(0, asked(getattr(func, "__name__", ""), args, kwargs or {}))
        if self.left < 0:
            raise RunError(f"{self.where} describes a model far larger than its weights; its config.json is damaged")
        return func(*args, **(kwargs or {}))


def asked(name: str, args: Any, kwargs: Mapping[str, Any]) -> int:
    """How many numbers a call makes room for, as far as its arguments say; 0 for calls that are not about sizes.

    >>> asked("zeros", ((3, 4),), {}), asked("empty", (5, 6), {}), asked("arange", (2, 10), {}), asked("relu", (), {})
    (12, 30, 8, 0)
    """
    own = args[0].numel() if args and isinstance(args[0], Tensor) else 1
    sizes = _sizes([*args, *(kwargs[key] for key in ("size", "n", "m", "end", "steps") if key in kwargs)])
    if name in SIZED or name in ("full", "randint", "normal", *NEW):
        return prod(sizes) if sizes else 0
    if name in LIKE:  # of a tensor that was expanded, say, and took no room itself
        return own
    if name == "repeat":
        return own * prod(sizes)
    if name == "eye":
        return prod(sizes) if len(sizes) > 1 else prod(sizes) ** 2
    if name == "arange":
        start, end, step = (0, *sizes, 1) if len(sizes) == 1 else (*sizes, 1)[:3]
        return ceil((end - start) / step) if step else 0
    return sizes[-1] if name in ("randperm", "linspace", "logspace") and sizes else 0


def _sizes(values: Iterable[Any]) -> list[int]:
    """The first sequence of whole numbers, or the whole numbers that stand alone."""
    values = list(values)
    for value in values:
        if isinstance(value, (tuple, list, torch.Size)):
            return [int(size) for size in value if isinstance(size, (int, float))]
    return [value for value in values if isinstance(value, int) and not isinstance(value, bool)]
