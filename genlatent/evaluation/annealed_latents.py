r"""Rows' likelihoods by annealing in the space of codes, from below and, for simulated rows, from above.

A run starts at a draw of q(z | x) and goes on by

.. math:: \log w \mathrel{+}= (\lambda_{k+1} - \lambda_k) \bigl(\log p(x, z_k) - \log q(z_k \mid x)\bigr), \qquad
    z_{k+1} \sim T_{\lambda_{k+1}}(z_k)

where T is Hamiltonian Monte Carlo at :math:`f_\lambda`. Then :math:`E[w] = p(x)`, and the logarithm of a mean of
weights lies below :math:`\log p(x)` in the mean. Backwards from a draw of p(z | x), :math:`E[w] = 1 / p(x)`, which
bounds it from above. Where x was made by the model, the code that made it is such a draw.
"""

from itertools import pairwise
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from genlatent.errors import Diverged, RecipeError
from genlatent.evaluation.code_path import CodePath, Codes, Ends, Path, PerRun
from genlatent.numerics.logspace import effective_sample_size, log_mean_exp
from genlatent.sampling import schedule

RUNS, STEPS, LEAPS = 16, 100, 3
ACCEPTANCE = 0.75  # that the step size aims at on the way
GAIN = 0.5  # how fast it follows
FIRST = 0.5  # leapfrog step from which it starts, in standard deviations of the guess
LARGEST = 2.0  # beyond which leapfrog steps of a standard normal run away
NUMBERS = 20_000_000  # values of x that are decoded at once


class Side(NamedTuple):
    """Log-likelihood of each row as seen from one side, with its standard error."""

    value: Float64[Tensor, " row"]
    error: Float64[Tensor, " row"]
    acceptance: Float[Tensor, " row"]  # mean of the moves on the way


class Tuning(NamedTuple):
    """What moves are made with, found by a run of its own."""

    scale: Float[Tensor, "row latent"]  # of each value of a code
    steps: Float[Tensor, "position row"]  # leapfrog step at each position


