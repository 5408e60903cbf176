"""What is said about a file of rows, its seed above all: inside it where its format has a place for that, else beside.

A picture keeps a note in its text fields, a `.parquet` table in its schema, an `.npz` file as an array of its own; a
`.csv` or `.npy` file, which other programs shall read as it is, has the note in a `.note.json` file beside it.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genlatent.data.archives import DAMAGED, read_archive
from genlatent.data.checksums import of_file
from genlatent.errors import DataError, GenlatentError
from genlatent.storage import read_json, write_json

Note = Mapping[str, str]
KEY = b"genlatent"  # of the note in the schema of a table
SUM = "sha256"  # of the file that a note lies beside


def beside(path: Path) -> Path:
    """Where the note of a file lies that has no place for one.

    >>> beside(Path("draws.csv")).name
    'draws.csv.note.json'
    """
    return path.with_name(f"{path.name}.note.json")


def write_beside(path: Path, note: Note | None) -> None:
    """Put a note, if there is one, beside a file that was just written; it holds for those very bytes alone."""
    if note is not None:
        write_json(beside(path), {"file": path.name, SUM: of_file(path), **note})


def in_picture(note: Note | None) -> dict[str, Any]:
    """What a picture is saved with, so that its text fields hold the note."""
    from PIL.PngImagePlugin import PngInfo

    fields = PngInfo()
    for name, text in (note or {}).items():
        fields.add_text(name, text)
    return {"pnginfo": fields}


def in_schema(note: Note | None) -> dict[bytes, bytes]:
    """A note as the metadata of a table's schema."""
    return {} if note is None else {KEY: json.dumps(dict(note)).encode()}


def note_of(path: str | Path) -> dict[str, str]:
    """The note of a file of rows, or of a folder of pictures; empty where there is none."""
    try:
        return _note_of(Path(path))
    except GenlatentError:
        raise
    except (AttributeError, *DAMAGED) as error:
        raise DataError(f"{path}: missing or damaged ({error}), so what was noted in it cannot be read") from error


def _note_of(place: Path) -> dict[str, str]:
    reader = READERS.get(place.suffix.lower())
    if place.is_dir():
        pictures = sorted(place.glob("*.png"))
        return _of_picture(pictures[0]) if pictures else {}
    return _of_neighbour(place) if reader is None else reader(place)


def _of_picture(place: Path) -> dict[str, str]:
    from PIL import Image

    with Image.open(place, formats=("PNG",)) as picture:
        return dict(getattr(picture, "text", {}))


def _of_arrays(place: Path) -> dict[str, str]:
    arrays = read_archive(place)
    return {"seed": str(arrays["seed"])} if "seed" in arrays else {}


def _of_table(place: Path) -> dict[str, str]:
    import pyarrow.parquet

    found = (pyarrow.parquet.read_schema(place).metadata or {}).get(KEY)
    return {} if found is None else json.loads(found)


def _of_neighbour(place: Path) -> dict[str, str]:
    """Nothing where the file is another one than the note was written for."""
    found = read_json(beside(place)) if beside(place).exists() else {}
    if SUM not in found or found[SUM] != of_file(place):
        return {}
    return {name: text for name, text in found.items() if name not in ("file", SUM)}


READERS = {".png": _of_picture, ".npz": _of_arrays, ".parquet": _of_table}
