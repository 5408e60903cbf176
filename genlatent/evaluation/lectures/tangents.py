"""Singular values of the encoder's Jacobian, along and across the manifold on which the data lie."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import jacrev, vmap

from genlatent.data.corruptions import GaussianNoise
from genlatent.data.inputs import ring, tangent
from genlatent.evaluation.lectures.trained import layer, trained
from genlatent.networks.tied import Tied
from genlatent.objectives.contraction import Contractive


class Spectrum(NamedTuple):
    """How much a code changes with its input."""

    name: str
    values: Tensor  # mean singular values of the Jacobian, largest first
    along: float  # mean length of the Jacobian times a unit tangent
    across: float  # root mean square of that times a unit vector perpendicular to the manifold


def spectra(
    units: int = 60, *, cells: int = 30, rows: int = 1000, weight: float = 0.5, epochs: int = 100, seed: int = 0
) -> list[Spectrum]:
    """Autoencoders of a bump that travels around a ring: data on a curve whose tangents are known.

    The reconstruction keeps the code sensitive along the curve; a penalty makes it insensitive across it.

    References:
        Contractive auto-encoders: explicit invariance during feature extraction (Rifai et al., 2011)

    Args:
        units: of the code.
        cells: values of a row, evenly spaced on the ring.
        rows: to learn from.
        weight: of the contractive penalty.
        epochs: of each training.
        seed: of the rows, the weights and the training.
    """
    data = ring(n=rows * 5 // 4, cells=cells, seed=seed)
    kinds: dict[str, dict[str, Any]] = {
        "plain": {"may_copy": True},
        "denoising": {"corruption": GaussianNoise(0.2)},
        "contractive": {"penalties": (Contractive(weight),)},
    }
    found = []
    for name, how in kinds.items():
        parts = {"latent": units, "encoder": layer("sigmoid"), "decoder": Tied()}
        model = trained(data, epochs=epochs, seed=seed, **parts, **how)
        found.append(spectrum(name, model, data.test, tangent(data.test)))
    return found


def spectrum(name: str, model: Any, x: Float[Tensor, "rows values"], way: Float[Tensor, "rows values"]) -> Spectrum:
    """Of a model's encoder at these rows, through each of which the manifold passes in one direction of length 1."""
    jacobian = jacobians(model, x)
    along = (jacobian @ way.unsqueeze(2)).squeeze(2).square().sum(1)
    across = (jacobian.square().sum((1, 2)) - along) / (x.shape[1] - 1)
    values = torch.linalg.svdvals(jacobian).mean(0)
    return Spectrum(name, values, float(along.sqrt().mean()), float(across.clamp(min=0).mean().sqrt()))


def jacobians(model: Any, x: Tensor) -> Float[Tensor, "rows units values"]:
    """The derivative of each row's code by its values."""
    model.eval()

    def of_row(row: Tensor) -> Tensor:
        return model.features(row.unsqueeze(0)).flatten()

    return vmap(jacrev(of_row))(x).flatten(2).detach()
