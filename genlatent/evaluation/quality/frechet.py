"""Distance of two sets as if both were normal."""

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.evaluation.quality.discrepancy import Rows, check


def frechet_distance(x: Rows, y: Rows) -> Float[Tensor, ""]:
    r"""Squared Wasserstein distance between the normals with the moments of x and of y.

    .. math:: |\mu_x - \mu_y|^2 + \operatorname{tr}\bigl(\Sigma_x + \Sigma_y - 2 (\Sigma_x \Sigma_y)^{1/2}\bigr)

    It is biased upwards for few rows, so only equal numbers of rows are compared.

    References:
        GANs trained by a two time-scale update rule converge to a local Nash equilibrium (Heusel et al., 2017)
    """
    check(x, y)
    a, b = x.double(), y.double()
    root = _root(_covariance(a))
    cross = torch.linalg.eigvalsh(root @ _covariance(b) @ root).clamp(min=0).sqrt().sum()
    spread = a.var(0).sum() + b.var(0).sum() - 2 * cross
    return (a.mean(0) - b.mean(0)).square().sum() + spread.clamp(min=0)


def _covariance(rows: Tensor) -> Tensor:
    centred = rows - rows.mean(0)
    return centred.T @ centred / (len(rows) - 1)


def _root(covariance: Tensor) -> Tensor:
    """Symmetric square root of a positive matrix."""
    values, vectors = torch.linalg.eigh(covariance)
    return vectors * values.clamp(min=0).sqrt() @ vectors.mT
