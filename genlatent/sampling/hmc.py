"""Hamiltonian Monte Carlo over many chains, with a step size that tunes itself during burn-in."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.errors import RecipeError
from genlatent.sampling.adaptation import StepSizeRunner
from genlatent.sampling.slopes import Energy, SlopeKernel, SlopeState, choose, column, slope


class HMC(SlopeKernel):
    r"""Hamiltonian Monte Carlo: a random push, `leaps` leapfrog steps, and Metropolis's rule.

    .. math:: H(x, p) = E(x) / T + |p|^2 / 2

    Each chain's step is the tuned one times a number drawn evenly from `1 - jitter` to `1 + jitter`, so that no
    period of the dynamics is hit again and again.

    Args:
        energy: `(chain, *event) -> (chain,)`, differentiable.
        shape: of one event, or its length.
        leaps: leapfrog steps of one proposal.
        size: the leapfrog step at temperature 1 from which tuning starts.
        jitter: share by which the step varies.
        acceptance: mean acceptance that tuning aims at.
        given: what is held fixed, one event for all chains or one for each; NaN means "sample me".
        temperature: one for all chains or one for each.

    References:
        MCMC using Hamiltonian dynamics (Neal, 2011); The No-U-Turn Sampler (Hoffman and Gelman, 2014)
    """

    def __init__(
        self,
        energy: Energy,
        shape: int | Sequence[int],
        leaps: int = 10,
        size: float = 0.1,
        jitter: float = 0.2,
        acceptance: float = 0.8,
        given: Tensor | None = None,
        temperature: float | Tensor | None = None,
    ):
        super().__init__(energy, shape, given, temperature)
        if leaps < 1 or not size > 0:
            raise RecipeError(f"leaps must be at least 1 and size above 0, got {leaps} and {size}")
        if not (0 <= jitter < 1 and 0 < acceptance < 1):
            raise RecipeError(f"jitter and acceptance lie between 0 and 1, got {jitter} and {acceptance}")
        self.leaps = leaps
        self.size = size
        self.jitter = jitter
        self.acceptance = acceptance

    def _first_step(self, beta: Float[Tensor, " chain"]) -> Float[Tensor, " chain"]:
        return self.size * beta.rsqrt()  # hotter chains stride further

    def step(self, state: SlopeState, generator: torch.Generator | None = None) -> tuple[SlopeState, dict[str, Tensor]]:
        """One proposal, taken or not."""
        x = state.layers["x"]
        push = self.noise(x, generator)
        length, threshold = torch.rand(2, len(x), generator=generator, dtype=x.dtype, device=x.device)
        step = state.step * (1 + self.jitter * (2 * length - 1))
        moved, momentum, energy, gradient = self._leapfrog(state, push, step)
        kinetic = (momentum.square() - push.square()).flatten(1).sum(1) / 2
        error = state.beta * (energy - state.energy) + kinetic
        probability = error.clamp(min=0).neg().exp().nan_to_num(nan=0.0)
        accepted = threshold < probability
        info = {"acceptance": probability, "energy_error": error, "step": state.step}
        return choose(accepted, (moved, energy, gradient), state), info

    def _leapfrog(self, state: SlopeState, push: Tensor, step: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        r"""Half a kick, then drifts and kicks in turn: position, momentum, energy and slope at the end."""
        x, energy, gradient = state.layers["x"], state.energy, state.slope
        stride, kick = column(step, x), column(step * state.beta, x)
        momentum = self._kicked(push, kick / 2, gradient)
        for leap in range(self.leaps):
            x = x + stride * momentum
            energy, gradient = slope(self.energy, x)
            momentum = self._kicked(momentum, kick if leap < self.leaps - 1 else kick / 2, gradient)
        return x, momentum, energy, gradient

    def _kicked(self, momentum: Tensor, kick: Tensor, gradient: Tensor) -> Tensor:
        """The momentum after the slope acted on it; given values have none."""
        after = momentum - kick * gradient
        return after if self.free is None else torch.where(self.free, after, 0.0)

    def adapting(self, state: SlopeState, steps: int, generator: torch.Generator | None = None) -> StepSizeRunner:
        """So many steps in which the step size moves to where the acceptance is as wanted."""
        return StepSizeRunner(self, state, steps, self.acceptance, generator)
