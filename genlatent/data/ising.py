"""The two-dimensional Ising model, drawn by the cluster moves of Swendsen and Wang."""

import math

import numpy as np
import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from genlatent.data.dataset import Dataset
from genlatent.errors import DataError
from genlatent.numerics.randomness import stream

CRITICAL = 2 / math.log(1 + math.sqrt(2))  # Onsager's temperature, 2.269...

NUM_CHAINS = 500
BURN_IN = 50  # sweeps; a few forget the start, also at the critical temperature
THINNING = 10


def ising(*, size: int = 8, temperature: float = CRITICAL, n: int = 10_000, seed: int = 0) -> Dataset:
    r"""Spins on an L by L torus from :math:`p(s) \propto \exp(\frac1T \sum_i s_i (s_{right(i)} + s_{below(i)}))`.

    Rows of one chain stay in one of the three sets; the sets hold 8, 1 and 1 tenths of the chains.

    References:
        Nonuniversal critical dynamics in Monte Carlo simulations (Swendsen, Wang, 1987)
    """
    if size < 2 or n < 10 or not temperature > 0:
        raise DataError(f"ising: size >= 2, n >= 10 and temperature > 0; got {size}, {n} and {temperature}")
    num_chains = min(NUM_CHAINS, n)
    draws = -(-n // num_chains)
    x = spins(num_chains, size, temperature, draws=draws, generator=stream(seed, name="ising"))
    held = max(1, num_chains // 10)
    train, valid, test = (part.flatten(0, 1) for part in x.split([num_chains - 2 * held, held, held]))
    return Dataset(train[: n - len(valid) - len(test)], valid, test, train.shape[1:], "spin", _name(size, temperature))


def energy(s: Tensor) -> Tensor:
    r""":math:`E(s) = -\sum_i s_i (s_{right(i)} + s_{below(i)})` over the last two axes.

    >>> energy(torch.ones(1, 3, 3))
    tensor([-18.])
    """
    return -(s * (s.roll(-1, -1) + s.roll(-1, -2))).sum((-2, -1))


def spins(num_chains: int, size: int, temperature: float, *, draws: int, generator: torch.Generator) -> Tensor:
    """Spins `(chain, draw, 1, size, size)` of independent chains that start at random."""
    s = _signs(num_chains, size * size, generator)
    bonds = _bonds(num_chains, size)
    kept = []
    for sweep in range(BURN_IN + draws * THINNING):
        s = swendsen_wang(s, bonds, temperature, generator)
        if sweep >= BURN_IN and (sweep - BURN_IN) % THINNING == THINNING - 1:
            kept.append(s)
    return torch.stack(kept, dim=1).reshape(num_chains, draws, 1, size, size)


def swendsen_wang(s: Tensor, bonds: tuple[Tensor, Tensor], temperature: float, generator: torch.Generator) -> Tensor:
    """One sweep: equal neighbours are joined with probability 1 - exp(-2/T), then each cluster takes a random sign."""
    flat, (here, there) = s.reshape(-1), bonds
    joined = torch.rand(len(here), generator=generator) < 1 - math.exp(-2 / temperature)
    joined &= flat[here] == flat[there]
    edges = (here[joined].numpy(), there[joined].numpy())
    graph = coo_array((np.ones(len(edges[0]), dtype=np.int8), edges), shape=(len(flat), len(flat)))
    number, cluster = connected_components(graph, directed=False)
    return _signs(1, number, generator)[0][torch.from_numpy(cluster).long()].reshape(s.shape)


def _bonds(num_chains: int, size: int) -> tuple[Tensor, Tensor]:
    """Each site with its right and its lower neighbour, chains side by side in one graph."""
    sites = torch.arange(num_chains * size * size).reshape(num_chains, size, size)
    right, below = sites.roll(-1, 2), sites.roll(-1, 1)
    return torch.cat([sites.flatten(), sites.flatten()]), torch.cat([right.flatten(), below.flatten()])


def _signs(rows: int, columns: int, generator: torch.Generator) -> Tensor:
    return 2.0 * torch.randint(2, (rows, columns), generator=generator) - 1


def _name(size: int, temperature: float) -> str:
    return f"ising-{size}x{size}-T{temperature:.4g}"
