"""Where a trained autoencoder would move a point."""

import torch
from torch import Tensor

from genlatent.model import Model


def denoising_field(model: Model, points: Tensor) -> Tensor:
    r"""Reconstruction minus input, :math:`g(f(x)) - x`, at each point.

    For a denoising autoencoder with little Gaussian noise of variance :math:`\sigma^2` it is about
    :math:`\sigma^2 \nabla \log p(x)`: it points to where the data are dense.

    References:
        What regularized auto-encoders learn from the data-generating distribution (Alain and Bengio, 2014)
    """
    return model.reconstruct(points) - points


def plane(low: float, high: float, num: int = 21) -> Tensor:
    """Points of a square grid in the plane, `(num^2, 2)`.

    >>> plane(-1.0, 1.0, 2)
    tensor([[-1., -1.],
            [ 1., -1.],
            [-1.,  1.],
            [ 1.,  1.]])
    """
    axis = torch.linspace(low, high, num)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], dim=1)
