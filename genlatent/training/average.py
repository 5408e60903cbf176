"""The mean of the parameters over the last part of training: less noise than the last iterate, at no cost in steps."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor


class TailAverage:
    r"""Running mean :math:`\bar\theta_t = \bar\theta_{t-1} + (\theta_t - \bar\theta_{t-1}) / t` from `start` on.

    Args:
        tensors: what is averaged, by name: parameters, and what normalisations remember of their batches, which belongs
            to them; read, and exchanged in :meth:`applied`.
        start: the step after which averaging begins; `None` for never.
    """

    def __init__(self, tensors: Mapping[str, Tensor], start: int | None):
        self.tensors = dict(tensors)
        self.start = start
        self.count = 0
        self.mean: dict[str, Tensor] = {}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the parameters after step number `step`."""
        if self.start is None or step <= self.start:
            return
        self.count += 1
        if self.count == 1:
            self.mean = {name: p.detach().clone() for name, p in self.tensors.items()}
        else:
            torch._foreach_lerp_(  # pyright: ignore[reportPrivateImportUsage]
                list(self.mean.values()), list(self.tensors.values()), 1 / self.count
            )

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The model with its averaged parameters, for judging and saving; the iterate comes back afterwards."""
        iterate = {name: p.detach().clone() for name, p in self.tensors.items()} if self.count else {}
        self.settle()
        try:
            yield
        finally:
            write(self.tensors, iterate)

    def settle(self) -> None:
        """Leave the averaged parameters in the model."""
        write(self.tensors, self.mean)

    def state(self) -> dict[str, object]:
        """What a checkpoint needs."""
        return {"count": self.count, "mean": self.mean}

    def restore(self, state: Mapping[str, object]) -> None:
        """Continue from a checkpoint."""
        self.count = int(state["count"])  # pyright: ignore[reportArgumentType]
        mean: Mapping[str, Tensor] = state["mean"]  # pyright: ignore[reportAssignmentType]
        self.mean = {name: mean[name].to(p.device) for name, p in self.tensors.items() if name in mean}


@torch.no_grad()
def write(into: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> None:
    """Copy values into the tensors of the same name, in place."""
    for name, value in values.items():
        into[name].copy_(value)
