"""What the experiments with autoencoders share: the same weights to begin with, the same training."""

from typing import Any

from torch import Tensor

from genlatent.autoencoders.autoencoder import Autoencoder
from genlatent.data.dataset import Dataset
from genlatent.networks.mlp import MLP
from genlatent.numerics.randomness import drawing_from, stream
from genlatent.objectives.reconstruction import Reconstruction
from genlatent.training.fit import fit
from genlatent.training.optimizer import Optimizer

BATCH = 100


def autoencoder(data: Dataset, *, seed: int = 0, **parts: Any) -> Autoencoder:
    """An autoencoder of these parts for rows of this data, with weights that depend on the seed alone."""
    with drawing_from(stream(seed, name="weights")):
        made = Autoencoder(tuple(data.shape), **parts)
    return made.to(data.test.device)


def trained(
    data: Dataset,
    *,
    penalties: tuple[Any, ...] = (),
    may_copy: bool = False,
    epochs: int = 100,
    learning_rate: float = 5e-3,
    batch_size: int = BATCH,
    weight_decay: float = 0.0,
    seed: int = 0,
    **parts: Any,
) -> Autoencoder:
    """The same after a training by Adam with a falling learning rate.

    Args:
        data: what it learns.
        penalties: added to the reconstruction loss.
        may_copy: whether a code that may just copy its input is what is wanted.
        epochs, learning_rate, batch_size, weight_decay: of the training.
        seed: of the weights and of the training.
        parts: what :class:`~genlatent.autoencoders.autoencoder.Autoencoder` is made of.
    """
    model = autoencoder(data, seed=seed, **parts)
    optimizer = Optimizer("adamw", learning_rate, schedule="linear", weight_decay=weight_decay)
    fit(
        model,
        data,
        objective=Reconstruction(penalties, may_copy),
        optimizer=optimizer,
        epochs=epochs,
        batch_size=batch_size,
        validate_every=epochs,
        seed=seed,
    )
    return model


def layer(units: str = "identity") -> MLP:
    """A single layer of such units."""
    return MLP((), output_activation=units)


def share_lost(made: Tensor, x: Tensor) -> float:
    r"""Squared error as a share of the rows' variance, :math:`\sum \|\hat x - x\|^2 / \sum \|x - \bar x\|^2`.

    >>> import torch
    >>> x = torch.tensor([[0.0], [2.0]])
    >>> share_lost(x.mean(0).expand(2, 1), x), share_lost(x, x)
    (1.0, 0.0)
    """
    return float((made - x).square().sum() / (x - x.mean(0)).square().sum())
