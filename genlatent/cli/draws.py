"""Draws on disk: pictures or numbers, by the ending of the file's name; each is there whole or not at all."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from genlatent.errors import RecipeError
from genlatent.plots.grids import image_grid
from genlatent.plots.writing import save
from genlatent.registry import nearest
from genlatent.storage import new_file

ENDINGS = (".png", ".npy", ".npz", ".csv")


def check_ending(path: Path) -> None:
    """Refuse a name that says no known format, before anything is computed."""
    if path.suffix.lower() not in ENDINGS:
        raise RecipeError(f"{path}: draws are written as {', '.join(ENDINGS)}; {nearest(path.suffix, list(ENDINGS))}")


def write(draws: np.ndarray, path: Path, about: Mapping[str, Any], seed: int) -> None:
    """Write draws in the shape of the data they imitate, with the seed where the format has a place for it."""
    check_ending(path)
    x = draws.reshape(len(draws), *about.get("shape", draws.shape[1:]))
    ending = path.suffix.lower()
    if ending == ".png":
        save(image_grid(x), path, note={"seed": str(seed), "data": str(about.get("title", ""))})
        return
    with new_file(path) as temporary, temporary.open("wb") as file:
        if ending == ".npy":
            np.save(file, x, allow_pickle=False)
        elif ending == ".npz":
            np.savez_compressed(file, x=x, seed=np.int64(seed))
        else:
            _write_csv(file, x.reshape(len(x), -1), about.get("columns") or ())


def _write_csv(file: Any, rows: np.ndarray, columns: Any) -> None:
    header = ",".join(columns) if len(columns) == rows.shape[1] else ",".join(f"x{i}" for i in range(rows.shape[1]))
    np.savetxt(file, rows, fmt="%.9g", delimiter=",", header=header, comments="")
