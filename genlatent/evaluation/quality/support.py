"""Whether samples lie where the data lie, and whether they lie everywhere the data do."""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from genlatent.evaluation.quality.discrepancy import Rows, check, distances

NEIGHBOURS = 5


class Support(NamedTuple):
    """Each is 1 for samples as good as data, and 0 for samples far from all data."""

    precision: float  # share of samples inside a ball of the data
    recall: float  # share of data inside a ball of the samples
    density: float  # data balls over each sample, beside what data would have; may exceed 1
    coverage: float  # share of data whose ball holds a sample


def support_of(data: Rows, samples: Rows, neighbours: int = NEIGHBOURS) -> Support:
    r"""Balls reach from each row to its k-th nearest neighbour of the same set.

    .. math::

        \text{density} = \frac{1}{kM} \sum_{ij} [y_j \in B_k(x_i)], \qquad
        \text{coverage} = \frac{1}{N} \sum_i [\exists j : y_j \in B_k(x_i)]

    References:
        Improved precision and recall metric for assessing generative models (Kynkäänniemi et al., 2019)
        Reliable fidelity and diversity metrics for generative models (Naeem et al., 2020)
    """
    check(data, samples, fewest=neighbours + 1)
    apart = distances(data, samples)
    in_data = apart <= _reach(data, neighbours)[:, None]
    in_samples = apart <= _reach(samples, neighbours)[None, :]
    return Support(
        precision=float(in_data.any(0).double().mean()),
        recall=float(in_samples.any(1).double().mean()),
        density=float(in_data.double().sum() / (neighbours * len(samples))),
        coverage=float(in_data.any(1).double().mean()),
    )


def _reach(rows: Rows, neighbours: int) -> Float[Tensor, " _"]:
    """Distance to the k-th nearest other row."""
    return distances(rows).kthvalue(neighbours + 1, dim=1).values
