"""Tempered transitions: one long proposal, up a ladder and down again."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.components import Component
from genlatent.errors import RecipeError, Unsupported
from genlatent.sampling import ladders
from genlatent.sampling.bridges import bridge, summed_layers
from genlatent.sampling.gibbs import BlockGibbs, GibbsState
from genlatent.sampling.stepping import StepRunner
from genlatent.sampling.sweep import refuse_nan


class TemperedTransitions(Component):
    r"""Gibbs sampling whose every step may also leave the mode, by way of hotter distributions.

    The proposal climbs :math:`P_0, ..., P_n` from the target to the hottest rung with a sweep :math:`\hat T_i` on each
    and comes down with the reversed sweeps :math:`\check T_i`. It is accepted with probability

    .. math:: \min\Bigl(1, \prod_{i=0}^{n-1} \frac{P_{i+1}(\hat s_i)}{P_i(\hat s_i)}
                           \prod_{i=0}^{n-1} \frac{P_i(\check s_i)}{P_{i+1}(\check s_i)}\Bigr)

    and followed by an ordinary sweep. Long ladders are needed where the modes are deep; acceptance tells.

    Args:
        machine: a Boltzmann machine without couplings within a layer.
        ladder: the rungs' lambdas or temperatures, the target the coldest of them, or a number of rungs.
        given: values held fixed, by layer, one row or one for each chain; NaN means "sample me".
        temperature: what is sampled, one for all chains or one for each.
        path: `base` from the base rates to the machine, or `temperature` from a high temperature.

    References:
        Sampling from Multimodal Distributions Using Tempered Transitions (Neal, 1996);
        Learning in Markov Random Fields using Tempered Transitions (Salakhutdinov, 2009)
    """

    def __init__(
        self,
        machine: Any,
        ladder: Any = 20,
        given: Mapping[str, Tensor] | None = None,
        temperature: float | Tensor | None = None,
        path: str = "base",
    ):
        self.machine = machine
        self.ladder = ladders.spelled(ladder)
        self.temperature = temperature
        self.path = path
        self._up = BlockGibbs(machine, given, temperature)
        self.given = self._up.given
        if any(a == b for a, b in machine.couplings):
            raise Unsupported(
                "tempered transitions reverse a sweep of whole layers, but here a layer is coupled within"
            )
        ladders.check(self.ladder, path, 1.0 if temperature is None else temperature)
        self._check_coldest()
        self.summed = summed_layers(machine, self.given)
        self._down = BlockGibbs(machine, given, temperature)
        first = 1 if self.summed else 0  # layers that are summed out are drawn first in both directions
        self._down.blocks = self._up.blocks[:first] + self._up.blocks[first:][::-1]

    def _check_coldest(self) -> None:
        wanted = torch.as_tensor(1.0 if self.temperature is None else self.temperature)
        if self.path == "temperature" and not isinstance(self.ladder, int):
            coldest = min(self.ladder)
            if not bool(torch.isclose(wanted.double(), torch.tensor(coldest).double()).all()):
                raise RecipeError(
                    f"transitions start from the coldest rung, {coldest:g}, which must be the temperature"
                )

    def fixed(self, layer: str) -> bool:
        """Whether every unit of a layer is given."""
        return self._up.fixed(layer)

    def init(self, chains: int, generator: torch.Generator | None = None) -> GibbsState:
        """Chains at the base rates, with the given values in place."""
        return self._up.init(chains, generator)

    @torch.no_grad()
    def step(self, state: GibbsState, generator: torch.Generator | None = None) -> tuple[GibbsState, dict[str, Tensor]]:
        """One proposal up and down the ladder, then a sweep."""
        there, acceptance = self._travel(state, generator)
        moved, _ = self._up.step(there, generator)
        return moved, {"acceptance": acceptance}

    def _travel(
        self, state: GibbsState, generator: torch.Generator | None
    ) -> tuple[GibbsState, Float[Tensor, " chain"]]:
        """The state after a proposal was taken or not; what its summed layers hold means nothing."""
        proposal, log_ratio = self._propose(state, generator)
        uniform = torch.rand(log_ratio.shape, generator=generator, dtype=log_ratio.dtype, device=log_ratio.device)
        accepted = (uniform < log_ratio.exp()).unsqueeze(1)
        layers = {name: torch.where(accepted, proposal[name], s) for name, s in state.layers.items()}
        return state._replace(layers=layers), log_ratio.clamp(max=0).exp()

    def _propose(
        self, state: GibbsState, generator: torch.Generator | None
    ) -> tuple[dict[str, Tensor], Float[Tensor, " chain"]]:
        """Where the way up and down ends, and the logarithm of the acceptance ratio."""
        first = next(iter(state.layers.values()))
        beta = torch.ones_like(first[:, 0]) if state.beta is None else state.beta
        rungs = ladders.build(self.ladder, self.path, beta.reciprocal())
        knobs = list(zip(rungs.beta.unbind(1), rungs.lam.unbind(1)))[::-1]
        s, total = state, torch.zeros_like(beta)
        for here, above in pairwise(knobs):
            total = total + self._climb(s.layers, here, above)
            s, _ = self._up.step(s._replace(beta=above[0], lam=above[1]), generator)
        for here, above in zip(knobs[-2::-1], knobs[:0:-1]):
            s, _ = self._down.step(s._replace(beta=above[0], lam=above[1]), generator)
            total = total - self._climb(s.layers, here, above)
        return s.layers, total

    def _climb(
        self, layers: Mapping[str, Tensor], here: tuple[Tensor, Tensor], above: tuple[Tensor, Tensor]
    ) -> Float[Tensor, " chain"]:
        r""":math:`\log P_{i+1}(s) / P_i(s)`, but for a constant that cancels on the way down."""
        seen = bridge(self.machine, layers, self.summed)
        return seen.energy(self.machine, *here) - seen.energy(self.machine, *above)

    def runner(self, state: GibbsState, generator: torch.Generator | None = None) -> StepRunner:
        """Many steps."""
        refuse_nan(self.machine.theta())
        return StepRunner(self, state, generator)

    def products(self, state: GibbsState) -> list[tuple[int, int, int]]:
        """Rows, inner and columns of the matrix products of one step."""
        num_rungs = self.ladder if isinstance(self.ladder, int) else len(self.ladder)
        return self._up.products(state) * (2 * num_rungs - 1)
