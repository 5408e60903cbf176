"""Scores read off a table of what each dimension tells of each factor."""

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.errors import DataError
from genlatent.evaluation.disentanglement.information import Codes, Factors, Information, check

NOTHING = 1e-9  # nats below which a dimension tells nothing


def mutual_information_gap(information: Information) -> Float[Tensor, " factor"]:
    r"""MIG of each factor: how much more the best dimension tells of it than the second best.

    .. math:: \frac{I(z_{(1)}; v_k) - I(z_{(2)}; v_k)}{H(v_k)}

    References:
        Isolating sources of disentanglement in variational autoencoders (Chen et al., 2018)

    >>> mutual_information_gap(Information(torch.tensor([[0.5, 0.0], [0.0, 0.2]]), torch.tensor([0.5, 0.4])))
    tensor([1.0000, 0.5000])
    """
    return _lead(information.mutual) / information.entropy


def modularity(information: Information) -> Tensor:
    r"""Whether each dimension tells of one factor only, from 0 to 1; dimensions that tell nothing do not count.

    .. math:: 1 - \frac{\sum_{k \ne k^*} I_{jk}^2}{I_{jk^*}^2 (K - 1)}

    References:
        Learning deep disentangled embeddings with the F-statistic loss (Ridgeway and Mozer, 2018)
    """
    squares = information.mutual.square()
    if squares.shape[1] < 2:
        raise DataError("modularity compares factors, so there must be at least two")
    best = squares.amax(1)
    telling = best > NOTHING**2
    if not bool(telling.any()):
        return squares.new_zeros(())
    others = (squares.sum(1) - best)[telling]
    return (1 - others / (best[telling] * (squares.shape[1] - 1))).mean()


def attribute_gap(codes: Codes, factors: Factors) -> Float[Tensor, " factor"]:
    r"""SAP of each factor: lead of the best dimension over the second best, each judged by a straight line.

    .. math:: R^2_{(1)k} - R^2_{(2)k}, \qquad R^2_{jk} = \operatorname{corr}(z_j, v_k)^2

    For factors whose levels are ordered. A code that stands for one factor by one straight line scores 1.

    References:
        Variational inference of disentangled latent concepts from unlabeled observations (Kumar et al., 2018)
    """
    check(codes, factors)
    z, v = _standardised(codes.double()), _standardised(factors.double())
    return _lead((z.T @ v / len(z)).square())


def total_correlation(codes: Codes) -> Tensor:
    r"""Dependence between the dimensions if they were normal, in nats: :math:`-\frac12 \log \det R`.

    Dimensions that never change are left out.

    >>> total_correlation(torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])).abs()
    tensor(0., dtype=torch.float64)
    """
    z = codes.double()
    z = _standardised(z[:, z.std(0) > 0])
    return -torch.linalg.slogdet(z.T @ z / len(z)).logabsdet / 2


def _lead(table: Tensor) -> Tensor:
    """How far the largest entry of each column is ahead of the second largest."""
    if len(table) < 2:
        return table[0]
    first, second = table.topk(2, dim=0).values
    return first - second


def _standardised(x: Tensor) -> Tensor:
    spread = x.std(0, correction=0)
    return (x - x.mean(0)) / torch.where(spread > 0, spread, 1.0)
