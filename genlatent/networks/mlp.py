"""The multilayer perceptron."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from genlatent.networks.activations import activation as find
from genlatent.networks.base import Network, Sizes, xavier
from genlatent.networks.dropout import Dropout
from genlatent.networks.normalisation import normalisation


class Gate(nn.Module):
    r"""Units behind gates, :math:`f(a) \odot \sigma(g)` of an input (a, g) that is twice as wide.

    >>> Gate("identity")(torch.tensor([[3.0, -1.0, 0.0, 100.0]]))
    tensor([[ 1.5000, -1.0000]])
    """

    def __init__(self, activation: str):
        super().__init__()
        self.activation = find(activation)

    def forward(self, x: Tensor) -> Tensor:
        """`(..., 2 * units)` -> `(..., units)`."""
        units, gates = x.chunk(2, dim=-1)
        return self.activation(units) * gates.sigmoid()


class MLP(Network):
    r"""Fully connected layers, :math:`h_{l+1} = f(W_l h_l + b_l)`, and a last one without :math:`f`.

    Args:
        hidden: units of each hidden layer; an empty sequence gives a linear map.
        activation: `sigmoid, tanh, relu, leaky-relu, softplus, gelu, silu` or `identity`.
        inputs: shape of one input; the model sets it.
        outputs: shape of one output; the model sets it.
        output_activation: what the last layer's outputs go through.
        dropout: share of each hidden layer's units that is left out, in training.
        normalise: `batch` for batch normalisation before each hidden layer's activation.
        gated: whether each hidden unit is multiplied by a gate of its own,
            :math:`h_{l+1} = f(W_l h_l + b_l) \odot \sigma(V_l h_l + c_l)`.

    >>> MLP((400,), inputs=(1, 28, 28), outputs=40)(torch.zeros(5, 2, 1, 28, 28)).shape
    torch.Size([5, 2, 40])
    """

    def __init__(
        self,
        hidden: Sequence[int] = (400,),
        activation: str = "relu",
        inputs: Sizes | None = None,
        outputs: Sizes | None = None,
        output_activation: str = "identity",
        dropout: float = 0.0,
        normalise: str | None = None,
        gated: bool = False,
    ):
        super().__init__()
        self.hidden = tuple(hidden)
        if any(units < 1 for units in self.hidden):
            raise ValueError(f"every hidden layer needs at least 1 unit, got {self.hidden}")
        self.activation, self.output_activation = activation, output_activation
        self.dropout, self.normalise, self.gated = dropout, normalise, gated
        for name in (activation, output_activation):
            find(name)
        self._hidden(1)
        self.start(inputs, outputs)

    def fits(self, own: torch.Size, wanted: torch.Size) -> bool:
        """Rows are flattened, so only the number of values matters."""
        return own.numel() == wanted.numel()

    def make(self, inputs: torch.Size, outputs: torch.Size) -> None:
        """One linear layer after another, with the activation between them."""
        sizes = (inputs.numel(), *self.hidden)
        wide = [2 * units if self.gated else units for units in self.hidden]
        linear = [xavier(nn.Linear(a, b)) for a, b in zip(sizes, wide)]
        between = [layer for one, units in zip(linear, wide) for layer in (one, *self._hidden(units))]
        last = xavier(nn.Linear(sizes[-1], outputs.numel()))
        self.layers = nn.Sequential(*between, last, find(self.output_activation))

    def _hidden(self, units: int) -> list[nn.Module]:
        """What stands between the products of two layers."""
        before = [] if self.normalise is None else [normalisation(self.normalise, units)]
        after = [Dropout(self.dropout)] if self.dropout else []
        return [*before, Gate(self.activation) if self.gated else find(self.activation), *after]

    def output_layer(self) -> nn.Module:
        """The last linear layer."""
        return self.layers[-2]

    def forward(self, x: Tensor) -> Tensor:
        """`(*batch, *inputs)` -> `(*batch, *outputs)`."""
        inputs, outputs = self.bound()
        out = self.layers(x.flatten(-len(inputs)))
        return out if len(outputs) == 1 else out.unflatten(-1, outputs)
