"""Chains whose figures are known: first-order autoregressions."""

import numpy as np
import torch
from scipy.signal import lfilter


def ar1(phi, chains=4, draws=2000, seed=0):
    r"""x_t = phi x_{t-1} + e_t from its stationary law: an autocorrelation time of (1 + phi) / (1 - phi)."""
    noise = np.random.default_rng(seed).normal(size=(chains, draws))
    noise[:, 0] /= np.sqrt(1 - phi**2)
    return torch.from_numpy(lfilter([1.0], [1.0, -phi], noise))


def telegraph(stay, chains=4, draws=2000, seed=0):
    """0 or 1, the same as before with that probability: an autocorrelation time of stay / (1 - stay)."""
    generator = np.random.default_rng(seed)
    flips = generator.random((chains, draws)) > stay
    flips[:, 0] = generator.random(chains) < 0.5
    return torch.from_numpy(flips.cumsum(1) % 2).double()
