"""Small Boltzmann machines with skewed parameters, and the exact answers by listing all their states."""

import itertools
import math

import torch

from genlatent.energy.machine import BoltzmannMachine
from genlatent.energy.rbm import RBM
from genlatent.energy.units import Spin


def skewed(machine, scale=1.0, seed=1):
    """Parameters without any symmetry, base rates and offsets included."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in (*machine.parameters(), *machine.buffers()):
            tensor.copy_(scale * (torch.randn(tensor.shape, generator=generator) + 0.3))
    return machine


def rbm(visible=6, hidden=5, **kwargs):
    return skewed(RBM(visible, hidden, **kwargs))


def deep():
    couplings = [("visible", "hidden"), ("hidden", "top")]
    return skewed(BoltzmannMachine({"visible": 4, "hidden": 3, "top": 2}, couplings, {"top": Spin()}))


def ring():
    couplings = [("visible", "hidden"), ("label", "hidden"), ("label", "visible")]
    return skewed(BoltzmannMachine({"visible": 3, "hidden": 3, "label": 2}, couplings))


MACHINES = {"rbm": rbm, "spins": lambda: rbm(visible_units=Spin()), "deep": deep, "ring": ring}


class Exact:
    """Every joint state of a machine with its probability, from the definition of the energy, term by term."""

    def __init__(self, machine, beta=1.0, lam=1.0, given=None):
        self.sizes = machine.sizes
        values = [machine.units[name].values for name in machine.layers for _ in range(machine.sizes[name])]
        joint = torch.tensor(list(itertools.product(*values)), dtype=torch.float64)
        states = dict(zip(machine.layers, joint.split(list(machine.sizes.values()), dim=1)))
        self.energy = -beta * (lam * self.inner(machine, states) + (1 - lam) * self.base(machine, states))
        self.states = states
        weight = -self.energy
        for name, value in (given or {}).items():
            fits = (value.isnan() | (states[name] == value)).all(1)
            weight = torch.where(fits, weight, -math.inf)
        self.log_partition = weight.logsumexp(0)
        self.probability = (weight - self.log_partition).exp()

    @staticmethod
    def inner(machine, states):
        total = 0.0
        for name, s in states.items():
            total = total + (s * getattr(machine, f"{name}_bias").double()).sum(1)
        for a, b in machine.couplings:
            w = getattr(machine, f"{a}_{b}_weight").double()
            total = total + torch.einsum("si,ij,sj->s", states[a], w, states[b])
        return total

    @staticmethod
    def base(machine, states):
        return sum((s * getattr(machine, f"{name}_base").double()).sum(1) for name, s in states.items())

    def mean(self, name):
        return self.probability @ self.states[name]

    def pair(self, a, b):
        """Mean of the products of two layers' units."""
        return torch.einsum("s,si,sj->ij", self.probability, self.states[a], self.states[b])

    def marginal(self, name):
        """Each state of a layer, with its log-probability."""
        found, place = torch.unique(self.states[name], dim=0, return_inverse=True)
        total = torch.zeros(len(found), dtype=torch.float64).index_add(0, place, self.probability.detach())
        return found, total.log()
