"""Parallel tempering: replicas of each chain at easier distributions, which exchange their states."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genlatent.components import Component
from genlatent.errors import Diverged, RecipeError
from genlatent.sampling import journeys, ladders
from genlatent.sampling.bridges import bridge, summed_layers
from genlatent.sampling.gibbs import BlockGibbs, GibbsState
from genlatent.sampling.journeys import Journeys
from genlatent.sampling.kernels import Runner
from genlatent.sampling.ladders import Rungs
from genlatent.sampling.stepping import StepRunner, refuse_infinite
from genlatent.sampling.swaps import exchange, partners, permute
from genlatent.sampling.sweep import refuse_nan

ROUNDS = 5  # of adapting the ladder, each twice as long as the one before


class TemperingState(NamedTuple):
    """Every replica of every chain; what counts as the chain's state is the replica at its target."""

    replicas: dict[str, Tensor]  # layer name -> (chain, rung, units)
    rungs: Rungs
    parity: Int[Tensor, " chain"]  # whose turn it is to swap
    journeys: Journeys

    @property
    def layers(self) -> dict[str, Tensor]:
        """Layer name -> (chain, units): only the replicas that sample what was asked for."""
        return {name: self.at(s) for name, s in self.replicas.items()}

    def at(self, replicas: Tensor) -> Tensor:
        """Of values `(chain, rung, ...)`, those of the target's replica."""
        return replicas[torch.arange(len(replicas), device=replicas.device), self.rungs.target]


class ParallelTempering(Component):
    r"""Block Gibbs sampling of a ladder of distributions at once, with swaps between neighbours.

    Each chain has a replica on every rung r, which samples
    :math:`P_r(s) \propto e^{-E_{\beta_r \lambda_r}(s)}`. A step swaps the states of neighbouring rungs, by the energy
    with the hidden layers summed out where it has a closed form, and then sweeps every replica. Where the machine's
    modes are too far apart for Gibbs steps, replicas cross on the hot rungs and come back. All replicas are rows of
    the same products.

    Args:
        machine: a Boltzmann machine.
        ladder: the rungs' lambdas or temperatures, the target among them, or a number of rungs, evenly spaced.
        given: values held fixed, by layer, one row or one for each chain; NaN means "sample me".
        temperature: what is sampled, one for all chains or one for each.
        path: `base` from the base rates to the machine, or `temperature` from a high temperature to the one asked for.

    References:
        Non-Reversible Parallel Tempering: a Scalable Highly Parallel MCMC Scheme (Syed et al., 2022)
    """

    def __init__(
        self,
        machine: Any,
        ladder: Any = 10,
        given: Mapping[str, Tensor] | None = None,
        temperature: float | Tensor | None = None,
        path: str = "base",
    ):
        self.machine = machine
        self.ladder = ladders.spelled(ladder)
        self.temperature = temperature
        self.path = path
        self._chains = BlockGibbs(machine, given, temperature)
        self.given = self._chains.given
        ladders.check(self.ladder, path, 1.0 if temperature is None else temperature)
        self.summed = summed_layers(machine, self.given)
        self.num_rungs = self.ladder if isinstance(self.ladder, int) else len(self.ladder)
        rows = {n: v.repeat_interleave(self.num_rungs if len(v) > 1 else 1, 0) for n, v in self.given.items()}
        self.replicated = machine.repeated(self.num_rungs)  # all replicas, where chains have conditions of their own
        self._replicas = BlockGibbs(self.replicated, rows)

    def fixed(self, layer: str) -> bool:
        """Whether every unit of a layer is given."""
        return self._chains.fixed(layer)

    def init(self, chains: int, generator: torch.Generator | None = None) -> TemperingState:
        """Every replica at the base rates, with the given values in place."""
        beta = self._chains.init(chains, generator).beta
        layers = self._replicas.init(chains * self.num_rungs, generator).layers
        if beta is None:
            beta = torch.ones_like(next(iter(layers.values()))[:chains, 0])
        return self._state(layers, ladders.build(self.ladder, self.path, beta.reciprocal()))

    def start(self, layers: Mapping[str, Tensor]) -> TemperingState:
        """Chains whose replicas all start from these layers, `(chain, units)` each."""
        first = next(iter(layers.values()))
        temperature = torch.as_tensor(1.0 if self.temperature is None else self.temperature).to(first)
        rungs = ladders.build(self.ladder, self.path, temperature.expand(len(first)))
        return self._state({n: s.repeat_interleave(self.num_rungs, 0) for n, s in layers.items()}, rungs)

    def _state(self, layers: Mapping[str, Tensor], rungs: Rungs) -> TemperingState:
        replicas = {name: s.unflatten(0, rungs.beta.shape) for name, s in layers.items()}
        return TemperingState(replicas, rungs, torch.zeros_like(rungs.target), journeys.start(rungs.beta))

    @torch.no_grad()
    def step(
        self, state: TemperingState, generator: torch.Generator | None = None
    ) -> tuple[TemperingState, dict[str, Tensor]]:
        """Swap neighbours, then draw every block of every replica once."""
        swapped, acceptance = self.swap(state, generator)
        moved, _ = self._replicas.step(self.rows(swapped), generator)
        replicas = {name: s.unflatten(0, state.rungs.beta.shape) for name, s in moved.layers.items()}
        info = {"swap_acceptance": acceptance, "round_trips": swapped.journeys.round_trips}
        return swapped._replace(replicas=replicas), info

    def swap(
        self, state: TemperingState, generator: torch.Generator | None
    ) -> tuple[TemperingState, Float[Tensor, " chain"]]:
        """The state after a round of swaps, and their mean probability in each chain.

        Where layers are summed out, what they hold afterwards means nothing until they are drawn again.
        """
        partner = partners(self.num_rungs, state.parity)
        own, other = self._energies(state, partner)
        uniform = torch.rand(own.shape, generator=generator, dtype=own.dtype, device=own.device)
        done = exchange(own, other, partner, uniform)
        replicas = {name: permute(s, done.order) for name, s in state.replicas.items()}
        seen = journeys.extend(state.journeys, partner, done)
        tried = (seen.proposed - state.journeys.proposed).sum(1)
        acceptance = (seen.accepted - state.journeys.accepted).sum(1) / tried.clamp(min=1)
        return state._replace(replicas=replicas, parity=1 - state.parity, journeys=seen), acceptance

    def _energies(
        self, state: TemperingState, partner: Int[Tensor, "chain rung"]
    ) -> tuple[Float[Tensor, "chain rung"], Float[Tensor, "chain rung"]]:
        """Energy of each replica on its own rung and on its partner's."""
        beta, lam, _ = state.rungs
        seen = bridge(self.replicated, {name: s.flatten(0, 1) for name, s in state.replicas.items()}, self.summed)
        own = seen.energy(self.machine, beta.flatten(), lam.flatten())
        other = seen.energy(self.machine, beta.gather(1, partner).flatten(), lam.gather(1, partner).flatten())
        return own.view(beta.shape), other.view(beta.shape)

    def runner(self, state: TemperingState, generator: torch.Generator | None = None) -> Runner:
        """Many steps, their sweeps in place."""
        refuse_nan(self.machine.theta())
        by_site = bool(self.machine.colours)  # such sweeps remember fields, which swaps would make stale
        return StepRunner(self, state, generator) if by_site else ReplicaRunner(self, state, generator)

    def adapting(self, state: TemperingState, steps: int, generator: torch.Generator | None = None) -> "LadderRunner":
        """So many steps in which the rungs move to where the swap rates between all neighbours are equal."""
        return LadderRunner(self, state, steps, generator)

    def rows(self, state: TemperingState) -> GibbsState:
        """All replicas of all chains below one another."""
        flat = {name: s.flatten(0, 1) for name, s in state.replicas.items()}
        return GibbsState(flat, state.rungs.beta.flatten(), state.rungs.lam.flatten())

    def sweeping(self, state: TemperingState, generator: torch.Generator | None = None) -> Runner:
        """Sweeps of all replicas in place, without swaps."""
        return self._replicas.runner(self.rows(state), generator)

    def products(self, state: TemperingState) -> list[tuple[int, int, int]]:
        """Rows, inner and columns of the matrix products of one step."""
        rows = len(state.parity) * self.num_rungs
        sweep = self._replicas.products(self.rows(state))
        return sweep + [(rows, self.machine.sizes[a], self.machine.sizes[b]) for a, b in self.machine.couplings]


