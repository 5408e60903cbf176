"""Named data sets from where they are published: only when asked, held to their checksums, never half-written."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from genlatent import storage
from genlatent.data import checksums
from genlatent.data.archives import DAMAGED, read_archive
from genlatent.data.catalogue import NAMED
from genlatent.data.download import Progress, download
from genlatent.data.folder import data_folder
from genlatent.data.manifest import PUBLISHED, Target
from genlatent.data.npz import write_npz
from genlatent.errors import DataError, RecipeError
from genlatent.registry import nearest


def fetch(
    name: str, folder: str | Path | None = None, progress: Progress | None = None, base_url: str | None = None
) -> list[Path]:
    """Download the files of a named data set and return where they are; files that are there and sound are kept.

    A download that breaks off is continued by the next call. A file appears under its own name only once its
    checksum holds and it is on the disk.

    Args:
        name: of the data set.
        folder: the folder that holds one folder for each data set, by default the one that `GENLATENT_DATA` names.
        progress: called with the file's name, the bytes so far and the bytes in all (None if the server does not say).
        base_url: another server, which holds all files under their published names.
    """
    targets = _targets(name)
    place = Path(data_folder() if folder is None else folder).expanduser() / str(NAMED[name].folder)
    with _room(place):
        place.mkdir(parents=True, exist_ok=True)
        with storage.lock(place, f"{place} is being fetched into by another process; wait for it to end"):
            return [_fetch(target, place, progress, base_url) for target in targets]


def _targets(name: str) -> tuple[Target, ...]:
    if name in PUBLISHED:
        return PUBLISHED[name]
    if name in NAMED:
        raise RecipeError(f"{name} needs no fetching: it is made on the spot; use it by its name")
    raise RecipeError(f"no data set is called {name!r}; {nearest(name, list(PUBLISHED))}")


def _fetch(target: Target, place: Path, progress: Progress | None, base_url: str | None) -> Path:
    final, part = place / target.file, place / f"{_published_name(target)}.part"
    if final.exists() and _is_sound(target, final):
        part.unlink(missing_ok=True)  # of a process that was stopped just before it would have done so
        return final
    url = target.url if base_url is None else f"{base_url.rstrip('/')}/{target.url.rpartition('/')[2]}"
    download(url, part, progress)
    _hold(part, target.sha256, None if target.sha256 is None else checksums.of_file(part), url)
    if target.convert is None:
        storage.sync(part)
        os.replace(part, final)
        storage.sync(place)
        return final
    arrays = _converted(target, part, url)
    _hold(part, target.arrays, checksums.of_arrays(arrays), url)
    write_npz(final, **arrays)
    part.unlink()
    return final


def _published_name(target: Target) -> str:
    return target.file if target.convert is None else target.url.rpartition("/")[2]


def _is_sound(target: Target, path: Path) -> bool:
    if target.convert is None:
        return checksums.of_file(path) == target.sha256
    try:
        return checksums.of_arrays(read_archive(path)) == target.arrays
    except DAMAGED:
        return False


def _converted(target: Target, part: Path, url: str) -> dict[str, np.ndarray]:
    assert target.convert is not None
    try:
        return target.convert(part)
    except DAMAGED as error:
        part.unlink()
        raise DataError(f"{url}: what came is not what it should be ({error}); it was deleted, try again") from error


def _hold(part: Path, expected: str | None, found: str | None, url: str) -> None:
    """Refuse, and delete, what does not have its checksum: continuing it would never end well."""
    if found != expected:
        part.unlink()
        raise DataError(
            f"{url}: the SHA-256 of what came is {found}, expected {expected}; it was deleted, "
            "try again, or give another server by base_url="
        )


@contextmanager
def _room(place: Path) -> Iterator[None]:
    """Say in a sentence that a folder cannot be written."""
    try:
        yield
    except OSError as error:
        reason = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
        raise DataError(f"{place}: cannot be written ({reason}); make room, or name another folder") from error
