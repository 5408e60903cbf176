"""Limits on how steep a network can be."""

import torch
from torch import Tensor, nn

ITERATIONS = 8


def limited(network: nn.Module, limit: float) -> dict[str, Tensor]:
    r"""The weights of a network, each matrix divided by :math:`\max(1, \sigma / c)` with its largest singular value.

    Kernels of convolutions count as matrices of `outputs x rest`, of which the operator's norm is a multiple.
    """
    found = {}
    for name, weight in network.named_parameters():
        if weight.dim() > 1:
            found[name] = weight / (largest(weight.flatten(1)) / limit).clamp(min=1)
    return found


def largest(matrix: Tensor) -> Tensor:
    r"""The largest singular value, :math:`\sigma = u^\top W v`, by power iteration from the longest row.

    Vectors are held fixed in the gradient, which is then :math:`u v^\top`. The value is never too large.

    References:
        Spectral Normalization for Generative Adversarial Networks (Miyato et al., 2018)

    >>> round(float(largest(torch.diag(torch.tensor([3.0, -5.0])))), 4)
    5.0
    """
    with torch.no_grad():
        w = matrix.detach()
        v = w[w.square().sum(1).argmax()]
        for _ in range(ITERATIONS):
            u = _unit(w @ v)
            v = _unit(w.mT @ u)
        u = _unit(w @ v)
    return u @ matrix @ v


def _unit(v: Tensor) -> Tensor:
    return v / v.norm().clamp(min=1e-12)
