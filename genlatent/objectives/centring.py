r"""The centred gradient: statistics measured about offsets, whatever the parametrisation.

With offsets :math:`\mu_k` of the layers, the energy written in centred variables,
:math:`\sum_{km} (s_k - \mu_k)^\top W_{km} (s_m - \mu_m) + \sum_k b'_k{}^\top s_k`, has the same states and energies but
other parameters. Its gradient, carried back to :math:`(W, b)`, is the plain gradient :math:`(G, g)` multiplied by a
fixed positive matrix:

.. math::

    \bar G_{km} = G_{km} - g_k \mu_m^\top - \mu_k g_m^\top, \qquad
    \bar g_k = g_k - \sum_m \bar G_{km} \mu_m

A coupling that does not learn is left out of the sums. Within a layer, where :math:`W_{kk}` is symmetric and its
energy is counted half, :math:`\bar G_{kk} = \frac12 (G_{kk} + G_{kk}^\top - g_k \mu_k^\top - \mu_k g_k^\top)`. Masked
couplings stay zero in both parametrisations.
"""

from typing import Any

import torch
from torch import Tensor

Pair = tuple[str, str]


def centred(theta: Any, offsets: dict[str, Tensor]) -> Any:
    """The same parameter values, whose gradients arrive centred about the offsets.

    Args:
        theta: `biases` by layer, `couplings` and `masks` by pair of layers.
        offsets: a typical value of each layer.

    References:
        How to Center Deep Boltzmann Machines (Melchior, Fischer and Wiskott, 2016)
    """
    layers, pairs = list(theta.biases), [pair for pair, w in theta.couplings.items() if w.requires_grad]
    values = (*theta.biases.values(), *(theta.couplings[pair] for pair in pairs))
    about = (*(offsets[name] for name in layers), *theta.masks.values())
    same = _Centre.apply(layers, pairs, list(theta.masks), *about, *values)
    biases, couplings = same[: len(layers)], same[len(layers) :]
    return theta._replace(biases=dict(zip(layers, biases)), couplings=theta.couplings | dict(zip(pairs, couplings)))


class _Centre(torch.autograd.Function):
    """Identity whose backward pass centres the gradient."""

    @staticmethod
    def forward(
        ctx: Any, layers: list[str], pairs: list[Pair], masked: list[Pair], *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        fixed = len(layers) + len(masked)
        about, values = tensors[:fixed], tensors[fixed:]
        ctx.layers, ctx.pairs, ctx.masked = layers, pairs, masked
        ctx.save_for_backward(*about)
        return tuple(value.view_as(value) for value in values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        mu = dict(zip(ctx.layers, ctx.saved_tensors))
        masks = dict(zip(ctx.masked, ctx.saved_tensors[len(mu) :]))
        g = dict(zip(ctx.layers, gradients))
        G = dict(zip(ctx.pairs, gradients[len(g) :]))
        biases, couplings = centre(g, G, mu, masks)
        return (None,) * (3 + len(mu) + len(masks)) + (*biases.values(), *couplings.values())


def centre(
    g: dict[str, Tensor], G: dict[Pair, Tensor], mu: dict[str, Tensor], masks: dict[Pair, Tensor] | None = None
) -> tuple[dict[str, Tensor], dict[Pair, Tensor]]:
    """Plain gradients of biases and couplings, centred about the offsets."""
    couplings, biases = {}, dict(g)
    for (k, m), plain in G.items():
        bent = plain - torch.outer(g[k], mu[m])
        bent = (bent + bent.mT) / 2 if k == m else bent - torch.outer(mu[k], g[m])
        couplings[k, m] = bent * masks[k, m] if masks and (k, m) in masks else bent
        biases[k] = biases[k] - couplings[k, m] @ mu[m]
        if k != m:
            biases[m] = biases[m] - couplings[k, m].mT @ mu[k]
    return biases, couplings
