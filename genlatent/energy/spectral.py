"""Limits on how steep a network can be."""

import torch
from torch import Tensor, nn

STEPS = 20  # of Lanczos: of random matrices of up to 1000 x 784 the value fell short by 0.1 % at the most
SQUARES = 12


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
    r"""The largest singular value, :math:`\sigma = u^\top W v`, by Lanczos steps from the longest row.

    In the space of :math:`r, W^\top W r, (W^\top W)^2 r, \dots` the best v is found. Vectors are held fixed in the
    gradient, which is then :math:`u v^\top`. The value is never too large; :data:`STEPS` says how much it falls short,
    and so by how much a limit may be exceeded.

    References:
        Spectral Normalization for Generative Adversarial Networks (Miyato et al., 2018);
        Matrix Computations (Golub and Van Loan), chapter 10

    >>> round(float(largest(torch.diag(torch.tensor([3.0, -5.0])))), 4)
    5.0
    """
    with torch.no_grad():
        w = matrix.detach()
        basis = _unit(w[w.square().sum(1).argmax()]).unsqueeze(0)
        for _ in range(min(STEPS, *w.shape) - 1):
            v = w.mT @ (w @ basis[-1])
            for _ in range(2):  # rounding leaves a part inside of the basis the first time
                v = _unit(v - (basis @ v) @ basis)
            basis = torch.cat((basis, v.unsqueeze(0)))
        v = _unit(_leading(w @ basis.mT) @ basis)
        u = _unit(w @ v)
    return u @ matrix @ v


def _leading(columns: Tensor) -> Tensor:
    """The combination of a few columns that is longest."""
    gram = columns.mT @ columns
    for _ in range(SQUARES):
        gram = gram / gram.norm().clamp(min=1e-30)
        gram = gram @ gram
    return gram[:, gram.square().sum(0).argmax()]


def _unit(v: Tensor) -> Tensor:
    return v / v.norm().clamp(min=1e-12)
