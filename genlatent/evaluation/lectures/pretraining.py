"""Pre-trained against random start: a deep narrow net that ordinary training leaves where it began."""

from typing import NamedTuple

import torch

from genlatent.autoencoders.stacked import StackedAutoencoder
from genlatent.data.corruptions import Masking
from genlatent.data.dataset import Dataset
from genlatent.distributions.reconstructions import CrossEntropy
from genlatent.evaluation.classification import accuracy
from genlatent.evaluation.reconstruction import squared_error
from genlatent.evaluation.record import Record
from genlatent.model import Model
from genlatent.numerics.randomness import drawing_from, stream
from genlatent.training.fit import fit
from genlatent.training.optimizer import Optimizer
from genlatent.training.pretraining import pretrain

BATCH = 100


class Start(NamedTuple):
    """What one start of a net comes to after the same training of all layers."""

    start: str  # "random" or "pre-trained"
    seed: int
    curve: list[float]  # held-out loss after each epoch of the training of all layers
    record: Record  # of test rows


def deep_autoencoders(
    data: Dataset,
    hidden: tuple[int, ...] = (64, 48, 32, 24, 16, 8),
    *,
    activation: str = "sigmoid",
    seed: int = 0,
    layer_epochs: int = 30,
    epochs: int = 60,
) -> list[Start]:
    """A deep autoencoder with a narrow code, from a random start and from greedy pre-training: squared error.

    Both are trained together for as many epochs, by the same batches and the same optimiser; pre-training comes on top.
    Sigmoid layers need it; with `activation="relu"` the random start learns as well.

    References:
        Reducing the dimensionality of data with neural networks (Hinton and Salakhutdinov, 2006)
    """
    found = []
    for start in ("random", "pre-trained"):
        model = _stack(data, hidden, activation, seed, None)
        if start == "pre-trained":
            pretrain(model, data, epochs=layer_epochs, seed=seed, **_how(layer_epochs))
        curve = _curve(model, data, seed, epochs)
        found.append(Start(start, seed, curve, squared_error(model, data.test)))
    return found


def deep_classifiers(
    data: Dataset,
    hidden: tuple[int, ...] = (200, 200, 200),
    *,
    activation: str = "sigmoid",
    seed: int = 0,
    layer_epochs: int = 30,
    epochs: int = 60,
    masked: float = 0.25,
) -> list[Start]:
    """A stacked denoising autoencoder under a softmax layer, and the same net from a random start: accuracy.

    References:
        Stacked denoising autoencoders (Vincent et al., 2010)
    """
    found = []
    for start in ("random", "pre-trained"):
        model = _stack(data, hidden, activation, seed, Masking(masked))
        if start == "pre-trained":
            pretrain(model, data, epochs=layer_epochs, seed=seed, **_how(layer_epochs))
        made = model.classifier(_classes(data))
        curve = _curve(made, data, seed, epochs)
        assert data.labels is not None
        found.append(Start(start, seed, curve, accuracy(made, data.test, data.labels.test)))
    return found


def _stack(
    data: Dataset, hidden: tuple[int, ...], activation: str, seed: int, corruption: Masking | None
) -> StackedAutoencoder:
    with drawing_from(stream(seed, name="weights")):
        made = StackedAutoencoder(
            tuple(data.shape), hidden, activation, loss=CrossEntropy(), layer_corruption=corruption
        )
    return made.to(data.test.device)


def _curve(model: Model, data: Dataset, seed: int, epochs: int) -> list[float]:
    history = fit(model, data, epochs=epochs, seed=seed, **_how(1))
    return history.column("valid/loss")


def _how(judged: int) -> dict:
    optimizer = Optimizer(learning_rate=5e-3, schedule="linear")
    return {"batch_size": BATCH, "optimizer": optimizer, "validate_every": judged}


def _classes(data: Dataset) -> int:
    assert data.labels is not None
    return int(torch.cat(tuple(data.labels)).max()) + 1
