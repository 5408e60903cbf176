"""Labels as a user gives them, `given={"y": 3}` or by their names, as one tensor for all draws."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from genlatent.errors import DataError
from genlatent.networks.conditions import refuse_undeclared


def names(label_names: Sequence[str]) -> tuple[str, ...]:
    """What labels may be called: y, label, and what the data call them.

    >>> names(("digit",))
    ('y', 'label', 'digit')
    """
    return tuple(dict.fromkeys(("y", "label", *label_names)))


def read(
    held: Mapping[str, Any], counts: Sequence[int], label_names: Sequence[str], n: int, device: torch.device
) -> Tensor | None:
    """Labels of `n` draws, `(n,)`, or `(n, k)` for k labels a row; None where none are given.

    A number holds for all draws, and so does one row of k labels; otherwise there is one for each draw. Labels that
    are given one by one, by name, leave the others to be drawn evenly.
    """
    for name in ("y", "label"):
        if name in held:
            return _whole(held[name], counts, name, n, device)
    given = [name for name in label_names if name in held]
    if not given:
        return None
    if len(counts) == 1:
        return _whole(held[given[0]], counts, given[0], n, device)
    labels = evenly(n, counts, device)
    for name in given:
        place = list(label_names).index(name)
        labels[:, place] = _whole(held[name], counts[place : place + 1], name, n, device)
    return labels


def evenly(n: int, counts: Sequence[int], device: torch.device) -> Tensor:
    """Labels drawn with equal probability for each class."""
    drawn = torch.stack([torch.randint(count, (n,), device=device) for count in counts], 1)
    return drawn if len(counts) > 1 else drawn.squeeze(1)


def dealt(n: int, counts: Sequence[int], device: torch.device) -> Tensor:
    """Labels dealt out in turn, so that each class, or each combination, comes up equally often.

    >>> dealt(5, (2, 3), torch.device("cpu")).tolist()
    [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1]]
    """
    turns = torch.arange(n, device=device) % math.prod(counts)
    found = torch.stack(torch.unravel_index(turns, tuple(counts)), 1)
    return found if len(counts) > 1 else found.squeeze(1)


def _whole(value: Any, counts: Sequence[int], name: str, n: int, device: torch.device) -> Tensor:
    try:
        labels = torch.as_tensor(value, device=device)
    except (TypeError, ValueError, RuntimeError):
        raise DataError(f"given {name!r} is {value!r}; give class numbers") from None
    width = len(counts)
    row = labels.dim() == (0 if width == 1 else 1)
    if row:
        labels = labels.expand(n, *labels.shape)
    if len(labels) != n:
        raise DataError(f"given {name!r} has {len(labels)} rows for {n} draws; give one row for each draw")
    if labels[0].numel() != width:
        raise DataError(f"given {name!r} has {labels[0].numel()} labels for each row; the model has {width}")
    refuse_undeclared(labels.reshape(n, width), counts)
    return labels.reshape((n, width) if width > 1 else (n,)).to(torch.int64)
