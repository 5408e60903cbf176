"""A deep Boltzmann machine turned into a feed-forward network that is told what mean field found."""

import copy
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from genlatent.energy.machine import BoltzmannMachine
from genlatent.errors import RecipeError
from genlatent.sampling.mean_field import mean_field

SWEEPS = 20


class MeanFieldNetwork(nn.Module):
    r"""Layers from the data upwards, each with the mean-field means of the layer above it as further inputs.

    .. math:: y^l = K'\bigl(y^{l-1\top} W_l + q(h^{l+1} \mid v)^\top W_{l+1}'{}^\top + c_l\bigr), \qquad y^0 = v

    The weights start as the machine's (:math:`W' = W`), so that at first :math:`y` is one more mean-field sweep; then
    they are free, while the machine that gives :math:`q` stays as it is.

    Args:
        machine: a trained deep Boltzmann machine; a copy of it is kept.
        sweeps: of the mean field.

    References:
        Deep Boltzmann Machines (Salakhutdinov and Hinton, 2009)

    >>> layers, couplings = {"visible": 4, "hidden": 3, "top": 2}, [("visible", "hidden"), ("hidden", "top")]
    >>> MeanFieldNetwork(BoltzmannMachine(layers, couplings))(torch.zeros(5, 4)).shape
    torch.Size([5, 2])
    """

    def __init__(self, machine: BoltzmannMachine, sweeps: int = SWEEPS):
        super().__init__()
        if machine.couplings != tuple(pairwise(machine.layers)):
            raise RecipeError("a mean-field network is made of a machine whose layers are coupled one to the next")
        self.machine, self.sweeps = copy.deepcopy(machine).requires_grad_(False), sweeps
        self.names = tuple(machine.layers)[1:]
        sizes = list(machine.sizes.values())
        self.up = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.down = nn.ModuleList(nn.Linear(b, a, bias=False) for a, b in pairwise(sizes[1:]))
        self._start()

    @torch.no_grad()
    def _start(self) -> None:
        theta = self.machine.theta()
        for layer, name, w in zip(self.up, self.names, theta.couplings.values()):
            layer.get_parameter("weight").copy_(w.mT)
            layer.get_parameter("bias").copy_(theta.biases[name])
        for layer, w in zip(self.down, list(theta.couplings.values())[1:]):
            layer.get_parameter("weight").copy_(w)

    def forward(self, x: Tensor) -> Float[Tensor, "batch features"]:
        """Means of the top layer's units."""
        machine = self.machine
        with torch.no_grad():
            means = mean_field(machine, machine.clamped(x), self.sweeps).means
        y: Any = machine.flat(x)
        for n, (name, layer) in enumerate(zip(self.names, self.up)):
            field = layer(y)
            if n < len(self.down):
                field = field + self.down[n](means[self.names[n + 1]])
            y = machine.units[name].mean(field)
        return y
