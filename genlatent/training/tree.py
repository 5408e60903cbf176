"""Nested values with tensors in them, as JSON beside a flat table of tensors."""

from typing import Any

import torch
from torch import Tensor


def pack(value: Any, tensors: dict[str, Tensor], path: str = "") -> Any:
    """Plain values with a reference where a tensor stood; the tensors are put into `tensors`.

    >>> table = {}
    >>> pack({"a": [1, torch.zeros(2)]}, table), list(table)
    ({'pairs': [['a', [1, {'tensor': '/a/1'}]]]}, ['/a/1'])
    """
    if isinstance(value, Tensor):
        tensors[path] = value.detach().contiguous().clone()
        return {"tensor": path}
    if isinstance(value, dict):
        return {"pairs": [[key, pack(item, tensors, f"{path}/{key}")] for key, item in value.items()]}
    if isinstance(value, (list, tuple)):
        return [pack(item, tensors, f"{path}/{number}") for number, item in enumerate(value)]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{path}: a {type(value).__name__} cannot be kept in a checkpoint")


def unpack(value: Any, tensors: dict[str, Tensor], device: torch.device | None = None) -> Any:
    """The inverse of :func:`pack`; tensors are copied to aligned memory of their own."""
    if isinstance(value, dict) and "tensor" in value:
        return tensors[value["tensor"]].clone() if device is None else tensors[value["tensor"]].to(device, copy=True)
    if isinstance(value, dict):
        return {key: unpack(item, tensors, device) for key, item in value["pairs"]}
    if isinstance(value, list):
        return [unpack(item, tensors, device) for item in value]
    return value