def annealed_bound(
    model: Any,
    x: Tensor,
    *,
    y: Tensor | None = None,
    runs: int = RUNS,
    steps: int = STEPS,
    leaps: int = LEAPS,
    start: str = "posterior",
    generator: torch.Generator | None = None,
) -> Side:
    """A lower bound, in the mean, on each row's log-likelihood.

    Args:
        model: a latent model whose codes are real.
        x: rows.
        y: labels or conditions beside the rows.
        runs: of each row.
        steps: positions from the guess to the truth, equally far apart.
        leaps: leapfrog steps of a move.
        start: `posterior` for q(z | x); `prior` where that is no help, or cannot be evaluated.
        generator: the random stream; torch's default one otherwise.

    References:
        Annealed Importance Sampling (Neal, 2001)
        On the quantitative analysis of decoder-based generative models (Wu, Burda, Salakhutdinov and Grosse, 2017)
    """
    check_effort(runs, steps, leaps)
    model.check(x)
    x = model.shaped(x)
    size = max(NUMBERS // (runs * model.event_shape.numel()), 1)
    labels = [None] * len(x) if y is None else y.split(size)
    sides = []
    for rows, told in zip(x.split(size), labels):
        path = CodePath(model, rows, runs, y=told, start=start, calls=2 * steps * leaps)
        lams = schedule.uniform(steps).tolist()
        tuning = tuned(path, lams, leaps, generator)
        sides.append(forwards(path, lams, leaps, tuning, generator))
    return Side(*(torch.cat(parts) for parts in zip(*sides)))


def check_effort(runs: int, steps: int, leaps: int) -> None:
    """Refuse what no annealing can be made of."""
    if runs < 2 or steps < 2 or leaps < 1:
        raise RecipeError(f"runs and steps must be at least 2, leaps 1, got {runs}, {steps} and {leaps}")


def tuned(path: CodePath, lams: list[float], leaps: int, generator: torch.Generator | None = None) -> Tuning:
    """The spread of the guess, and steps of which about 75 % of the moves are accepted; those runs are thrown away."""
    z = path.draw(generator)
    scale = z.std(0).clamp_min(1e-6)
    step, steps, ends = torch.full_like(scale[:, 0], FIRST), [], path.ends(z)
    for lam in lams[1:-1]:
        steps.append(step)
        z, ends, accepted = move(path, z, ends, lam, step, scale, leaps, generator)
        step = (step * (GAIN * (accepted - ACCEPTANCE)).exp()).clamp_max(LARGEST)
    return Tuning(scale, torch.stack(steps) if steps else scale.new_zeros(0, len(scale)))


def forwards(
    path: CodePath, lams: list[float], leaps: int, tuning: Tuning, generator: torch.Generator | None = None
) -> Side:
    """From draws of the guess to the truth."""
    z = path.draw(generator)
    weights, acceptance = _along(path, z, lams, list(tuning.steps), tuning.scale, leaps, generator)
    return _seen(weights, acceptance, 1.0)


def backwards(
    path: CodePath, z: Codes, lams: list[float], leaps: int, tuning: Tuning, generator: torch.Generator | None = None
) -> Side:
    """From draws z of p(z | x) to the guess, the same moves in the other order."""
    steps = list(tuning.steps.flip(0))
    weights, acceptance = _along(path, z, lams[::-1], steps, tuning.scale, leaps, generator)
    return _seen(weights, acceptance, -1.0)


def settled(
    path: CodePath, z: Codes, moves: int, leaps: int, tuning: Tuning, generator: torch.Generator | None = None
) -> Codes:
    """Draws of p(z | x) moved on by as many moves, which leave them draws of p(z | x) and part the runs of a row."""
    ends = path.ends(z)
    for _ in range(moves):
        z, ends, _ = move(path, z, ends, 1.0, tuning.steps[-1], tuning.scale, leaps, generator)
    return z


def move(
    path: Path,
    z: Codes,
    ends: Ends,
    lam: float,
    step: Float[Tensor, " row"],
    scale: Float[Tensor, "row latent"],
    leaps: int,
    generator: torch.Generator | None = None,
) -> tuple[Codes, Ends, Float[Tensor, " row"]]:
    r"""Hamiltonian Monte Carlo at :math:`f_\lambda`: new codes, their densities, and the mean acceptance of each row.

    Each value of a code has the mass :math:`1 / s^2` of its scale s.

    References:
        MCMC using Hamiltonian dynamics (Neal, 2011)
    """
    stride = step[:, None] * scale
    push = torch.randn(z.shape, generator=generator, dtype=z.dtype, device=z.device)
    chance = torch.rand(z.shape[:2], generator=generator, dtype=z.dtype, device=z.device)
    momentum, moved, there = push + stride / 2 * _slope(ends, lam), z, ends
    for leap in range(leaps):
        moved = moved + stride * momentum
        there = path.ends(moved)
        momentum = momentum + (stride if leap < leaps - 1 else stride / 2) * _slope(there, lam)
    gain = _height(there, lam) - _height(ends, lam) + (push.square() - momentum.square()).sum(-1) / 2
    probability = gain.clamp_max(0).exp().nan_to_num(nan=0.0).to(z.dtype)
    taken = chance < probability
    kept = [torch.where(taken if new.dim() == 2 else taken[..., None], new, old) for new, old in zip(there, ends)]
    return torch.where(taken[..., None], moved, z), Ends(*kept), probability.mean(0)


def _along(
    path: CodePath,
    z: Codes,
    lams: list[float],
    steps: list[Tensor],
    scale: Tensor,
    leaps: int,
    generator: torch.Generator | None,
) -> tuple[PerRun, Float[Tensor, " row"]]:
    """Log-weights of runs along the positions, and the mean acceptance; at the last one nothing moves any more."""
    ends, total = path.ends(z), torch.zeros_like(scale[:, 0])
    weights = torch.zeros_like(ends.start)
    for k, (here, after) in enumerate(pairwise(lams)):
        weights = weights + (after - here) * (ends.end - ends.start)
        if k < len(steps):
            z, ends, accepted = move(path, z, ends, after, steps[k], scale, leaps, generator)
            total = total + accepted
    if not bool(weights.isfinite().all()):
        raise Diverged("annealing in z gave weights that are not finite: a code left the model's range")
    return weights, total / max(len(steps), 1)


def _seen(weights: PerRun, acceptance: Tensor, sign: float) -> Side:
    """The mean of each row's weights; backwards they estimate 1 / p(x)."""
    error = (1 / effective_sample_size(weights) - 1 / len(weights)).clamp_min(0).sqrt()
    return Side(sign * log_mean_exp(weights), error, acceptance)


def _height(ends: Ends, lam: float) -> PerRun:
    return (1 - lam) * ends.start + lam * ends.end


def _slope(ends: Ends, lam: float) -> Codes:
    return (1 - lam) * ends.start_slope + lam * ends.end_slope
