"""Step sizes that tune themselves while chains burn in, and are frozen from then on."""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from genlatent.errors import RecipeError
from genlatent.sampling.stepping import StepRunner


class DualAverage(NamedTuple):
    r"""Nesterov's dual averaging of :math:`\log\epsilon` until the mean acceptance is :math:`\delta`.

    .. math::

        \bar H_t &= \bigl(1 - \tfrac{1}{t + t_0}\bigr) \bar H_{t-1} + \tfrac{1}{t + t_0} (\delta - a_t) \\
        \log\epsilon_t &= \mu - \tfrac{\sqrt t}{\gamma} \bar H_t, \qquad
        \log\bar\epsilon_t = t^{-\kappa} \log\epsilon_t + (1 - t^{-\kappa}) \log\bar\epsilon_{t-1}

    References:
        The No-U-Turn Sampler (Hoffman and Gelman, 2014), section 3.2
    """

    centre: float  # mu
    target: float  # delta
    count: int = 0  # t
    error: float = 0.0  # H
    log_step: float = 0.0
    log_mean: float = 0.0

    def update(self, acceptance: float, *, gamma: float = 0.05, t0: float = 10.0, kappa: float = 0.75) -> "DualAverage":
        """After one step more with that acceptance.

        >>> DualAverage(centre=0.0, target=0.8).update(0.9).log_step > 0
        True
        """
        t = self.count + 1
        error = (1 - 1 / (t + t0)) * self.error + (self.target - acceptance) / (t + t0)
        log_step = self.centre - math.sqrt(t) / gamma * error
        share = t**-kappa
        return self._replace(
            count=t, error=error, log_step=log_step, log_mean=share * log_step + (1 - share) * self.log_mean
        )


class StepSizeRunner(StepRunner):
    """Burn-in that tunes one step size for all chains, in proportion to the root of each chain's temperature."""

    def __init__(self, kernel: Any, state: Any, steps: int, target: float, generator: torch.Generator | None = None):
        if steps < 1:
            raise RecipeError(f"adapting a step size takes at least 1 step, got {steps}")
        super().__init__(kernel, state, generator)
        self._left = steps
        self._share = state.step / state.step[0]
        first = math.log(float(state.step[0]))
        self._average = DualAverage(centre=first + math.log(10), target=target, log_step=first)

    def step(self) -> dict[str, Tensor]:
        """One step on, and a new step size; the averaged one after the last step."""
        info = super().step()
        self._left -= 1
        self._average = self._average.update(float(info["acceptance"].mean()))
        chosen = self._average.log_step if self._left > 0 else self._average.log_mean
        self.state = self.state._replace(step=self._share * math.exp(chosen))
        return info
