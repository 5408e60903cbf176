"""What must hold of files whatever happened to those who wrote them."""

import json
from pathlib import Path
from typing import Any

import h5py
from safetensors.torch import load_file

from genlatent import load
from genlatent.training.run import RunFolder


def contents(place: Path) -> dict[str, Any]:
    """Every file below a folder, by its name there; what is unfinished, or only holds a lock, left out."""
    files = (path for path in sorted(place.rglob("*")) if path.is_file())
    names = {path: path.relative_to(place) for path in files}
    return {str(name): _content(path) for path, name in names.items() if not any(p.startswith(".") for p in name.parts)}


def _content(path: Path) -> Any:
    """Bytes; of netCDF the values, since it says when it was made."""
    if path.suffix != ".nc":
        return path.read_bytes()
    found: dict[str, Any] = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[...].tobytes()} if hasattr(item, "dtype") else {}))
    return found


def leftovers(place: Path) -> list[str]:
    """What is unfinished below a folder."""
    return [str(path.relative_to(place)) for path in place.rglob("*.partial")]


def assert_readable(run: Path) -> None:
    """Every checkpoint that a pointer names is whole and gives the model back; every row of metrics is one."""
    folder = RunFolder(run)
    folder.read_metrics()
    for pointer in ("last", "best"):
        checkpoint = folder.pointed(pointer)
        if checkpoint is not None:
            load(run, which=pointer)
            for path in checkpoint.iterdir():
                load_file(path) if path.suffix == ".safetensors" else json.loads(path.read_text())


def assert_same_run(one: Path, other: Path) -> None:
    """The same pointers, the same tensors to the bit, the same metrics but for the time they took."""
    for pointer in ("last", "best"):
        folders = [RunFolder(run).checkpoint(pointer) for run in (one, other)]
        assert folders[0].name == folders[1].name
        files = [sorted(file.name for file in folder.iterdir()) for folder in folders]
        assert files[0] == files[1]
        for name in files[0]:
            if name.endswith(".safetensors"):
                _assert_same_tensors(*(load_file(folder / name) for folder in folders))
    assert _metrics(one) == _metrics(other)
    assert not leftovers(other), "nothing half-written is left"
    assert _names(one) == _names(other)


def _assert_same_tensors(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert tensor.equal(other[name]), name


def _metrics(run: Path) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key != "seconds"} for row in RunFolder(run).read_metrics()]


def _names(run: Path) -> list[str]:
    return sorted(str(path.relative_to(run)) for path in run.rglob("*"))
