"""The persistent chains that the training of a machine ended with."""

from pathlib import Path
from typing import Any

from torch import Tensor

from genlatent.numerics import devices
from genlatent.training.checkpoint import read_tensors
from genlatent.training.run import checkpoint_of

KEPT = "/state/chains"  # what their names begin with in a checkpoint


def kept_chains(run: Path, model: Any) -> dict[str, Tensor] | None:
    """By layer, as far as they fit the model; None where the training kept none of the data layer."""
    place = checkpoint_of(run) / "trainer.safetensors"
    data = getattr(model, "data", None)
    if data is None or not place.is_file():
        return None
    found = {name: s for name, s in read_tensors(place).items() if name.startswith(KEPT)}
    named = {name.removeprefix(KEPT).lstrip("_/") or data: s for name, s in found.items()}
    device = devices.of(model)
    chains = {name: s.flatten(1).to(device) for name, s in named.items() if _fits(model, name, s)}
    return chains if data in chains else None


def _fits(model: Any, layer: str, s: Tensor) -> bool:
    """Whether these are states of that layer, one for each chain."""
    return layer in model.layers and s.dim() > 1 and s.is_floating_point() and s[0].numel() == model.sizes[layer]
