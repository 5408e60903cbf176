"""Tolerances that are earned: by the effective sample size of the chains, and a named budget of false alarms."""

import arviz as az
import numpy as np
import torch
from scipy.stats import norm


def plain(values):
    """Numbers of any device as a numpy array."""
    return np.asarray(values.numpy(force=True) if isinstance(values, torch.Tensor) else values, dtype=float)


def assert_mean(draws, expected, *, ess_min=100, false_alarm=2e-5, rare=False):
    """The mean of draws (chain, draw) agrees within the precision that the chains earned.

    Draws that never vary must be what is expected; `rare`, they may miss a value of at most 1 away whose probability is
    so small that as many independent draws would miss it, (1 - p)^n, more often than a false alarm is given.
    """
    draws = plain(draws)
    if np.ptp(draws) == 0:
        missed = -np.log(false_alarm) / draws.size if rare else 1e-9
        assert abs(draws.flat[0] - expected) < missed, f"always {draws.flat[0]}, expected {float(expected):.5f}"
        return
    ess = float(az.ess(draws, method="mean"))
    assert ess >= ess_min, f"chains do not mix: ess {ess:.0f} < {ess_min}"
    bound = norm.isf(false_alarm / 2) * np.std(draws) / ess**0.5
    assert abs(np.mean(draws) - expected) < bound, f"{np.mean(draws):.5f} is not {float(expected):.5f} +- {bound:.5f}"


def assert_means(draws, expected, **kwargs):
    """The same for every element of draws (chain, draw, ...)."""
    draws, expected = plain(draws), plain(expected)
    for place in np.ndindex(expected.shape):
        assert_mean(draws[(..., *place)], expected[place], **kwargs)
