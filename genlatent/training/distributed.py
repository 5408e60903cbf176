"""Several processes that learn one model; every function is the identity when there is one process."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor

from genlatent.numerics import devices


@contextmanager
def joined(device: torch.device) -> Iterator[None]:
    """Join the processes that `torchrun` started, if it did and nobody joined them yet; leave at the end."""
    wanted = int(os.environ.get("WORLD_SIZE", "1")) > 1 and dist.is_available() and not dist.is_initialized()
    if wanted:
        dist.init_process_group(devices.process_backend(device))
    try:
        yield
        if wanted:
            dist.barrier()  # a process that left while another still worked was seen to abort at its end
    finally:
        if wanted:
            dist.destroy_process_group()


def world() -> int:
    """How many processes there are."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Which of them this one is; the first writes the files."""
    return dist.get_rank() if world() > 1 else 0


def barrier() -> None:
    """Wait until every process is here."""
    if world() > 1:
        dist.barrier()


def shard(index: Tensor) -> Tensor:
    """This process's part of a batch.

    >>> shard(torch.arange(3))
    tensor([0, 1, 2])
    """
    return index if world() == 1 else index.tensor_split(world())[rank()]


def sum_(tensors: Sequence[Tensor], weight: float = 1.0) -> None:
    """Replace the tensors by their sum over processes, each weighted; one message for all of one dtype."""
    if world() == 1:
        return
    for dtype in {t.dtype for t in tensors}:
        group = [t for t in tensors if t.dtype == dtype]
        flat = torch.cat([t.reshape(-1) for t in group]).mul_(weight)
        dist.all_reduce(flat)
        for tensor, part in zip(group, flat.split([t.numel() for t in group])):
            tensor.copy_(part.view_as(tensor))


def broadcast_(tensors: Sequence[Tensor]) -> None:
    """Replace the tensors by those of the first process."""
    if world() > 1:
        for tensor in tensors:
            dist.broadcast(tensor, src=0)


def agreed(flag: bool, device: torch.device) -> bool:
    """Whether any process says yes: a decision that all must take alike."""
    if world() == 1:
        return flag
    vote = torch.tensor(float(flag), device=device)
    dist.all_reduce(vote)
    return bool(vote > 0)
