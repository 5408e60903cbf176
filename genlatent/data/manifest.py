"""Where published files are to be had, and the checksums that they are held to."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from genlatent.data.conversions import Arrays, from_amat, from_cifar_tar, from_frey_mat, from_omniglot_zip

MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist"
FASHION = "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion"
LAROCHELLE = "http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist"
OMNIGLOT = "https://raw.githubusercontent.com/brendenlake/omniglot/master/python"


class Target(NamedTuple):
    """A file of a data set: where it comes from, and how it is made where another form is published.

    At least one checksum is known: of what is downloaded (`sha256`), or of the arrays that are made of it (`arrays`).
    """

    file: str
    url: str
    sha256: str | None = None
    convert: Callable[[Path], Arrays] | None = None
    arrays: str | None = None


def _idx(base: str, digests: dict[str, str]) -> tuple[Target, ...]:
    return tuple(Target(f"{file}.gz", f"{base}/{file}.gz", digest) for file, digest in digests.items())


def _amat(part: str, sha256: str, arrays: str) -> Target:
    return Target(f"{part}.npz", f"{LAROCHELLE}/binarized_mnist_{part}.amat", sha256, from_amat, arrays)


def _omniglot(number: int, arrays: str) -> Target:
    url = f"{OMNIGLOT}/images_background_small{number}.zip"
    return Target(f"background_small{number}.npz", url, None, from_omniglot_zip, arrays)


PUBLISHED: dict[str, tuple[Target, ...]] = {
    "mnist": _idx(
        MNIST,
        {
            "train-images-idx3-ubyte": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "train-labels-idx1-ubyte": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "t10k-images-idx3-ubyte": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "t10k-labels-idx1-ubyte": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        },
    ),
    "fashion-mnist": _idx(
        FASHION,
        {
            "train-images-idx3-ubyte": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "train-labels-idx1-ubyte": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "t10k-images-idx3-ubyte": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "t10k-labels-idx1-ubyte": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        },
    ),
    "binarized-mnist": (
        _amat(
            "train",
            "ad693b29f94c14277b095f5238ddefbbdaaae0939789dd2f4f0205278cee3e4d",
            "07239d9948948dba1eb7c3ff4766d164624540ad6acc69c74a01d9476f4d9468",
        ),
        _amat(
            "valid",
            "1de3d397c40fe8eeb33dafd4099a1f665ec01e96d9be234aaeeac8a34930e2e2",
            "6e9a9e1981944e9232eca5420f04ff5fbafb1bb60f24cffaeed359f2b5f4d984",
        ),
        _amat(
            "test",
            "e6687bfea3f820c174f33b7865140b2a2dd2930ef786f35d45795fc193b5ab2c",
            "73b0f7d8a82c336a7c069e93c0fe57d721e3796f4c8ac6d9ec7ac67bcc6e21ac",
        ),
    ),
    "omniglot-small": (
        _omniglot(1, "2ab152866c5914b929ce22e379fd6fc181b62dbe7ed90f911271a9a9a9a6daba"),
        _omniglot(2, "890c34c8091b7f03710d82b411f22bdbff5486c5e5a725967e2c109933837ecd"),
    ),
    "freyfaces": (
        Target(
            "freyfaces.npz",
            "https://cs.nyu.edu/~roweis/data/frey_rawface.mat",
            convert=from_frey_mat,
            arrays="ee7af3a4531b680c0cfc9861821e7aa15a3ead0fd24cbbdb29177d8642019ba3",
        ),
    ),
    "cifar-subset": (
        Target(
            "cifar10_subset.npz",
            "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            convert=from_cifar_tar,
            arrays="3f259c011a1bdc0c0a160c934458a5b96b797274b4b0d467ef7149b1d96ce2cf",
        ),
    ),
}
