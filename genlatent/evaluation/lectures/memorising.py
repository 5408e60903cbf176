"""A code of one unit under a powerful decoder: it learns the rows by heart, and generalises to none."""

from typing import Any, NamedTuple

from torch import Tensor

from genlatent.autoencoders.codes import NoisyCode
from genlatent.data.corruptions import GaussianNoise
from genlatent.data.dataset import Dataset
from genlatent.evaluation.lectures.trained import share_lost, trained
from genlatent.networks.mlp import MLP
from genlatent.objectives.contraction import Contractive


class Memory(NamedTuple):
    """What is lost of rows, as a share of their variance."""

    name: str
    seen: float  # of the training rows
    unseen: float  # of test rows


def one_unit_codes(data: Dataset, *, rows: int = 12, epochs: int = 1500, seed: int = 0) -> list[Memory]:
    """A code of a single sigmoid unit between two deep networks, by itself and with each regulariser, on a few rows.

    Args:
        data: the first of its training rows are learned.
        rows: how many.
        epochs: of each training, a step each.
        seed: of the weights and the training.
    """
    assert isinstance(data.train, Tensor)
    few = Dataset(data.train[:rows], data.valid, data.test, data.shape, data.support, f"{rows} of {data.name}")
    found = []
    for name, how in _regularisers().items():
        encoder = MLP((100, 100), activation="tanh", output_activation="sigmoid")
        networks = {"latent": 1, "encoder": encoder, "decoder": MLP((200, 200))}
        model = trained(few, epochs=epochs, learning_rate=3e-3, seed=seed, **networks, **how)
        lost = [share_lost(model.reconstruct(x), x) for x in (data.train[:rows], data.test)]
        found.append(Memory(name, *lost))
    return found


def _regularisers() -> dict[str, dict[str, Any]]:
    return {
        "nothing": {},
        "noise in the code": {"code": NoisyCode(0.15)},
        "denoising": {"corruption": GaussianNoise(1.0)},
        "contractive": {"penalties": (Contractive(100.0, method="forward"),)},
    }
