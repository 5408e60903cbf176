"""Published archives as the arrays that are kept."""

import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import numpy as np

from genlatent.data.matlab import read_matrix
from genlatent.errors import DataError

Arrays = dict[str, np.ndarray]

AMAT_PIXELS = 784
CIFAR_RECORD = 1 + 3 * 32 * 32  # a label, then red, green and blue planes


def from_amat(path: Path) -> Arrays:
    """Packed bits from text: a row on each line, its bits separated by single spaces."""
    characters = np.frombuffer(path.read_bytes(), np.uint8)
    if not len(characters) or len(characters) % (2 * AMAT_PIXELS):
        raise DataError(f"{path}: its {len(characters)} bytes are no whole lines of {AMAT_PIXELS} bits")
    bits = characters[::2].reshape(-1, AMAT_PIXELS) - ord("0")
    if bits.max() > 1:
        raise DataError(f"{path}: it holds characters other than 0 and 1")
    return {"bits": np.packbits(bits, axis=1), "shape": np.array(bits.shape, dtype=np.int64)}


def from_omniglot_zip(path: Path) -> Arrays:
    """Packed bits, 1 = ink, from `FOLDER/ALPHABET/characterNN/IMAGE_DRAWER.png`, in the order of these names."""
    from PIL import Image

    images, labels = [], []
    with zipfile.ZipFile(path) as archive:
        files = sorted(name for name in archive.namelist() if name.endswith(".png"))
        alphabets = sorted({PurePosixPath(name).parts[-3] for name in files})
        for name in files:
            alphabet, character, image = PurePosixPath(name).parts[-3:]
            with archive.open(name) as file, Image.open(file, formats=("PNG",)) as picture:
                images.append(~np.array(picture.convert("1"), dtype=bool))
            number, drawer = character.removeprefix("character"), PurePosixPath(image).stem.rpartition("_")[2]
            labels.append((alphabets.index(alphabet), int(number), int(drawer)))
    order = np.lexsort(np.array(labels).T[::-1])
    x, y = np.stack(images)[order], np.array(labels, dtype=np.uint8)[order]
    arrays = {"bits": np.packbits(x.reshape(len(x), -1), axis=1), "shape": np.array(x.shape, dtype=np.int64)}
    arrays |= {key: y[:, column] for column, key in enumerate(("alphabet", "character", "drawer"))}
    return arrays | {"alphabet_names": np.array(alphabets)}


def from_frey_mat(path: Path) -> Arrays:
    """Frames from a MATLAB matrix that holds each as a column."""
    return {"images": np.ascontiguousarray(read_matrix(path, "ff").T.reshape(-1, 28, 20))}


def from_cifar_tar(path: Path) -> Arrays:
    """The first 4000 training and the first 1000 test images, channels last, from the binary version of CIFAR-10."""
    arrays = {}
    with tarfile.open(path) as archive:
        for part, file, count in (("train", "data_batch_1.bin", 4000), ("test", "test_batch.bin", 1000)):
            member = archive.extractfile(f"cifar-10-batches-bin/{file}")
            if member is None:
                raise DataError(f"{path}: it holds no file {file}")
            records = np.frombuffer(member.read(count * CIFAR_RECORD), np.uint8).reshape(-1, CIFAR_RECORD)
            planes = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
            arrays |= {f"{part}_images": np.ascontiguousarray(planes), f"{part}_labels": records[:, 0].copy()}
    return arrays
