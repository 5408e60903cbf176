import io
import os
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from genlatent.data import checksums
from genlatent.data.archives import read_archive
from genlatent.data.conversions import from_amat, from_cifar_tar, from_frey_mat, from_omniglot_zip
from genlatent.data.folder import place
from genlatent.data.manifest import PUBLISHED
from genlatent.errors import DataError

RNG = np.random.default_rng(0)
REAL = pytest.mark.skipif(not os.environ.get("GENLATENT_DATA"), reason="GENLATENT_DATA names no folder of data sets")


def write_amat(path, bits):
    text = np.full((len(bits), 2 * bits.shape[1]), ord(" "), np.uint8)
    text[:, ::2] = bits + ord("0")
    text[:, -1] = ord("\n")
    path.write_bytes(text.tobytes())


def write_omniglot(path, arrays):
    """The zip as it is published: one-bit images, ink black, in no particular order."""
    shape = tuple(arrays["shape"])
    x = np.unpackbits(arrays["bits"], axis=1, count=shape[1] * shape[2]).reshape(shape)
    with zipfile.ZipFile(path, "w") as archive:
        for number in RNG.permutation(len(x)):
            picture = io.BytesIO()
            Image.fromarray(x[number] == 0).save(picture, "png")
            alphabet = arrays["alphabet_names"][arrays["alphabet"][number]]
            character, drawer = arrays["character"][number], arrays["drawer"][number]
            folder = f"images_background_small1/{alphabet}/character{character:02d}"
            archive.writestr(f"{folder}/{RNG.integers(1000):04d}_{drawer:02d}.png", picture.getvalue())


def write_cifar(path, arrays):
    with tarfile.open(path, "w:gz") as archive:
        for part, file in (("train", "data_batch_1.bin"), ("test", "test_batch.bin")):
            planes = arrays[f"{part}_images"].transpose(0, 3, 1, 2).reshape(len(arrays[f"{part}_images"]), -1)
            records = np.concatenate([arrays[f"{part}_labels"][:, None], planes], axis=1).astype(np.uint8).tobytes()
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{file}")
            member.size = len(records)
            archive.addfile(member, io.BytesIO(records))


def test_amat(tmp_path):
    bits = RNG.integers(0, 2, (5, 784), dtype=np.uint8)
    write_amat(tmp_path / "x.amat", bits)
    found = from_amat(tmp_path / "x.amat")
    assert np.array_equal(np.unpackbits(found["bits"], axis=1, count=784), bits)
    assert found["shape"].tolist() == [5, 784]


def test_amat_of_another_form_is_refused(tmp_path):
    write_amat(tmp_path / "x.amat", np.full((2, 784), 5, np.uint8))
    with pytest.raises(DataError, match="characters other than 0 and 1"):
        from_amat(tmp_path / "x.amat")
    (tmp_path / "x.amat").write_bytes(b"0 1\n")
    with pytest.raises(DataError, match="no whole lines of 784 bits"):
        from_amat(tmp_path / "x.amat")


def test_omniglot(tmp_path):
    labels = np.array([[a, c, d] for a in (0, 1) for c in (1, 2) for d in range(1, 4)], dtype=np.uint8)
    bits = RNG.integers(0, 2, (12, 105 * 105), dtype=np.uint8)
    arrays = {"bits": np.packbits(bits, axis=1), "shape": np.array([12, 105, 105])}
    arrays |= {"alphabet": labels[:, 0], "character": labels[:, 1], "drawer": labels[:, 2]}
    arrays |= {"alphabet_names": np.array(["Greek", "Japanese_(katakana)"])}
    write_omniglot(tmp_path / "x.zip", arrays)
    assert checksums.of_arrays(from_omniglot_zip(tmp_path / "x.zip")) == checksums.of_arrays(arrays)


def test_frey_faces(tmp_path):
    images = RNG.integers(0, 256, (6, 28, 20), dtype=np.uint8)
    savemat(tmp_path / "x.mat", {"ff": images.reshape(6, -1).T})
    assert np.array_equal(from_frey_mat(tmp_path / "x.mat")["images"], images)


def test_cifar(tmp_path):
    arrays = {"train_images": RNG.integers(0, 256, (5, 32, 32, 3), dtype=np.uint8), "train_labels": np.arange(5)}
    arrays |= {"test_images": RNG.integers(0, 256, (3, 32, 32, 3), dtype=np.uint8), "test_labels": np.arange(3)}
    write_cifar(tmp_path / "x.tar.gz", arrays)
    found = from_cifar_tar(tmp_path / "x.tar.gz")
    assert all(np.array_equal(found[key], arrays[key]) for key in arrays)


@REAL
@pytest.mark.parametrize("part", ["train", "valid", "test"])
def test_the_published_text_of_the_real_bits_has_its_checksum(part, tmp_path):
    arrays = read_archive(place("binarized-mnist", f"{part}.npz"))
    write_amat(tmp_path / "x.amat", np.unpackbits(arrays["bits"], axis=1, count=784))
    target = next(target for target in PUBLISHED["binarized-mnist"] if target.file == f"{part}.npz")
    assert checksums.of_file(tmp_path / "x.amat") == target.sha256
    assert checksums.of_arrays(from_amat(tmp_path / "x.amat")) == target.arrays


@REAL
def test_the_real_sets_survive_their_published_form(tmp_path):
    omniglot, frey, cifar = (PUBLISHED[name][0] for name in ("omniglot-small", "freyfaces", "cifar-subset"))
    write_omniglot(tmp_path / "x.zip", read_archive(place("omniglot-small", omniglot.file)))
    write_cifar(tmp_path / "x.tar.gz", read_archive(place("cifar-subset", cifar.file)))
    images = read_archive(place("freyfaces", frey.file))["images"]
    savemat(tmp_path / "x.mat", {"ff": images.reshape(len(images), -1).T})
    for target, file in ((omniglot, "x.zip"), (frey, "x.mat"), (cifar, "x.tar.gz")):
        assert checksums.of_arrays(target.convert(tmp_path / file)) == target.arrays
