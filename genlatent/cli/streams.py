"""Standard input and output in the place of files: `-`, or `-.csv` to say in which format."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from genlatent.cli.options import Common
from genlatent.cli.terminal import Terminal
from genlatent.errors import DataError, RecipeError
from genlatent.storage import scratch

STREAM = "-"

STARTS = {  # of a file, by which its format is known
    b"\x93NUMPY": ".npy",
    b"PK\x03\x04": ".npz",
    b"PAR1": ".parquet",
    b"\x89PNG": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"GIF8": ".gif",
}


def is_stream(path: Path | None) -> bool:
    """Whether a name stands for standard input or output.

    >>> is_stream(Path("-")), is_stream(Path("-.csv")), is_stream(Path("a-.csv"))
    (True, True, False)
    """
    return path is not None and str(path.parent) == "." and path.stem == STREAM


@contextmanager
def readable(file: Path | None) -> Iterator[Path | None]:
    """The file itself; for `-` one that holds standard input, under the ending of its format."""
    if file is None or not is_stream(file):
        yield file
        return
    from genlatent.data.memory import host_share, refuse_beyond_host

    held = sys.stdin.buffer.read(int(host_share()) + 1)
    refuse_beyond_host(len(held), "standard input", "write it to a file, and name that")
    if not held:
        raise DataError("standard input is empty; pipe rows into it, for example: cat x.npy | genlatent ...")
    with scratch() as folder:
        place = folder / f"standard-input{file.suffix or _ending(held)}"
        place.write_bytes(held)
        yield place


@contextmanager
def writable(out: Path, ending: str) -> Iterator[Path]:
    """The place itself; for `-` one that goes to standard output when it is written, in the format of `ending`."""
    if not is_stream(out):
        yield out
        return
    with scratch() as folder:
        place = folder / f"standard-output{out.suffix or ending}"
        yield place
        with place.open("rb") as made:
            shutil.copyfileobj(made, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def terminal_beside(out: Path | None, how: Common) -> Terminal:
    """What speaks to the user: on standard error where standard output holds rows."""
    if is_stream(out) and how.as_json:
        raise RecipeError("standard output holds rows, so it cannot hold JSON; name a file with --out, or no --json")
    return Terminal(quiet=how.quiet, as_json=how.as_json, aside=is_stream(out))


def _ending(held: bytes) -> str:
    return next((ending for start, ending in STARTS.items() if held.startswith(start)), ".csv")