class ReplicaRunner:
    """Swaps, and sweeps of the replicas in buffers that are made once."""

    def __init__(self, kernel: ParallelTempering, state: TemperingState, generator: torch.Generator | None = None):
        self._kernel, self._generator = kernel, generator
        self._sweeps = kernel.sweeping(state, generator)
        live = {name: s.unflatten(0, state.rungs.beta.shape) for name, s in self._sweeps.state.layers.items()}
        self._state = state._replace(replicas=live)

    @property
    def state(self) -> TemperingState:
        """The chains, on the live buffers of the sweeps."""
        return self._state

    @torch.no_grad()
    def advance(self, steps: int) -> None:
        """So many steps on."""
        live = self._state.replicas
        for _ in range(steps):
            swapped, _ = self._kernel.swap(self._state, self._generator)
            for name in live.keys() - set(self._kernel.summed):
                live[name].copy_(swapped.replicas[name])
            self._sweeps.advance(1)
            self._state = swapped._replace(replicas=live)
        refuse_infinite(self._kernel, self._state)


class LadderRunner:
    """Burn-in of a ladder: at the end of each round the rungs are spaced anew, and the counts begin again."""

    def __init__(
        self, kernel: ParallelTempering, state: TemperingState, steps: int, generator: torch.Generator | None = None
    ):
        if steps < 1:
            raise RecipeError(f"adapting a ladder takes at least 1 step, got {steps}")
        self._kernel, self._generator = kernel, generator
        self._runner = kernel.runner(state, generator)
        self._done = 0
        self._ends = sorted({steps >> shift for shift in range(ROUNDS)} - {0})

    @property
    def state(self) -> TemperingState:
        """Where the chains are, and their rungs."""
        return self._runner.state

    def advance(self, steps: int) -> None:
        """So many steps on, with new rungs wherever a round ends."""
        while steps > 0:
            left = [end - self._done for end in self._ends if end > self._done]
            part = min(steps, *left[:1])
            self._runner.advance(part)
            self._done += part
            steps -= part
            if self._done in self._ends:
                self._runner = self._kernel.runner(respaced(self.state), self._generator)


def respaced(state: TemperingState) -> TemperingState:
    """The same replicas on rungs that equalise the rejection rates seen so far; every chain's target stays."""
    if not bool(state.journeys.rates.isfinite().all()):
        raise Diverged("parallel tempering: swap rates are not finite; the machine has no normaliser on some rung")
    pinned = state.rungs.target.unique().tolist()
    place = ladders.positions(1 - state.journeys.rates, pinned)
    return state._replace(rungs=ladders.respace(state.rungs, place), journeys=journeys.start(state.rungs.beta))
