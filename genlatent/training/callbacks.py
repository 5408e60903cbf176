"""What happens beside the training: each method is called at its moment and does nothing unless overridden."""

from pathlib import Path
from typing import Any


class Callback:
    """Looks on, reports, may ask the trainer to stop; never changes what is learned."""

    def begin(self, trainer: Any) -> None:
        """Before the first step."""

    def tick(self, trainer: Any) -> None:
        """After every step; reads no tensor."""

    def log(self, trainer: Any, row: dict[str, Any]) -> None:
        """After every epoch, with its metrics and, where they were judged, the held-out ones as `valid/NAME`."""

    def checkpoint(self, trainer: Any, folder: Path) -> None:
        """After a checkpoint was written."""

    def end(self, trainer: Any) -> None:
        """When training is over, for whatever reason."""


class EarlyStopping(Callback):
    """Stop when the watched held-out metric has not improved for `patience` judgements."""

    def __init__(self, patience: int):
        if patience < 1:
            raise ValueError(f"patience must be at least 1, got {patience}")
        self.patience = patience

    def log(self, trainer: Any, row: dict[str, Any]) -> None:
        """Count the judgements since the best one."""
        if trainer.watch in row and trainer.best.stale >= self.patience:
            trainer.stop(f"{trainer.watch} has not improved in {self.patience} judgements")
