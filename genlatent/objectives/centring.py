r"""The centred gradient: statistics measured about offsets, whatever the parametrisation.

With offsets :math:`\mu_k` of the layers, the energy written in centred variables,
:math:`\sum_{km} (s_k - \mu_k)^\top W_{km} (s_m - \mu_m) + \sum_k b'_k{}^\top s_k`, has the same states and energies but
other parameters. Its gradient, carried back to :math:`(W, b)`, is the plain gradient :math:`(G, g)` multiplied by a
fixed positive matrix:

.. math::

    \bar G_{km} = G_{km} - g_k \mu_m^\top - \mu_k g_m^\top, \qquad
    \bar g_k = g_k - \sum_m \bar G_{km} \mu_m
"""

from typing import Any

import torch
from torch import Tensor

Pair = tuple[str, str]


def centred(theta: Any, offsets: dict[str, Tensor]) -> Any:
    """The same parameter values, whose gradients arrive centred about the offsets.

    Args:
        theta: `biases` by layer and `couplings` by pair of layers.
        offsets: a typical value of each layer.

    References:
        How to Center Deep Boltzmann Machines (Melchior, Fischer and Wiskott, 2016)
    """
    layers, pairs = list(theta.biases), list(theta.couplings)
    values = (*theta.biases.values(), *theta.couplings.values())
    same = _Centre.apply(layers, pairs, *(offsets[name] for name in layers), *values)
    biases, couplings = same[: len(layers)], same[len(layers) :]
    return theta._replace(biases=dict(zip(layers, biases)), couplings=dict(zip(pairs, couplings)))


class _Centre(torch.autograd.Function):
    """Identity whose backward pass centres the gradient."""

    @staticmethod
    def forward(ctx: Any, layers: list[str], pairs: list[Pair], *tensors: Tensor) -> tuple[Tensor, ...]:
        offsets, values = tensors[: len(layers)], tensors[len(layers) :]
        ctx.layers, ctx.pairs = layers, pairs
        ctx.save_for_backward(*offsets)
        return tuple(value.view_as(value) for value in values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        mu = dict(zip(ctx.layers, ctx.saved_tensors))
        g = dict(zip(ctx.layers, gradients))
        G = dict(zip(ctx.pairs, gradients[len(g) :]))
        biases, couplings = centre(g, G, mu)
        return (None,) * (2 + len(mu)) + (*biases.values(), *couplings.values())


def centre(
    g: dict[str, Tensor], G: dict[Pair, Tensor], mu: dict[str, Tensor]
) -> tuple[dict[str, Tensor], dict[Pair, Tensor]]:
    """Plain gradients of biases and couplings, centred about the offsets."""
    couplings = {(k, m): G[k, m] - torch.outer(g[k], mu[m]) - torch.outer(mu[k], g[m]) for k, m in G}
    biases = dict(g)
    for (k, m), centred_pair in couplings.items():
        biases[k] = biases[k] - centred_pair @ mu[m]
        biases[m] = biases[m] - centred_pair.mT @ mu[k]
    return biases, couplings
