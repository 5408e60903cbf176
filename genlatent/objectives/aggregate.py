r"""The posterior averaged over data, :math:`q(z) = \frac{1}{N} \sum_n q(z \mid x_n)`, and what it says about a code.

The divergence from the prior falls into three parts,

.. math:: \mathbb{E}_n[\mathrm{KL}(q(z \mid x_n) \| p(z))] = I_q(n; z)
    + \mathrm{KL}\Bigl(q(z) \Big\| \prod_j q(z_j)\Bigr) + \mathrm{KL}\Bigl(\prod_j q(z_j) \Big\| p(z)\Bigr)

index-code mutual information, total correlation and dimension-wise divergence.
"""

import math
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import LowRankMultivariateNormal, MultivariateNormal

from genlatent.objectives.dimensions import factors
from genlatent.objectives.pyro_terms import Site

AT_ONCE = 100  # rows whose densities under all others' posteriors are held at once


class Parts(NamedTuple):
    """Estimates of the three parts of the divergence, row by row; they sum to log q(z|x) - log p(z)."""

    mutual_information: Tensor
    total_correlation: Tensor
    dimension_wise: Tensor


def log_densities(posterior: Any, z: Tensor) -> Float[Tensor, "draw *posteriors latent"] | None:
    r""":math:`\log q(z_{bj} \mid x_n)` of every draw under every row's posterior; None where q does not factorise."""
    q = factors(posterior)
    if q is None:
        return None
    event = len(posterior.event_shape)
    found = q.log_prob(z.reshape(len(z), *(1,) * len(posterior.batch_shape), *z.shape[1:]))
    return found.flatten(-event) if event else found.unsqueeze(-1)


def log_shares(draws: int, num_rows: int, stratified: bool, like: Tensor) -> Float[Tensor, "draw draw"]:
    r"""Logarithm of the weight with which each row of a batch of B stands for the N rows of the data.

    Weighted: :math:`1 / (N B)` for all, a bound. Stratified: :math:`1 / N` for the row that the draw came from and
    :math:`(N - 1) / (N (B - 1))` for each other one, whose mean over batches is :math:`q(z)` itself; with the whole
    data as the batch it is exact.

    References:
        Isolating sources of disentanglement in variational autoencoders (Chen et al., 2018)
    """
    if not stratified:
        return like.new_full((draws, draws), -math.log(num_rows * draws))
    other = math.log((num_rows - 1) / (num_rows * (draws - 1))) if draws > 1 and num_rows > 1 else -math.inf
    own = torch.eye(draws, dtype=torch.bool, device=like.device)
    return torch.where(own, -math.log(num_rows), like.new_full((draws, draws), other))


def parts(log_q: Tensor, shares: Tensor, log_prior: Tensor) -> Parts:
    """The parts of the divergence from densities of draws under all rows' posteriors, own ones on the diagonal."""
    own = log_q.diagonal().sum(0)
    joint = (log_q.sum(-1) + shares).logsumexp(1)
    product = (log_q + shares.unsqueeze(-1)).logsumexp(1).sum(-1)
    return Parts(own - joint, joint - product, product - log_prior)


def information(site: Site) -> dict[str, Tensor]:
    """Mutual information and, where q factorises, total correlation, with the rows of a run as the whole data.

    The site is that of a run with two particles, of which the first is used.
    """
    z = site["value"][0]
    found = [_rows(site["fn"], z[start : start + AT_ONCE], start) for start in range(0, len(z), AT_ONCE)]
    names = ("mutual_information", "total_correlation")
    return {name: torch.cat(rows).mean() for name, rows in zip(names, zip(*found)) if rows[0] is not None}


def _rows(posterior: Any, z: Tensor, start: int) -> tuple[Tensor, Tensor | None] | tuple[()]:
    """Both estimates for some rows, the first of them number `start` of all."""
    log_q = log_densities(posterior, z)
    if log_q is None and not isinstance(posterior, (MultivariateNormal, LowRankMultivariateNormal)):
        return ()
    whole = posterior.log_prob(z[:, None, None]) if log_q is None else log_q.sum(-1)
    whole = whole[:, 0]
    shift = math.log(whole.shape[1])
    joint = whole.logsumexp(1) - shift
    informative = whole.diagonal(start) - joint
    if log_q is None:
        return informative, None
    return informative, joint - (log_q[:, 0].logsumexp(1) - shift).sum(-1)
