"""Annealing in place: the same law as `Annealing.step`."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from genlatent.sampling.site_sweep import SiteSweep
from genlatent.sampling.sweep import inputs, refuse_nan
from genlatent.sampling.uniform import Uniform


class AnnealedSweep:
    r"""Runs whose layers and log-weights are overwritten.

    The product :math:`p = s^\top W` of the kept layers with the couplings is made once: the fields of the summed
    layers at both ends of the step are rows plus multiples of it, :math:`f = \beta[\lambda b + (1-\lambda) a] +
    \beta\lambda p`, so it gives the increment of the log-weights and the next draw. Between two sides of layers, a step
    costs two products, its random numbers, and a few passes over memory.

    Args:
        machine: layers, couplings, base rates and units with a cumulant.
        kept: the layers that are not summed out, in the order in which they are drawn.
        layers: where the runs are.
        log_weights: of the runs.
        beta: inverse temperature.
        generator: the random stream.
        backwards: draw the sites of a layer that is coupled within itself in reverse order.
    """

    def __init__(
        self,
        machine: Any,
        kept: Sequence[str],
        layers: dict[str, Tensor],
        log_weights: Tensor,
        beta: float = 1.0,
        generator: torch.Generator | None = None,
        backwards: bool = False,
    ):
        theta, self._base = machine.theta(), machine.base()
        refuse_nan(theta)
        self.layers = {name: s.detach().clone() for name, s in layers.items()}
        self.log_weights = log_weights.clone()
        self._kept, self._summed, self._beta = kept, machine.summed, beta
        self._units = machine.units
        self._biases = {name: bias.detach() for name, bias in theta.biases.items()}
        self._slopes = {name: self._biases[name] - self._base[name] for name in kept}
        self._pairs = {pair: w.detach() for pair, w in theta.couplings.items() if set(pair) <= set(kept)}
        self._inputs = {name: inputs(name, theta.couplings) for name in layers}
        self._spare = {name: torch.empty_like(self.layers[name]) for name in self._summed}
        self._uniform = Uniform(generator)
        self._sites = {
            name: SiteSweep(machine, name, layers[name], theta, None, None, None, self._uniform, backwards)
            for name in kept
            if name in machine.colours
        }
        self.layers |= {name: sites.state for name, sites in self._sites.items()}

    def step(self, before: float, after: float) -> None:
        """From one position to the next: the log-weights first, then a draw of every layer."""
        self._weigh_kept(self._beta * (after - before))
        for name in self._summed:
            self._weigh(name, before, after)
        for name in self._kept:
            if name in self._sites:
                self._draw_sites(name, after)
            else:
                self._draw(name, after)

    def _weigh_kept(self, change: float) -> None:
        """What the kept layers add to the log-weights: their energy is linear in lambda."""
        for name in self._kept:
            self.log_weights.add_(torch.mv(self.layers[name], self._slopes[name]), alpha=change)
        for (a, b), w in self._pairs.items():
            product = ((self.layers[a] @ w) * self.layers[b]).sum(-1)
            self.log_weights.add_(product, alpha=change * (0.5 if a == b else 1.0))

    def _weigh(self, name: str, before: float, after: float) -> None:
        """What a summed layer adds; then it is drawn at the new position."""
        product, K = self._product(name), self._units[name].cumulant
        old = torch.add(self._row(name, before), product, alpha=self._beta * before, out=self._spare[name])
        new = torch.add(self._row(name, after), product, alpha=self._beta * after, out=product)
        self.log_weights.add_((K(new) - K(old)).sum(-1, dtype=torch.float64))
        self._units[name].resample_(new, self._uniform)

    def _draw(self, name: str, lam: float) -> None:
        product = self._product(name)
        field = torch.add(self._row(name, lam), product, alpha=self._beta * lam, out=product)
        self._units[name].resample_(field, self._uniform)

    def _draw_sites(self, name: str, lam: float) -> None:
        sites, like = self._sites[name], self.layers[name]
        sites.aim(like.new_tensor(self._beta), like.new_tensor(lam))
        sites.draw([(self.layers[other], w) for other, w in self._inputs[name]])

    def _row(self, name: str, lam: float) -> Tensor:
        r"""The field without any coupling, :math:`\beta [\lambda b + (1 - \lambda) a]`."""
        return self._beta * (lam * self._biases[name] + (1 - lam) * self._base[name])

    def _product(self, name: str) -> Tensor:
        """What the other side sends to a layer, written over its state."""
        s = self.layers[name]
        if not self._inputs[name]:
            return s.zero_()
        (first, w), *others = self._inputs[name]
        torch.mm(self.layers[first], w, out=s)
        for other, w in others:
            s.addmm_(self.layers[other], w)
        return s
