"""Sums of exponentials, in float64: float32 sums of log-weights lose nats."""

import math

import torch
from torch import Tensor


def log_mean_exp(log_weights: Tensor, dim: int = 0) -> Tensor:
    r"""Logarithm of the mean weight, :math:`\log \frac{1}{K} \sum_k e^{w_k}`, in float64.

    >>> float(log_mean_exp(torch.tensor([1000.0, 1000.0])))
    1000.0
    """
    return log_weights.double().logsumexp(dim) - math.log(log_weights.shape[dim])


def effective_sample_size(log_weights: Tensor, dim: int = 0) -> Tensor:
    r"""How many equal weights would tell as much: :math:`(\sum_k w_k)^2 / \sum_k w_k^2`.

    >>> round(effective_sample_size(torch.zeros(5)).item(), 9)
    5.0
    """
    w = torch.softmax(log_weights.double(), dim)
    return 1 / (w * w).sum(dim)
