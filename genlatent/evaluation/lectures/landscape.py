"""What contrastive divergence does to the energy far from the data: nothing."""

import itertools
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from jaxtyping import Float64, Int
from torch import Tensor

from genlatent.data.dataset import Dataset
from genlatent.energy.rbm import RBM
from genlatent.errors import DataError
from genlatent.numerics.randomness import stream
from genlatent.objectives.base import Objective
from genlatent.objectives.contrastive import ContrastiveDivergence
from genlatent.objectives.exact import ExactLikelihood
from genlatent.training.fit import fit
from genlatent.training.optimizer import Optimizer

LARGEST = 16  # units whose states are listed

RULES: dict[str, Objective] = {"CD-1": ContrastiveDivergence(persistent=False), "exact likelihood": ExactLikelihood()}


class Landscape(NamedTuple):
    """Free energies of every state of a machine's data layer, by the rule that it learned by."""

    distance: Int[Tensor, " state"]  # flips to the nearest row of data
    free_energy: dict[str, Float64[Tensor, " state"]]  # above the mean over the data
    log_likelihood: dict[str, float]  # of the data, per row in nats
    outside: dict[str, Float64[Tensor, " distance"]]  # the model's probability at each distance


def landscape(x: Tensor, models: Mapping[str, Any]) -> Landscape:
    r"""The free energy of all :math:`2^D` states, against their distance to the data.

    The likelihood's gradient raises every state in proportion to what the model gives it. Contrastive divergence
    raises those that a few Gibbs steps from the data reach: elsewhere the energy stays where it was, and low places far
    from the data keep a probability that no row speaks for.

    References:
        Justifying and Generalizing Contrastive Divergence (Bengio and Delalleau, 2009)

    Args:
        x: rows of bits.
        models: RBMs that learned from them, by the name of the rule.
    """
    states = every(x.shape[1]).to(x)
    rows = x.unique(dim=0)
    distance = (states.unsqueeze(1) != rows).sum(2).min(1).values
    energies, likelihoods, outside = {}, {}, {}
    for name, model in models.items():
        with torch.no_grad():
            log_p, of_data = model.log_prob(states).double(), float(model.log_prob(x).mean())
            energies[name] = model.free_energy(states).double() - model.free_energy(x).double().mean()
        likelihoods[name] = of_data
        outside[name] = log_p.new_zeros(int(distance.max()) + 1).index_add(0, distance, log_p.exp())
    return Landscape(distance, energies, likelihoods, outside)


def every(units: int) -> Tensor:
    """All states of so many bits."""
    if units > LARGEST:
        raise DataError(f"up to {LARGEST} units are listed, got {units}")
    return torch.tensor(list(itertools.product((0.0, 1.0), repeat=units)))


def learned_by(x: Tensor, hidden: int = 6, steps: int = 600, depth: float = 1.5, seed: int = 0) -> dict[str, RBM]:
    """An RBM at its start, with one low place where all units are off and one where they are on; then after each rule.

    Args:
        x: rows of bits.
        hidden: units of the machine.
        steps: of full batches.
        depth: couplings at the start.
        seed: of the start and of the chains.
    """
    data, models = Dataset(x, x[:1], x[:1], x.shape[1:], "binary", "rows"), {"start": _start(x, hidden, depth, seed)}
    for name, rule in RULES.items():
        models[name] = _start(x, hidden, depth, seed)
        optimizer = Optimizer("sgd", learning_rate=0.1, schedule="linear", hold=0.5)
        fit(models[name], data, objective=rule, optimizer=optimizer, steps=steps, batch_size=len(x), seed=seed)
    return models


@torch.no_grad()
def _start(x: Tensor, hidden: int, depth: float, seed: int) -> RBM:
    units, generator = x.shape[1], stream(seed, name="landscape")
    machine = RBM(units, hidden)
    machine.W.copy_(depth + 0.1 * torch.randn(machine.W.shape, generator=generator))
    machine.b.fill_(-depth * hidden / 2)
    machine.c.fill_(-depth * units / 2)
    return machine


def nearly_off(units: int = 10, rows: int = 1000, seed: int = 0) -> Tensor:
    """Rows whose bits are off but for one in twenty."""
    return (torch.rand(rows, units, generator=stream(seed, name="nearly off")) < 0.05).float()
