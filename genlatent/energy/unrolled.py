"""Machines turned into networks: sigmoid layers whose weights a generative model has learned, to be fine-tuned."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from genlatent.autoencoders.autoencoder import Autoencoder
from genlatent.distributions.reconstructions import CrossEntropy, SquaredError
from genlatent.errors import Unsupported
from genlatent.networks.mlp import MLP

Affine = tuple[Tensor, Tensor]  # weights (outputs, inputs) and biases

LOSSES = {"binary": CrossEntropy, "unit": CrossEntropy, "real": SquaredError}


def affine(layer: nn.Module) -> Affine:
    """The parameters of a linear layer."""
    return layer.get_parameter("weight"), layer.get_parameter("bias")


def encoder(inputs: torch.Size, layers: Sequence[Affine]) -> MLP:
    """A network of sigmoid layers from the data to the code: the means of binary units on the way up."""
    *hidden, outputs = (len(bias) for _, bias in layers)
    made = MLP(hidden, "sigmoid", inputs, outputs, output_activation="sigmoid")
    return _with(made, layers)


def decoder(outputs: torch.Size, layers: Sequence[Affine]) -> MLP:
    """A network of sigmoid layers from the code to the fields of the data."""
    hidden = [len(bias) for _, bias in layers[:-1]]
    return _with(MLP(hidden, "sigmoid", layers[0][0].shape[1], outputs), layers)


def autoencoder(event_shape: torch.Size, support: object, up: Sequence[Affine], down: Sequence[Affine]) -> Autoencoder:
    """Both, as an autoencoder whose loss is the cross-entropy of bits, or the squared error of real numbers."""
    loss = LOSSES.get(str(support))
    if loss is None:
        raise Unsupported(f"an autoencoder has no reconstruction loss for {support} units; bits and real numbers do")
    made = Autoencoder(event_shape, len(up[-1][1]), encoder(event_shape, up), decoder(event_shape, down), loss())
    return made.to(up[0][0])


@torch.no_grad()
def _with(network: MLP, layers: Sequence[Affine]) -> MLP:
    """The network with these parameters in its linear layers."""
    linear = [layer for layer in network.layers if isinstance(layer, nn.Linear)]
    for layer, (weight, bias) in zip(linear, layers, strict=True):
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
    return network
