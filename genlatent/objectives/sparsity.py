"""Penalties on how active units are."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.errors import RecipeError
from genlatent.objectives.penalties import Layer, LayerPenalty, Seen, as_layers

RANGES = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}  # of an activation, by convention
CLOSEST = 1e-6  # to 0 or 1 that a mean activation is taken to be


def bernoulli_divergence(rho: float, rho_hat: Tensor) -> Tensor:
    r"""Of two coins, :math:`\rho \log \frac{\rho}{\hat\rho} + (1 - \rho) \log \frac{1 - \rho}{1 - \hat\rho}`.

    >>> bernoulli_divergence(0.5, torch.tensor([0.5, 0.1]))
    tensor([0.0000, 0.5108])
    """
    off = rho_hat.clamp(CLOSEST, 1 - CLOSEST)
    return rho * (rho / off).log() + (1 - rho) * ((1 - rho) / (1 - off)).log()


class SparsityKL(LayerPenalty):
    r"""Units should be on, on average over the data, as often as wanted.

    .. math:: \beta \sum_l \sum_j \mathrm{KL}(\rho \,\|\, \hat\rho_{lj}), \qquad
              \hat\rho_{lj} = \frac{1}{N} \sum_n a_{lj}(x_n)

    The mean over the data is a running one, :math:`\hat\rho \leftarrow m \hat\rho + (1 - m) \bar a` with the mean
    :math:`\bar a` of the batch, which starts at the mean over training rows. The gradient is that of the divergence at
    :math:`\hat\rho`, times that of :math:`\bar a`: its average over batches is the gradient for all data. Under the
    `tanh` convention activations and rho lie between -1 and 1, and :math:`(1 + a) / 2` counts as being on.

    References:
        Sparse deep belief net model for visual area V2 (Lee, Ekanadham and Ng, 2008)

        Sparse autoencoder (Ng, 2011)

    Args:
        rho: the wanted mean activation, near 0, or near -1 for tanh.
        weight: :math:`\beta`.
        layers: which layers of the encoder, see :class:`LayerPenalty`.
        memory: m; 0 takes the batch alone, as full batches should.
        convention: `sigmoid` or `tanh`, the range of the activations.
    """

    def __init__(
        self,
        rho: float = 0.05,
        weight: float = 1.0,
        layers: Sequence[Layer] | Layer = ("code",),
        memory: float = 0.9,
        convention: str = "sigmoid",
    ):
        if convention not in RANGES:
            raise RecipeError(f"convention must be one of {', '.join(RANGES)}, got {convention!r}")
        low, high = RANGES[convention]
        if not low < rho < high:
            raise RecipeError(f"rho must lie between {low:g} and {high:g} for {convention} units, got {rho}")
        if not 0 <= memory < 1:
            raise RecipeError(f"memory must be at least 0 and below 1, got {memory}")
        self.rho, self.weight, self.memory, self.convention = rho, _not_negative(weight), memory, convention
        self.layers = as_layers(layers)

    def start(self, seen: Seen) -> dict[str, Tensor]:
        """Mean activations over training rows."""
        low, high = RANGES[self.convention]
        for layer, a in seen.items():
            if bool((a < low).any() | (a > high).any()):
                raise RecipeError(
                    f"sparsity-kl with the {self.convention} convention takes activations between {low:g} and "
                    f"{high:g}, layer {layer!r} gives {float(a.min()):.3g} to {float(a.max()):.3g}; let the "
                    f"encoder end in output_activation: {self.convention}, or use l1"
                )
        return {str(layer): self.on(a).mean(0) for layer, a in seen.items()}

    def __call__(self, seen: Seen, state: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The divergence summed over units and layers, and the running means."""
        wanted = self._share(self.rho)
        values, running = [], {}
        for layer, a in seen.items():
            batch, key = self.on(a).mean(0), str(layer)
            running[key] = self.memory * state[key] + (1 - self.memory) * batch.detach()
            values.append(bernoulli_divergence(wanted, running[key] + (batch - batch.detach())).sum())
        return self.weight * torch.stack(values).sum(), running

    def on(self, a: Float[Tensor, "batch units"]) -> Float[Tensor, "batch units"]:
        """How much each unit counts as being on, between 0 and 1."""
        return a if self.convention == "sigmoid" else (1 + a) / 2

    def _share(self, rho: float) -> float:
        return rho if self.convention == "sigmoid" else (1 + rho) / 2


class L1(LayerPenalty):
    r"""Small activations, most of them none: :math:`\lambda \sum_l \sum_j |a_{lj}(x)|`.

    Args:
        weight: :math:`\lambda`.
        layers: which layers of the encoder, see :class:`LayerPenalty`.

    >>> L1(2.0)({"code": torch.tensor([[1.0, -3.0]])}, {})[0]
    tensor([8.])
    """

    def __init__(self, weight: float = 0.1, layers: Sequence[Layer] | Layer = ("code",)):
        self.weight, self.layers = _not_negative(weight), as_layers(layers)

    def __call__(self, seen: Seen, state: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The sum of each row."""
        return self.weight * torch.stack([a.abs().sum(1) for a in seen.values()]).sum(0), {}


def _not_negative(weight: float) -> float:
    if not weight >= 0:
        raise RecipeError(f"weight must not be negative, got {weight}")
    return weight
