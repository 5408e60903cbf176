"""The long short-term memory, one step at a time."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from genlatent.networks.base import xavier


class Memory(NamedTuple):
    """What a recurrent network carries from step to step."""

    hidden: Tensor  # (*batch, hidden)
    cell: Tensor  # (*batch, hidden)


class LSTM(nn.Module):
    r"""One step of a long short-term memory.

    .. math:: c' = \sigma(f) \, c + \sigma(i) \tanh(g), \quad h' = \sigma(o) \tanh(c'), \quad
              (i, f, g, o) = W [u, h] + b

    Input and memory may have different batch dimensions, which are broadcast. Forget gates start open (bias 1).

    References:
        Long short-term memory (Hochreiter and Schmidhuber, 1997)

    Args:
        inputs: number of values in the input u of a step.
        hidden: number of values remembered.

    >>> cell = LSTM(3, 5)
    >>> cell(torch.zeros(2, 3), cell.blank()).hidden.shape
    torch.Size([2, 5])
    """

    def __init__(self, inputs: int, hidden: int):
        super().__init__()
        if hidden < 1:
            raise ValueError(f"hidden must be at least 1, got {hidden}")
        self.inputs, self.hidden = inputs, hidden
        self.gates = nn.Linear(inputs + hidden, 4 * hidden)
        xavier(self.gates)
        nn.init.ones_(self.gates.bias[hidden : 2 * hidden])

    def blank(self) -> Memory:
        """Nothing remembered; without batch dimensions."""
        nothing = self.gates.bias.new_zeros(self.hidden)
        return Memory(nothing, nothing)

    def forward(self, inputs: Tensor, memory: Memory) -> Memory:
        """`(*batch, inputs)` and a memory -> the next memory."""
        batch = torch.broadcast_shapes(inputs.shape[:-1], memory.hidden.shape[:-1])
        seen = torch.cat([inputs.expand(*batch, -1), memory.hidden.expand(*batch, -1)], -1)
        write, keep, new, show = self.gates(seen).chunk(4, -1)
        cell = keep.sigmoid() * memory.cell + write.sigmoid() * new.tanh()
        return Memory(show.sigmoid() * cell.tanh(), cell)
