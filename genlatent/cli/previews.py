"""A look at the model whenever a checkpoint is written: RUN/previews/STEP.png, and how the chains of a machine mix."""

import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genlatent.cli.terminal import Terminal
from genlatent.errors import GenlatentError
from genlatent.numerics.randomness import drawing_from, stream
from genlatent.training.callbacks import Callback

FOLDER = "previews"
NUMBER = 64  # draws in a preview
COLUMNS = 8
SHARE = 0.1  # of the training time that previews may take
STEPS = 100  # of the chains, for their effective sample size


class Previews(Callback):
    """Draws of the model, or reconstructions where it cannot draw, at each checkpoint; rarer where they are slow.

    A table's draws are written as `.csv`. What the training draws is not touched.
    """

    def __init__(self, run: Path, terminal: Terminal):
        self.folder, self.terminal = run / FOLDER, terminal
        self.spent, self.began = 0.0, time.monotonic()

    def begin(self, trainer: Any) -> None:
        """Forget the previews of steps that are about to be taken again."""
        self.began = time.monotonic()
        for path in self.folder.glob("*.*"):
            if path.stem.isdecimal() and int(path.stem) > trainer.step:
                path.unlink()

    def checkpoint(self, trainer: Any, folder: Path) -> None:
        """Look, unless looking has taken too much of the time already; the end is always looked at."""
        if trainer.step < trainer.steps and self.spent > SHARE * (time.monotonic() - self.began):
            return
        start = time.monotonic()
        try:
            self._look(trainer)
        finally:
            self.spent += time.monotonic() - start

    def _look(self, trainer: Any) -> None:
        generator = stream(trainer.settings.seed, trainer.device, name=f"preview/{trainer.step}")
        was_training = trainer.model.training
        trainer.model.eval()
        try:
            with torch.no_grad(), trainer.average.applied(), drawing_from(generator):
                rows = shown(trainer, generator)
                chains = mixing(trainer, generator) if not self.terminal.quiet else None
        finally:
            trainer.model.train(was_training)
        place = None if rows is None else self._write(trainer, rows)
        said = " · ".join(str(part) for part in (place, chains) if part)
        if said:
            self.terminal.say(f"step {trainer.step}: {said}")

    def _write(self, trainer: Any, rows: Tensor) -> Path | None:
        """A grid of pictures, or a table; nothing for other rows."""
        data = trainer.data
        if data.columns:
            from genlatent.cli.draws import write

            place = self.folder / f"{trainer.step:07}.csv"
            write(rows, place, data.about(), trainer.settings.seed)
            return place
        if len(data.shape) != 3 or data.shape[0] not in (1, 3):
            return None
        from genlatent.data.standards import in_own_units
        from genlatent.plots.grids import image_grid
        from genlatent.plots.writing import save

        place = self.folder / f"{trainer.step:07}.png"
        values = in_own_units(rows.reshape(-1, *data.shape).numpy(force=True), data.about())
        note = {"step": str(trainer.step), "seed": str(trainer.settings.seed)}
        return save(image_grid(values, columns=COLUMNS), place, note=note)


def shown(trainer: Any, generator: torch.Generator) -> Tensor | None:
    """Rows to look at: the training's own chains, fresh draws, or held-out rows each before its reconstruction."""
    model = trainer.model
    chains = trainer.state.get("chains")
    if chains is not None and hasattr(model, "event_shape") and chains[0].numel() == model.event_shape.numel():
        return chains[:NUMBER]
    x, y = trainer.data.valid[: NUMBER // 2], trainer.data.labels
    told = {} if y is None or not model.conditional else {"y": y.valid[: NUMBER // 2]}
    try:
        if told:
            return model.sample(len(x), given=told, generator=generator)
        return model.sample(NUMBER, generator=generator)
    except (GenlatentError, TypeError):
        pass
    try:
        return torch.stack((x, model.reconstruct(x, **told).reshape(x.shape)), 1).flatten(0, 1)
    except (GenlatentError, TypeError):
        return None


def mixing(trainer: Any, generator: torch.Generator) -> str | None:
    """How well the training's chains mix at the parameters that there are now, in words; None without such chains."""
    model, chains = trainer.model, trainer.state.get("chains")
    if chains is None or not hasattr(model, "kernel") or model.conditional:
        return None
    from genlatent.evaluation.observables import Observables
    from genlatent.sampling.driver import trace

    kernel, number = model.kernel(), min(NUMBER, len(chains))
    begun = kernel.init(number, generator)
    held = {name: trainer.state.get("chains" if name == model.data else f"chains_{name}") for name in begun.layers}
    layers = {n: s if held[n] is None else held[n][:number].clone() for n, s in begun.layers.items()}
    if any(s.shape != begun.layers[name].shape for name, s in layers.items()):
        return None
    _, draws = trace(kernel, begun._replace(layers=layers), STEPS, observe=Observables(model), generator=generator)
    found = draws.diagnose(["free_energy"])["free_energy"]
    if found.ess_bulk is None or found.rhat is None:
        return None
    return f"chains: ESS {found.ess_bulk:,.0f} of {number * STEPS:,} draws, R-hat {found.rhat:.2f}"
