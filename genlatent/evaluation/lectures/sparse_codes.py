"""Sparse codes that are inferred, beside sparse codes that are encoded: what is lost against how many units are on."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from jaxtyping import Float
from torch import Tensor

from genlatent.autoencoders.codes import KSparse
from genlatent.autoencoders.sparse_coding import SparseCoding
from genlatent.data.dataset import Dataset
from genlatent.evaluation.lectures.trained import layer, share_lost, trained
from genlatent.networks.tied import Tied
from genlatent.numerics.randomness import drawing_from, stream
from genlatent.objectives.sparsity import L1
from genlatent.training.fit import fit
from genlatent.training.optimizer import Optimizer


class SparseCode(NamedTuple):
    """What a code with so many units on loses of test rows, as a share of their variance."""

    name: str
    strength: float  # of the penalty, or k
    on: float  # units that are not 0, mean over rows
    lost: float


def sparse_codes(
    data: Dataset,
    atoms: int = 100,
    *,
    weights: Sequence[float] = (0.1, 0.3, 1.0),
    ks: Sequence[int] = (3, 8, 20),
    epochs: int = 60,
    seed: int = 0,
) -> list[SparseCode]:
    """Sparse coding, an autoencoder with an L1 penalty and k-sparse ones, all with as many atoms on the same rows.

    Sparse coding minimises the energy of each row by itself; an autoencoder has to do so by one layer for all rows, for
    which it is told a code at once.

    References:
        Emergence of simple-cell receptive field properties by learning a sparse code (Olshausen and Field, 1996)

        k-Sparse autoencoders (Makhzani and Frey, 2014)

    Args:
        data: what is learned; its test rows are judged.
        atoms: of the dictionary, units of the codes.
        weights: of the L1 norm, in sparse coding and in the penalty.
        ks: units that stay in k-sparse codes.
        epochs: of each training.
        seed: of the weights and the training.
    """
    how: dict[str, Any] = {"latent": atoms, "epochs": epochs, "seed": seed}
    found = [_judged("sparse coding", w, _dictionary(data, atoms, w, epochs, seed), data) for w in weights]
    for w in weights:
        model = trained(data, encoder=layer("relu"), penalties=(L1(w),), decoder=Tied(), **how)
        found.append(_judged("L1 autoencoder", w, model, data))
    for k in ks:
        model = trained(data, encoder=layer(), code=KSparse(k), decoder=Tied(), **how)
        found.append(_judged("k-sparse autoencoder", k, model, data))
    return found


def _dictionary(data: Dataset, atoms: int, weight: float, epochs: int, seed: int) -> SparseCoding:
    with drawing_from(stream(seed, name="weights")):
        model = SparseCoding(tuple(data.shape), atoms, weight).to(data.test.device)
    optimizer = Optimizer(learning_rate=5e-3, schedule="linear")
    fit(model, data, optimizer=optimizer, epochs=epochs, batch_size=100, validate_every=epochs, seed=seed)
    return model


def _judged(name: str, strength: float, model: Any, data: Dataset) -> SparseCode:
    code = model.encode(data.test).flatten(1)
    return SparseCode(name, strength, units_on(code), share_lost(model.decode(code), data.test))


def units_on(code: Float[Tensor, "rows units"]) -> float:
    """How many units of a row are not 0, mean over rows.

    >>> import torch
    >>> units_on(torch.tensor([[0.0, 2.0, -1.0], [0.0, 0.0, 0.0]]))
    1.0
    """
    return float((code != 0).sum(1).double().mean())
