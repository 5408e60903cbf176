"""Networks that are told a condition: the first layer is split, so that the condition costs one small product.

.. math:: h_1 = f(W_x x + W_y y + b)

The product of x is taken once, whatever number of conditions it is joined with.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from genlatent.errors import RecipeError
from genlatent.networks.base import Network
from genlatent.networks.wiring import Joint

FIRST = (nn.Linear, nn.Conv2d)


def width(network: Network) -> int:
    """Units of the first layer, or its channels.

    >>> from genlatent.networks.mlp import MLP
    >>> width(MLP((400,), inputs=20, outputs=784))
    400
    """
    first = _layers(network)[0]
    return first.out_features if isinstance(first, nn.Linear) else first.out_channels


def run_split(joint: Joint, network: nn.Module, x: Tensor, term: Tensor) -> Tensor:
    """`(*batch, *inputs)` -> `(*batch, num_outputs)`, told a condition; the batches of both are broadcast.

    Args:
        joint: where the network stands in its model.
        network: one of the toolkit's; a module from elsewhere is called as `network(x, condition)`.
        x: its inputs.
        term: what the first layer gets added, :math:`W_y y`, `(*batch, width)`; for a module from elsewhere the
            condition itself.
    """
    batch = x.shape[: x.dim() - len(joint.inputs)]
    if not isinstance(network, Network):
        return _from_elsewhere(joint, network, x, batch, term)
    first, *rest = _layers(network)
    if isinstance(first, nn.Linear):
        h = first(x.reshape(*batch, -1)) + term
    else:
        h = first(x.reshape(-1, *joint.inputs))
        h = h.reshape(*batch, *h.shape[1:]) + term[..., None, None]
    unit = 1 if isinstance(first, nn.Linear) else 3
    batch = h.shape[: h.dim() - unit]
    h = h.reshape(-1, *h.shape[len(batch) :])
    for layer in rest:
        h = layer(h)
    return h.reshape(*batch, -1)


def _from_elsewhere(joint: Joint, network: nn.Module, x: Tensor, batch: Sequence[int], y: Tensor) -> Tensor:
    batch = torch.broadcast_shapes(batch, y.shape[:-1])
    x = x.expand(*batch, *joint.inputs).reshape(-1, *joint.inputs)
    out = network(x, y.expand(*batch, y.shape[-1]).reshape(-1, y.shape[-1])).flatten(1)
    if out.shape[1] != joint.outputs.numel():
        raise joint.refusal(out.shape[1])
    return out.reshape(*batch, out.shape[1])


def _layers(network: Network) -> Any:
    layers: Any = getattr(network, "layers", None)
    if not isinstance(layers, nn.Sequential) or not isinstance(layers[0], FIRST):
        raise RecipeError(
            f"the first layer of {type(network).__name__} cannot be told a condition; "
            "use mlp, conv-encoder or conv-decoder, or a module of your own that is called with (x, condition)"
        )
    return layers
