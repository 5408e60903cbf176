"""The long short-term memory against torch's own."""

import torch
from torch import nn

from genlatent.networks.recurrent import LSTM, Memory


def test_a_step_is_torchs(device):
    own, other = LSTM(3, 5).double().to(device), nn.LSTMCell(3, 5).double().to(device)
    with torch.no_grad():
        own.gates.weight.copy_(torch.cat([other.weight_ih, other.weight_hh], 1))
        own.gates.bias.copy_(other.bias_ih + other.bias_hh)
    x, h, c = (torch.randn(4, n, dtype=torch.float64, device=device) for n in (3, 5, 5))
    found = own(x, Memory(h, c))
    for value, expected in zip(found, other(x, (h, c))):
        torch.testing.assert_close(value, expected)


def test_input_and_memory_broadcast(device):
    cell = LSTM(3, 5).to(device)
    x = torch.randn(2, 4, 3, device=device)
    first = cell(x, cell.blank())
    second = cell(x[0], first)
    torch.testing.assert_close(second.hidden[1, 2], cell(x[0, 2], Memory(first.hidden[1, 2], first.cell[1, 2])).hidden)


def test_forget_gates_start_open():
    cell = LSTM(3, 5)
    assert cell.gates.bias.tolist() == [0.0] * 5 + [1.0] * 5 + [0.0] * 10
