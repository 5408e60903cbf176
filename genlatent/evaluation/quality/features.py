"""What samples are compared by: the last hidden layer of a classifier trained on the spot, or the rows themselves."""

from collections.abc import Callable

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.neural_network import MLPClassifier
from torch import Tensor

Features = Callable[[Tensor], Tensor]  # rows of data -> (rows, feature)

HIDDEN = 64
COMPONENTS = 64


def learned(x: Tensor, y: Tensor | None, *, seed: int = 0) -> tuple[Features, str]:
    """Features for these training rows, and what they are called in a record's method."""
    if y is None or y.dim() != 1 or y.is_floating_point() or len(y[y >= 0].unique()) < 2:
        return principal(x), "principal components"
    return of_classifier(x[y >= 0], y[y >= 0], seed=seed), "a classifier's features"


def of_classifier(x: Tensor, y: Tensor, *, seed: int = 0) -> Features:
    """Activations of the last hidden layer of a network trained to tell the classes."""
    flat = x.flatten(1).numpy(force=True)
    network = MLPClassifier((128, HIDDEN), alpha=1e-3, early_stopping=True, max_iter=100, random_state=seed)
    network.fit(flat, y.numpy(force=True))

    def features(rows: Tensor) -> Tensor:
        h = rows.flatten(1).numpy(force=True)
        for weight, bias in zip(network.coefs_[:-1], network.intercepts_[:-1]):
            h = np.maximum(h @ weight + bias, 0.0)
        return torch.from_numpy(h).to(rows.device)

    return features


def principal(x: Tensor) -> Features:
    """The rows themselves, or their first principal components where they are long."""
    flat = x.flatten(1)
    if flat.shape[1] <= COMPONENTS:
        return lambda rows: rows.flatten(1)
    found = PCA(COMPONENTS, random_state=0).fit(flat.numpy(force=True))
    return lambda rows: torch.from_numpy(found.transform(rows.flatten(1).numpy(force=True))).to(rows.device)
