"""Small Boltzmann machines with skewed parameters, and the exact answers by listing all their states."""

import itertools
import math

import torch

from genlatent.energy.machine import BoltzmannMachine
from genlatent.energy.masks import Edges, Lattice
from genlatent.energy.rbm import RBM
from genlatent.energy.units import Categorical, Spin
from genlatent.numerics import devices


def skewed(machine, scale=1.0, seed=1):
    """Parameters without any symmetry, base rates and offsets included."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        learned = [tensor for name, tensor in machine.named_buffers() if not name.endswith(("_mask", "offsets"))]
        for tensor in (*machine.parameters(), *learned):
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


def visible():
    """No hidden units: every unit coupled with every other."""
    return skewed(BoltzmannMachine({"visible": 6}, [("visible", "visible")]), 0.7)


def within():
    """Hidden units that are coupled with each other, and a third layer on top."""
    couplings = [("hidden", "visible"), ("hidden", "hidden"), ("hidden", "top")]
    return skewed(BoltzmannMachine({"visible": 3, "hidden": 4, "top": 2}, couplings, {"hidden": Spin()}), 0.5)


def masked():
    """Spins on a small grid that is open at the ends, with hidden units that see two sites each."""
    masks = {"spins_spins": Lattice((2, 3), periodic=False), "spins_hidden": Edges([(0, 0), (1, 0), (4, 1), (5, 1)])}
    couplings = [("spins", "spins"), ("spins", "hidden")]
    return skewed(BoltzmannMachine({"spins": (2, 3), "hidden": 2}, couplings, {"spins": Spin()}, masks), 0.6)


def potts():
    """Sites of three states, coupled with each other and with hidden units."""
    couplings = [("sites", "sites"), ("sites", "hidden")]
    return skewed(BoltzmannMachine({"sites": (3, 3), "hidden": 2}, couplings, {"sites": Categorical(3)}), 0.6)


MACHINES = {"rbm": rbm, "spins": lambda: rbm(visible_units=Spin()), "deep": deep, "ring": ring}
WITHIN = {"visible": visible, "within": within, "masked": masked, "potts": potts}  # layers coupled within themselves
MACHINES |= WITHIN


class Exact:
    """Every joint state of a machine with its probability, from the definition of the energy, term by term."""

    def __init__(self, machine, beta=1.0, lam=1.0, given=None):
        self.sizes = machine.sizes
        units = [(machine.units[name], size) for name, size in machine.sizes.items()]
        sites = [unit.alternatives for unit, size in units for _ in range(size // unit.width)]
        joint = torch.tensor([sum(site, ()) for site in itertools.product(*sites)], dtype=torch.float64)
        joint = joint.to(devices.of(machine))
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
            w, mask = getattr(machine, f"{a}_{b}_weight").double(), getattr(machine, f"{a}_{b}_mask")
            w = w if mask is None else w * mask
            w = (w + w.T) / 4 if a == b else w  # each pair within a layer is met twice
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
        total = found.new_zeros(len(found)).index_add(0, place, self.probability.detach())
        return found, total.log()
