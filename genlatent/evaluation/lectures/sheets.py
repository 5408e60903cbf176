"""A rolled-up sheet in space: two numbers say where on it a point lies, but no plane holds it."""

import math
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.data.toy import swiss_roll
from genlatent.evaluation.lectures.compressibility import principal
from genlatent.evaluation.lectures.trained import layer, share_lost, trained
from genlatent.networks.mlp import MLP


class Unrolled(NamedTuple):
    """What a code of two numbers makes of test points in space."""

    name: str
    lost: float  # by the reconstruction, as a share of the points' variance
    optimum: float  # by the principal plane of the training points
    x: Tensor  # the test points, (rows, 3)
    codes: Tensor  # (rows, 2)


def unrolled(
    *, rows: int = 4000, noise: float = 0.05, hidden: int = 64, epochs: int = 200, seed: int = 0
) -> list[Unrolled]:
    """A linear autoencoder of the swiss roll, which is a plane, and a deep one, both with a code of two numbers.

    References:
        Reducing the dimensionality of data with neural networks (Hinton and Salakhutdinov, 2006)

    Args:
        rows: points, a tenth of them for the test.
        noise: standard deviation of the points around the sheet.
        hidden: units of the two layers on either side of the code of the deep one.
        epochs: of each training.
        seed: of the points, the weights and the training.
    """
    data = swiss_roll(n=rows, noise=noise, dimensions=3, seed=seed)
    assert isinstance(data.train, Tensor)
    best = share_lost(principal(data.train, data.test, 2), data.test)
    kinds: dict[str, dict[str, Any]] = {
        "plane": {"encoder": layer(), "decoder": layer()},
        "deep": {"encoder": MLP((hidden, hidden)), "decoder": MLP((hidden, hidden))},
    }
    found = []
    for name, networks in kinds.items():
        model = trained(data, latent=2, epochs=epochs, learning_rate=3e-3, seed=seed, **networks)
        lost = share_lost(model.reconstruct(data.test), data.test)
        found.append(Unrolled(name, lost, best, data.test, model.encode(data.test)))
    return found


def along_the_sheet(x: Float[Tensor, "rows 3"]) -> Float[Tensor, " rows"]:
    r"""How far along the roll each point lies: the t of :math:`\frac{t}{7} (\cos t, \sin t)` nearest to its radius.

    >>> along_the_sheet(torch.tensor([[-torch.pi * 3 / 7, 0.5, 0.0]]))
    tensor([9.4248])
    """
    phase, t = torch.atan2(x[:, 2], x[:, 0]), 7 * x[:, [0, 2]].norm(dim=1)
    return phase + 2 * math.pi * ((t - phase) / (2 * math.pi)).round()
