"""Gibbs sweeps in place: the same updates as `BlockGibbs.step`, with every buffer made once."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from genlatent.errors import Diverged
from genlatent.sampling.site_sweep import SiteSweep
from genlatent.sampling.uniform import Uniform


class Sweep:
    """Chains of layers that are overwritten block by block.

    A layer's new state does not depend on its old one, so fields, draws and states share one buffer: a step costs its
    matrix products, its random numbers, and a few passes over memory that is already in the cache. A layer whose units
    are coupled with each other is drawn site by site, see :class:`SiteSweep`.
    """

    def __init__(
        self,
        machine: Any,
        blocks: Sequence[Sequence[str]],
        layers: dict[str, Tensor],
        given: dict[str, Tensor],
        beta: Tensor | None = None,
        lam: Tensor | None = None,
        generator: torch.Generator | None = None,
    ):
        self.blocks = blocks
        self.layers = {name: s.detach().clone() for name, s in layers.items()}
        self.units = machine.units
        theta = machine.theta()
        self._biases = {name: bias.detach() for name, bias in theta.biases.items()}
        refuse_nan(theta)
        self._inputs = {name: inputs(name, theta.couplings) for name in layers}
        self._given = {name: (value.isnan(), value) for name, value in given.items()}
        self._beta = None if beta is None else beta.unsqueeze(-1)
        self._lam = None if lam is None else lam.unsqueeze(-1)
        self._base = {n: (1 - self._lam) * b for n, b in machine.base().items()} if self._lam is not None else {}
        self._uniform = Uniform(generator)
        self._sites = {
            name: SiteSweep(machine, name, layers[name], theta, given.get(name), beta, lam, self._uniform)
            for block in blocks
            for name in block
            if name in machine.colours
        }
        self.layers |= {name: sites.state for name, sites in self._sites.items()}

    def step(self) -> None:
        """Draw every block once."""
        for block in self.blocks:
            for name in block:
                if name in self._sites:
                    self._sites[name].draw([(self.layers[other], w) for other, w in self._inputs[name]])
                else:
                    self._draw(name)

    def _draw(self, name: str) -> None:
        s = self._field(name)
        if self._lam is not None:
            s.mul_(self._lam).add_(self._base[name])
        if self._beta is not None:
            s.mul_(self._beta)
        self.units[name].resample_(s, self._uniform)
        if name in self._given:
            free, value = self._given[name]
            torch.where(free, s, value, out=s)

    def _field(self, name: str) -> Tensor:
        """The layer's field, written over its state."""
        s, bias = self.layers[name], self._biases[name]
        if not self._inputs[name]:
            return s.copy_(bias.expand_as(s))
        (first, w), *others = self._inputs[name]
        torch.mm(self.layers[first], w, out=s)  # a product that starts from the bias is slower on the fast route
        for other, w in others:
            s.addmm_(self.layers[other], w)
        return s.add_(bias)


def refuse_nan(theta: Any) -> None:
    """Stop before anything is drawn from parameters that are not finite."""
    for name, value in (*theta.biases.items(), *theta.couplings.items()):
        if not bool(value.isfinite().all()):
            raise Diverged(f"the parameters of {name} are not finite, so nothing can be drawn; go back to a checkpoint")


def inputs(name: str, couplings: dict[tuple[str, str], Tensor]) -> list[tuple[str, Tensor]]:
    """The other layers that a layer is coupled to, each with the matrix that carries it there."""
    below = [(a, w.detach()) for (a, b), w in couplings.items() if b == name != a]
    above = [(b, w.detach().mT.contiguous()) for (a, b), w in couplings.items() if a == name != b]
    return below + above
