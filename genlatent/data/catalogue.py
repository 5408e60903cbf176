"""The data sets that have a name; nothing is imported until one is asked for."""

from typing import NamedTuple


class Entry(NamedTuple):
    """Where the function lives that makes a data set, what it holds, and the folder it is read from, if any."""

    place: str
    about: str
    folder: str | None = None


NAMED = {
    "digits": Entry("genlatent.data.bundled:digits", "1,797 handwritten digits of 8x8 grey pixels, from scikit-learn"),
    "patches": Entry(
        "genlatent.data.photographs:patches", "patches of the two photographs that come with scikit-learn"
    ),
    "inputs": Entry("genlatent.data.inputs:inputs", "100 numbers, independent or mixtures of a few factors"),
    "ring": Entry("genlatent.data.inputs:ring", "a bump at a random angle of a ring of cells"),
    "swiss-roll": Entry("genlatent.data.toy:swiss_roll", "points on a rolled-up sheet, in 2 or 3 dimensions"),
    "two-moons": Entry("genlatent.data.toy:two_moons", "points on two interleaved half circles"),
    "8-gaussians": Entry("genlatent.data.toy:eight_gaussians", "points around eight centres on a circle"),
    "bars-and-stripes": Entry("genlatent.data.patterns:bars_and_stripes", "all binary images of whole rows or columns"),
    "ising": Entry("genlatent.data.ising:ising", "spins of the two-dimensional Ising model on a torus"),
    "sprites": Entry("genlatent.data.sprites:sprites", "a shape of known form, size, angle and place in each image"),
    "mnist": Entry("genlatent.data.files:mnist", "handwritten digits, 28x28 grey", "mnist"),
    "fashion-mnist": Entry("genlatent.data.files:fashion_mnist", "clothes, 28x28 grey", "fashion_mnist"),
    "binarized-mnist": Entry("genlatent.data.files:binarized_mnist", "MNIST in Larochelle's bits", "binarized_mnist"),
    "omniglot-small": Entry("genlatent.data.files:omniglot_small", "characters, 105x105 bits", "omniglot_small"),
    "freyfaces": Entry("genlatent.data.files:freyfaces", "frames of one face, 28x20 grey", "freyfaces"),
    "cifar-subset": Entry("genlatent.data.files:cifar_subset", "5,000 images of CIFAR-10, 32x32", "cifar10_subset"),
}
