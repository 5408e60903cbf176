"""`train --tensorboard`: metrics and previews where TensorBoard looks for them."""

from pathlib import Path
from typing import Any

from genlatent.cli.previews import FOLDER as PREVIEWS
from genlatent.errors import RecipeError
from genlatent.training.callbacks import Callback

FOLDER = "tensorboard"


class TensorBoard(Callback):
    """Writes RUN/tensorboard; shown by `tensorboard --logdir RUN`."""

    def __init__(self, run: Path):
        self.run = run
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise RecipeError("--tensorboard needs a package: pip install genlatent[tensorboard]") from error
        self._make = SummaryWriter

    def begin(self, trainer: Any) -> None:
        """Open the file; of a resumed run, what came after the checkpoint is forgotten."""
        self.writer = self._make(str(self.run / FOLDER), purge_step=trainer.step)

    def log(self, trainer: Any, row: dict[str, Any]) -> None:
        """Add the metrics of an epoch, by step."""
        for name, value in row.items():
            if name not in ("step", "seconds"):
                self.writer.add_scalar(name, value, row["step"])

    def checkpoint(self, trainer: Any, folder: Path) -> None:
        """Add the preview, where there is one."""
        place = self.run / PREVIEWS / f"{trainer.step:07}.png"
        if place.is_file():
            import numpy as np
            from PIL import Image

            with Image.open(place, formats=("PNG",)) as picture:
                values = np.array(picture.convert("RGB"))
            self.writer.add_image("preview", values, trainer.step, dataformats="HWC")

    def end(self, trainer: Any) -> None:
        """Close the file."""
        self.writer.close()
