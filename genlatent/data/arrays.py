"""Rows from arrays, tensors, torch data sets, `.npy` and `.npz` files."""

from collections.abc import Callable, Iterable
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from genlatent.data.archives import DAMAGED, header, read_archive
from genlatent.data.conditions import condition_rows, named
from genlatent.data.mapped import BLOCK_BYTES
from genlatent.data.memory import fits_host
from genlatent.data.own import Found, Part, label_rows
from genlatent.errors import DataError
from genlatent.storage import spelt_out


def from_array(x: np.ndarray | Tensor, *, labels: Any = None) -> Found:
    """An array or tensor whose first axis counts rows."""
    return Found(x, "array", _labels(labels, len(x) if x.ndim else 0, "array"))


def from_items(items: Any) -> Found:
    """A torch `Dataset` (or a sequence) whose items are x or (x, y, ...); y becomes the labels."""
    name = "items" if isinstance(items, (list, tuple)) else type(items).__name__
    pairs: list[tuple[Any, ...]] = [item if isinstance(item, tuple) else (item,) for item in _each(items)]
    if not pairs:
        raise DataError(f"{name}: it has no items; nothing to learn from")
    x = [_item(pair[0]) for pair in pairs]
    for number, row in enumerate(x):
        if row.shape != x[0].shape:
            raise DataError(f"{name}: item {number} has shape {tuple(row.shape)}, item 0 has {tuple(x[0].shape)}")
    labels = None
    if all(len(pair) > 1 for pair in pairs):
        labels = label_rows(torch.stack([torch.as_tensor(pair[1]) for pair in pairs]), name)
    return Found(torch.stack(x), name, labels)


def read_npy(
    path: str | Path, *, labels: Any = None, mapped: bool | None = None, block_bytes: int | None = None
) -> Found:
    """One array in a `.npy` file; mapped, not read, where it is larger than a quarter of main memory.

    Args:
        labels: an array, row for row.
        mapped: whether to leave the rows in the file and to stream them in shuffled blocks.
        block_bytes: size of such a block.
    """
    path = spelt_out(path)
    try:
        with path.open("rb") as file:
            shape, columns_first, dtype = header(file)
            start = file.tell()
        if prod(shape) * dtype.itemsize > path.stat().st_size - start:
            raise ValueError(f"it announces {shape} values of {dtype}, and ends before")
        x = np.memmap(path, dtype, "r", start, shape, "F" if columns_first else "C")
    except DAMAGED as error:
        raise DataError(f"{path}: truncated, or no array of numbers ({error}); write it again by numpy.save") from error
    if x.ndim == 0 or not x.size or x.dtype.kind not in "biuf":
        raise DataError(f"{path}: an array of shape {x.shape} and type {x.dtype} holds no rows of numbers")
    stays = not fits_host(4 * x.size) if mapped is None else mapped
    x = x.reshape(-1, 1) if x.ndim == 1 else x
    found = Found(x, path.stem, _labels(labels, len(x), path.stem))
    return found._replace(block_bytes=block_bytes or BLOCK_BYTES) if stays else found


def read_npz(path: str | Path, *, key: str | None = None, labels: Any = None, conditions: Any = None) -> Found:
    """Arrays in a `.npz` file: `train`, `valid` and `test`, or `x`, or the only one, or the one named by `key`.

    Args:
        key: the array to learn from.
        labels: the key of the labels (`labels="y"`; beside `train`, `y_train`, `y_valid`, ... are meant), or an array.
        conditions: the same for numbers that a conditional model is told, or a file of them.
    """
    path = spelt_out(path)
    try:
        arrays = read_archive(path)
    except DataError:
        raise
    except DAMAGED as error:
        raise DataError(
            f"{path}: truncated, or no arrays of numbers ({error}); write it again by numpy.savez"
        ) from error
    beside = _beside(labels, conditions)
    main = _key(path, list(arrays), key, beside.key)
    found = Found(arrays[main], path.stem)
    if beside.key is None and labels is not None:
        found = found._replace(labels=_labels(labels, len(found.x) if found.x.ndim else 0, path.stem))
    if main == "train":
        return _with_sets(found, arrays, beside, path)
    if beside.key is None:
        return found
    return found._replace(labels=beside.read(_pick(arrays, beside.key, path), path.stem))


class Beside(NamedTuple):
    """The key of what stands beside the rows, if it has one, and how it is read."""

    key: str | None
    read: Callable[[Any, str], Tensor]


def _beside(labels: Any, conditions: Any) -> Beside:
    keys = named(conditions)
    if keys:
        return Beside(keys[0], condition_rows)
    return Beside(labels if isinstance(labels, str) else None, label_rows)


def _with_sets(found: Found, arrays: dict[str, np.ndarray], beside: Beside, path: Path) -> Found:
    """Beside `train`, the sets that the file holds, each with its labels or conditions."""
    sets = {part: Part(arrays[part]) for part in ("valid", "test") if part in arrays}
    if beside.key is None:
        return found._replace(**sets)
    sets = {part: Part(rows.x, _pick(arrays, f"{beside.key}_{part}", path)) for part, rows in sets.items()}
    of_train = beside.read(_pick(arrays, f"{beside.key}_train", path), found.name)
    return found._replace(labels=of_train, **sets)


def _pick(arrays: dict[str, np.ndarray], key: str, path: Path) -> Any:
    if key not in arrays:
        raise DataError(f"{path}: it holds no array {key!r}; it holds {', '.join(arrays)}")
    return arrays[key]


def _key(path: Path, keys: list[str], key: str | None, beside: str | None) -> str:
    if key is not None and key not in keys:
        raise DataError(f"{path}: it holds no array {key!r}; it holds {', '.join(keys)}")
    rest = [name for name in keys if name != beside]
    for name in (key, "train", "x", rest[0] if len(rest) == 1 else None):
        if name in keys:
            return str(name)
    raise DataError(f"{path}: it holds {', '.join(keys) or 'nothing'}; say by key= which array to learn from")


def _labels(labels: Any, rows: int, name: str) -> Tensor | None:
    if labels is None:
        return None
    if isinstance(labels, str):
        raise DataError(
            f"{name}: labels={labels!r} names a column or a key, which an array does not have; give an array"
        )
    found = label_rows(labels, name)
    if found.ndim == 0 or len(found) != rows:
        raise DataError(f"{name}: {len(found) if found.ndim else 1} labels for {rows} rows; they go row for row")
    return found


def _each(items: Any) -> Iterable[Any]:
    """Items one by one; a torch `Dataset` with a length need not say where it ends."""
    return (items[number] for number in range(len(items))) if hasattr(items, "__len__") else iter(items)


def _item(x: Any) -> Tensor:
    if isinstance(x, Tensor):
        return x.detach()
    picture = hasattr(x, "getbands")
    values = np.asarray(x)
    if values.dtype.kind not in "biuf":
        raise DataError(f"an item of type {type(x).__name__} is no row of numbers; give arrays, tensors or images")
    found = torch.from_numpy(np.array(values))
    if picture:  # PIL: height, width(, channels)
        return found.unsqueeze(0) if found.ndim == 2 else found.permute(2, 0, 1)
    return found
