r"""Gibbs sampling whose states are bytes and whose couplings are whole numbers: the fastest way on many processors.

It samples, but for the rounding of its random numbers and sigmoids to float32, exactly the machine whose couplings
are rounded to multiples of :math:`\delta = \max |W| / 16192`. No coupling is off by more than :math:`\delta / 2`, so
the log-probability of a state is off by at most :math:`\delta / 2` for each pair of units that are on in it.
"""

import warnings
from typing import Any

import torch
from torch import Tensor

from genlatent.errors import Unsupported
from genlatent.numerics import integers
from genlatent.sampling.gibbs import BlockGibbs, GibbsRunner, GibbsState
from genlatent.sampling.sweep import inputs, refuse_nan
from genlatent.sampling.uniform import Uniform


class IntegerGibbs(BlockGibbs):
    """Block Gibbs sampling by products of bytes; where a processor has none that pay, by ordinary ones.

    Only its many steps in a row are rounded; a single `step` is that of :class:`BlockGibbs`.

    Args:
        machine: a Boltzmann machine of units that are -1, 0 or 1, without couplings within a layer.
        given: values held fixed, by layer, one row or one for each chain; NaN means "sample me".
        temperature: one for all chains or one for each.
    """

    def __init__(self, machine: Any, given: Any = None, temperature: float | Tensor | None = None):
        super().__init__(machine, given, temperature)
        for name in machine.layers:
            values = {value for site in machine.units[name].alternatives or [(0.5,)] for value in site}
            if not values <= {-1.0, 0.0, 1.0}:
                raise Unsupported(f"Gibbs steps in whole numbers need units of -1, 0 and 1, which {name} has not")
            if machine.sizes[name] > integers.MOST_ROWS:
                raise Unsupported(f"Gibbs steps in whole numbers take {integers.MOST_ROWS} units, {name} has more")
        if machine.colours:
            raise Unsupported("Gibbs steps in whole numbers draw whole layers, but here a layer is coupled within")

    def runner(self, state: GibbsState, generator: torch.Generator | None = None) -> Any:
        """Many steps in bytes."""
        first = next(iter(state.layers.values()))
        if first.device.type != "cpu" or not integers.worthwhile():
            warnings.warn("no fast products of bytes here: Gibbs steps take ordinary ones", stacklevel=2)
            return GibbsRunner(self, state, generator)
        return IntegerRunner(self, state, generator)


class IntegerRunner:
    """Sweeps of chains whose layers are bytes."""

    def __init__(self, kernel: IntegerGibbs, state: GibbsState, generator: torch.Generator | None = None):
        machine, theta = kernel.machine, kernel.machine.theta()
        refuse_nan(theta)
        self._start, self._units, self._blocks = state, machine.units, kernel.blocks
        self._bytes = {name: integers.doubled(s) for name, s in state.layers.items()}
        self._fields = {name: torch.empty_like(s) for name, s in state.layers.items()}
        self._sums = {name: torch.empty(s.shape, dtype=torch.int32) for name, s in state.layers.items()}
        self._biases = {name: bias.detach() for name, bias in theta.biases.items()}
        self._inputs = {
            name: [(other, integers.halves(w)) for other, w in inputs(name, theta.couplings)] for name in state.layers
        }
        self._given = {name: (value.isnan(), value) for name, value in kernel.given.items()}
        self._beta = None if state.beta is None else state.beta.unsqueeze(-1)
        self._lam = None if state.lam is None else state.lam.unsqueeze(-1)
        self._base = {n: (1 - self._lam) * b for n, b in machine.base().items()} if self._lam is not None else {}
        self._uniform = Uniform(generator)

    @property
    def state(self) -> GibbsState:
        """Where the chains are."""
        return self._start._replace(layers={name: self._ones(name).to(s) for name, s in self._start.layers.items()})

    def _ones(self, name: str) -> Tensor:
        """The second of the two copies of a layer's states."""
        both = self._bytes[name]
        return both[:, both.shape[1] // 2 :]

    @torch.no_grad()
    def advance(self, steps: int) -> None:
        """So many sweeps on."""
        for _ in range(steps):
            for block in self._blocks:
                for name in block:
                    self._draw(name)

    def _draw(self, name: str) -> None:
        s = self._field(name)
        if self._lam is not None:
            s.mul_(self._lam).add_(self._base[name])
        if self._beta is not None:
            s.mul_(self._beta)
        self._units[name].resample_(s, self._uniform)
        if name in self._given:
            free, value = self._given[name]
            torch.where(free, s, value, out=s)
        ones = self._ones(name)
        ones.copy_(s)
        torch.mul(ones, integers.BASE, out=self._bytes[name][:, : s.shape[1]])

    def _field(self, name: str) -> Tensor:
        field = self._fields[name]
        if not self._inputs[name]:
            return field.copy_(self._biases[name].expand_as(field))
        total = self._biases[name]
        for other, w in self._inputs[name]:
            summand = field if total.dim() == 1 else torch.empty_like(field)
            summand.copy_(w.product(self._bytes[other], self._sums[name]))
            total = torch.add(total, summand, alpha=w.step, out=field)
        return field
