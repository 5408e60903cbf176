"""A decoder with no weights of its own: each layer of the encoder, transposed."""

import copy
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import conv_transpose2d, interpolate, linear

from genlatent.errors import RecipeError
from genlatent.networks.activations import ACTIVATIONS
from genlatent.networks.base import Network, Sizes, size

SHARED = (nn.Linear, nn.Conv2d)
POOLED = (nn.MaxPool2d, nn.AvgPool2d)
SKIPPED = (nn.Dropout, nn.Dropout2d)
ELEMENTWISE = (*ACTIVATIONS.values(), nn.ELU, nn.SELU, nn.ReLU6, nn.Softsign, nn.LogSigmoid, nn.PReLU)


class Transposed(nn.Module):
    r"""The transpose of a layer, with a bias of its own: :math:`W^\top h + b'`, or the transposed convolution.

    The layer's weight is read at each call, and is a parameter of the encoder alone.

    >>> layer = nn.Linear(3, 2)
    >>> Transposed(layer, (3,))(torch.ones(4, 2)).shape
    torch.Size([4, 3])
    """

    def __init__(self, layer: nn.Linear | nn.Conv2d, shape: Sequence[int]):
        super().__init__()
        self.layer = (layer,)  # inside a tuple it is no part of this module
        self.shape = tuple(shape)  # of one input of the layer
        width = layer.in_features if isinstance(layer, nn.Linear) else layer.in_channels
        self.bias = nn.Parameter(layer.weight.new_zeros(width))

    def forward(self, h: Tensor) -> Tensor:
        """`(batch, *outputs of the layer)` -> `(batch, *inputs of the layer)`."""
        layer = self.layer[0]
        if isinstance(layer, nn.Linear):
            return linear(h, layer.weight.T, self.bias)
        extra = [self._missing(layer, axis, h.shape[2 + axis]) for axis in (0, 1)]
        assert not isinstance(layer.padding, str)
        return conv_transpose2d(
            h, layer.weight, self.bias, layer.stride, layer.padding, extra, layer.groups, layer.dilation
        )

    def _missing(self, layer: nn.Conv2d, axis: int, length: int) -> int:
        """Rows or columns that the layer's stride left out at the end."""
        padding, reach = layer.padding[axis], layer.dilation[axis] * (layer.kernel_size[axis] - 1)
        assert isinstance(padding, int)
        return self.shape[1 + axis] - ((length - 1) * layer.stride[axis] - 2 * padding + reach + 1)


class Enlarged(nn.Module):
    """The way back from pooling: each value fills the cells that it came from."""

    def __init__(self, grid: Sequence[int]):
        super().__init__()
        self.grid = tuple(grid)

    def forward(self, h: Tensor) -> Tensor:
        """`(batch, channels, *smaller grid)` -> `(batch, channels, *grid)`."""
        return interpolate(h, size=self.grid, mode="nearest")


