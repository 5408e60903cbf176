"""Rows from a folder of images, and back into one."""

import io
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genlatent.data.memory import refuse_beyond_host
from genlatent.data.notes import Note, in_picture
from genlatent.data.own import Found
from genlatent.errors import DataError
from genlatent.storage import new_file, new_folder, spelt_out

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")  # none whose reader starts another program
MOST_PIXELS = 50_000_000  # of one image, which takes less than a gigabyte while it is decoded

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm")


def read_folder(path: str | Path, *, image_size: int | Sequence[int] | None = None, grey: bool | None = None) -> Found:
    """All images of a folder, in the order of their names; folders inside it are classes and become labels.

    Args:
        image_size: side, or (height, width), that every image is resized to; without it all must be of one size.
        grey: one channel or three; left out, one where every image is grey.
    """
    folder = spelt_out(path)
    files = _files(folder)
    size = (image_size, image_size) if isinstance(image_size, int) else image_size
    pictures = list(_all(folder, files, size, grey))
    if grey is None and not all(len(picture) == 1 for picture in pictures):
        pictures = [picture.expand(3, -1, -1) for picture in pictures]
    for file, picture in zip(files, pictures, strict=True):
        if picture.shape != pictures[0].shape:
            first, other = (tuple(p.shape[1:]) for p in (pictures[0], picture))
            raise DataError(f"{file} is {other}, {files[0]} is {first}; give image_size= to resize all images")
    return Found(torch.stack(pictures), folder.resolve().name, _classes(folder, files))


def is_picture(path: Any) -> bool:
    """Whether a path is that of one image, by the ending of its name.

    >>> is_picture("a.png"), is_picture("a.npy")
    (True, False)
    """
    return isinstance(path, (str, Path)) and Path(path).suffix.lower() in ENDINGS


def read_image(path: str | Path, *, grey: bool | None = None) -> Found:
    """One image as a single row.

    Args:
        grey: one channel or three; left out, one where the image is grey.
    """
    file = spelt_out(path)
    return Found(_picture(file, None, grey).unsqueeze(0), file.stem)


def _files(folder: Path) -> list[Path]:
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in ENDINGS and file.is_file())
    if not files:
        raise DataError(f"{folder}: no images in this folder; it reads files ending in {', '.join(ENDINGS)}")
    return files


def _all(folder: Path, files: Sequence[Path], size: Sequence[int] | None, grey: bool | None) -> Iterator[Tensor]:
    """One picture after another, as long as they find room together, in numbers of four bytes."""
    values = 0
    for file in files:
        picture = _picture(file, size, grey)
        values += picture.numel()
        refuse_beyond_host(4 * values, folder, "give image_size=, or fewer images")
        yield picture


def _picture(file: Path, size: Sequence[int] | None, grey: bool | None) -> Tensor:
    """Bytes `(channels, height, width)`; whatever a decoder says of a file, it is the file that is not in order."""
    from PIL import Image

    refuse_beyond_host(file.stat().st_size, file, "give a smaller image")
    try:
        content = io.BytesIO(file.read_bytes())  # a decoder that is told to read too much finds no more than there is
        # warnings: of tags that say nothing about pixels, and of a size that is refused here
        with warnings.catch_warnings(action="ignore"), Image.open(content, formats=FORMATS) as opened:
            _refuse_large(opened.size)
            picture: Any = opened.convert("L" if _is_grey(opened, grey) else "RGB")
            if size is not None:
                picture = picture.resize((size[1], size[0]), Image.Resampling.LANCZOS)
            values = np.array(picture, dtype=np.uint8)
    except Exception as error:
        raise DataError(f"{file}: not an image that can be read ({error}); replace it or take it out") from error
    return torch.from_numpy(values).reshape(*values.shape[:2], -1).permute(2, 0, 1)


def _refuse_large(size: tuple[int, int]) -> None:
    if size[0] * size[1] > MOST_PIXELS:
        raise ValueError(f"{size[0]} by {size[1]} pixels, and {MOST_PIXELS} are the most")


def _is_grey(picture: Any, grey: bool | None) -> bool:
    return picture.mode in ("1", "L", "LA", "I;16", "I") if grey is None else grey


def _classes(folder: Path, files: Sequence[Path]) -> Tensor | None:
    """The number of the folder that each image lies in, in the order of their names; None without such folders."""
    names = [file.relative_to(folder).parts[0] if file.parent != folder else "" for file in files]
    known = sorted(set(names))
    return None if len(known) < 2 else torch.tensor([known.index(name) for name in names])


def write_folder(rows: np.ndarray, path: str | Path, note: Note | None = None) -> None:
    """Images `(n, channels, height, width)` with values between 0 and 1 as `0000.png`, ... in a new folder.

    The note stands in the text fields of each.
    """
    pictures = _pictures(rows, path)
    width = max(4, len(str(len(pictures) - 1)))
    with new_folder(Path(path)) as temporary:
        for number, picture in enumerate(pictures):
            picture.save(temporary / f"{number:0{width}}.png", **in_picture(note))


def write_image(row: np.ndarray, path: str | Path, note: Note | None = None) -> None:
    """One image `(channels, height, width)` with values between 0 and 1, pixel for pixel, as a `.png` file."""
    (picture,) = _pictures(row[None], path)
    with new_file(Path(path)) as temporary:
        picture.save(temporary, format="png", **in_picture(note))


def _pictures(rows: np.ndarray, path: str | Path) -> list[Any]:
    from PIL import Image

    if rows.ndim != 4 or rows.shape[1] not in (1, 3):
        raise DataError(f"{path}: rows of shape {rows.shape[1:]} are no pictures; name a .csv, .npy or .npz file")
    pixels = (np.clip(np.nan_to_num(rows), 0, 1) * 255).round().astype(np.uint8).transpose(0, 2, 3, 1)
    return [Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture) for picture in pixels]