class Tied(Network):
    r"""The encoder's layers backwards and transposed, with biases of their own.

    .. math:: h_l = f_l(W_l h_{l-1} + b_l), \qquad \hat h_{l-1} = f_{l-1}(W_l^\top \hat h_l + b'_l)

    The encoder's activations stand where they stood; there is none on :math:`\hat h_0`, nor a second one on the code.
    Fully connected layers and convolutions are transposed, pooling is enlarged again, dropout is left out. The model
    that both belong to binds it to its encoder.

    References:
        Extracting and composing robust features with denoising autoencoders (Vincent et al., 2008)

    >>> encoder, decoder = nn.Sequential(nn.Linear(4, 3), nn.Sigmoid(), nn.Linear(3, 2)), Tied()
    >>> decoder.mirror(encoder, (4,))
    >>> decoder.bind(2, 4)
    >>> decoder(torch.zeros(5, 2)).shape, [name for name, _ in decoder.named_parameters()]
    (torch.Size([5, 4]), ['layers.0.bias', 'layers.2.bias'])
    """

    def __init__(self):
        super().__init__()
        self.start(None, None)

    def fits(self, own: torch.Size, wanted: torch.Size) -> bool:
        """Rows are reshaped, so only the number of values matters."""
        return own.numel() == wanted.numel()

    def mirror(self, encoder: nn.Module, event_shape: Sizes) -> None:
        """Say whose transpose this is, and the shape of one input of it."""
        self.mirrored = (encoder, size(event_shape))

    def make(self, inputs: torch.Size, outputs: torch.Size) -> None:
        """The layers of the encoder, from the last to the first."""
        if not hasattr(self, "mirrored"):
            raise RecipeError(
                "a tied decoder is the transpose of an encoder: put it into an Autoencoder as its decoder"
            )
        encoder, shape = self.mirrored
        if shape.numel() != outputs.numel():
            raise RecipeError(f"a tied decoder gives {shape.numel()} outputs, {outputs.numel()} are needed")
        self.layers = nn.Sequential(*_backwards(_steps(encoder, shape)))

    def output_layer(self) -> nn.Module:
        """The transpose of the encoder's first layer."""
        return next(layer for layer in reversed(self.layers) if isinstance(layer, Transposed))

    def forward(self, z: Tensor) -> Tensor:
        """`(*batch, *inputs)` -> `(*batch, *outputs)`."""
        inputs, outputs = self.bound()
        batch = z.shape[: z.dim() - len(inputs)]
        return self.layers(z.reshape(-1, inputs.numel())).reshape(*batch, *outputs)


Step = tuple[nn.Module, torch.Size, torch.Size]  # a layer of the encoder, the shapes of one input and one output


def _steps(encoder: nn.Module, shape: torch.Size) -> list[Step]:
    """The layers that a row goes through, found by sending one."""
    chain = encoder.layers if isinstance(encoder, Network) and hasattr(encoder, "layers") else encoder
    if not isinstance(chain, nn.Sequential) or not any(isinstance(part, SHARED) for part in chain.modules()):
        raise RecipeError(
            f"a tied decoder needs an encoder of layers one after the other, some of them with weights, and cannot see "
            f"into a {type(encoder).__name__}; give the decoder's layers"
        )
    found: list[Step] = []

    def note(layer: nn.Module, args: tuple[Tensor, ...], out: Tensor) -> None:
        found.append((layer, args[0].shape[1:], out.shape[1:]))

    hooks = [part.register_forward_hook(note) for part in _single(chain)]
    like = next(encoder.parameters())
    modes = [(part, part.training) for part in encoder.modules()]
    try:
        with torch.no_grad():
            encoder.eval()(torch.zeros(1, *shape, dtype=like.dtype, device=like.device))
    finally:
        for hook in hooks:
            hook.remove()
        for part, training in modes:
            part.training = training
    return found


def _single(chain: nn.Module) -> Iterator[nn.Module]:
    """The layers of a chain, each whole: what is put together otherwise than one after the other is not taken apart."""
    if isinstance(chain, (nn.Sequential, Network)):
        for part in chain.children():
            yield from _single(part)
    else:
        yield chain


def _weighted(layer: nn.Module) -> bool:
    return not isinstance(layer, ELEMENTWISE) and any(True for _ in layer.parameters())


def _backwards(steps: Sequence[Step]) -> list[nn.Module]:
    last = max(number for number, (layer, _, _) in enumerate(steps) if _weighted(layer))
    layers: list[nn.Module] = []
    for layer, before, after in reversed(steps[: last + 1]):
        if isinstance(layer, SHARED):
            layers += [nn.Unflatten(1, after)] if not layers and len(after) > 1 else []
            layers.append(Transposed(layer, before))
        elif isinstance(layer, (nn.Flatten, nn.Unflatten)):
            layers.append(nn.Unflatten(1, before) if len(before) > 1 else nn.Flatten())
        elif isinstance(layer, POOLED):
            layers.append(Enlarged(before[1:]))
        elif isinstance(layer, ELEMENTWISE):
            layers.append(copy.deepcopy(layer))
        elif not isinstance(layer, SKIPPED):
            raise RecipeError(f"a tied decoder cannot transpose a {type(layer).__name__}; give the decoder's layers")
    return layers
