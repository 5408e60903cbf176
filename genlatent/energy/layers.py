r"""What every Boltzmann machine is: layers of units, couplings, and the energy of their states.

.. math::

    P(s) \propto e^{-E(s)}, \qquad
    E(s) = \sum_l U(s_l)
         - \beta \Bigl[ \lambda \Bigl( \sum_l b_l^\top s_l + \sum_{k < l} s_k^\top W_{kl} s_l
                        + \tfrac12 \sum_l s_l^\top W_{ll} s_l \Bigr)
                        + (1 - \lambda) \sum_l a_l^\top s_l \Bigr]

Every chain has its own :math:`(\beta, \lambda)`: :math:`\beta = 1/T` scales the energy, and :math:`\lambda` mixes it
with a base model that has the biases :math:`a` of the base rates and no couplings. The units' own base energy
:math:`U` is never scaled, so that unbounded units stay normalised at any temperature.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from genlatent.energy import layout
from genlatent.energy import masks as masking
from genlatent.energy.layout import Theta
from genlatent.energy.units import Bernoulli, Unit
from genlatent.errors import RecipeError
from genlatent.model import Model

State = Mapping[str, Tensor]  # layer name -> (*chain, units)
Knob = Tensor | float | None  # beta or lambda: one for each chain, one for all, or None for 1

SMALL = 0.01  # standard deviation of the couplings before training


class Layers(Model):
    """Layers of units and couplings between and within them; the first layer holds the data.

    Args:
        layers: number of units, or shape, of each layer by name.
        couplings: pairs of layer names; `(a, a)` couples the units of a layer with each other.
        units: kind of unit of each layer; `Bernoulli` where none is named.
        masks: which units are coupled, by `first_second` of the two layers' names; all of them where none is named.
    """

    family = "energy"

    def __init__(
        self,
        layers: Mapping[str, int | Sequence[int]],
        couplings: Sequence[Sequence[str]],
        units: Mapping[str, Unit | None] | None = None,
        masks: Mapping[str, Any] | None = None,
    ):
        super().__init__()
        self.layers = {name: size if isinstance(size, int) else tuple(size) for name, size in layers.items()}
        self.couplings = tuple((str(a), str(b)) for a, b in couplings)
        self.masks = {name: mask for name, mask in (masks or {}).items() if mask is not None}
        layout.check(self.layers, self.couplings)
        masking.check_names(self.masks, self.couplings)
        self.sizes = {name: layout.shape(size).numel() for name, size in self.layers.items()}
        self.data = next(iter(self.layers))
        self.event_shape = layout.shape(self.layers[self.data])
        self.conditions = ("x", *(name for name in self.layers if name != self.data))
        for name in self.layers:
            self._make_layer(name, (units or {}).get(name) or Bernoulli())
        for a, b in self.couplings:
            self._make_coupling(a, b)
        self.support = self.units[self.data].support
        self.blocks = layout.blocks(tuple(self.layers), self.couplings)
        self.summed = layout.summed(self.data, self.blocks, self.couplings)
        self.colours = {a: self._colours(a) for a, b in self.couplings if a == b}

    def _make_layer(self, name: str, unit: Unit) -> None:
        zeros = torch.zeros(self.sizes[name])
        unit.bind(self.sizes[name], name)
        self.add_module(f"{name}_units", unit)
        self.register_parameter(f"{name}_bias", nn.Parameter(zeros.clone()))
        self.register_buffer(f"{name}_base", zeros.clone())
        self.register_buffer(f"{name}_offset", unit.mean(zeros))

    def _make_coupling(self, a: str, b: str) -> None:
        if a == b and self.units[a].alternatives is None:
            raise RecipeError(
                f"coupling {(a, b)}: only units whose states can be listed are coupled within their layer"
            )
        name, sizes = f"{a}_{b}", (self.sizes[a], self.sizes[b])
        widths = (self.units[a].width, self.units[b].width)
        mask = masking.between(name, self.masks.get(name), sizes, widths, within=a == b)
        self.register_buffer(f"{name}_mask", mask, persistent=False)
        self.register_parameter(f"{name}_weight", nn.Parameter(SMALL * torch.randn(sizes)))

    def _colours(self, name: str) -> tuple[tuple[int, ...], ...]:
        """Sites of a layer coupled within itself, in groups that can be drawn at once."""
        return masking.colours(getattr(self, f"{name}_{name}_mask"), self.units[name].width)

    @property
    def units(self) -> dict[str, Unit]:
        """The kind of unit of each layer."""
        return {name: getattr(self, f"{name}_units") for name in self.layers}

    def theta(self) -> Theta:
        """The parameters by layer and by pair of layers: symmetric within a layer, zero where a mask says so."""
        biases = {name: getattr(self, f"{name}_bias") for name in self.layers}
        masks = {(a, b): getattr(self, f"{a}_{b}_mask") for a, b in self.couplings}
        couplings = {pair: self._coupling(*pair) for pair in self.couplings}
        return Theta(biases, couplings, {pair: mask for pair, mask in masks.items() if mask is not None})

    def _coupling(self, a: str, b: str) -> Tensor:
        w, mask = getattr(self, f"{a}_{b}_weight"), getattr(self, f"{a}_{b}_mask")
        w = (w + w.mT) / 2 if a == b else w
        return w if mask is None else w * mask

    def repeated(self, times: int) -> Any:
        """The machine of `times` rows for each row there was: itself, as all rows have the same parameters."""
        return self

    def base(self) -> dict[str, Tensor]:
        """Biases of the base model, which knows the base rates of the data and nothing else."""
        return {name: getattr(self, f"{name}_base") for name in self.layers}

    def offsets(self) -> dict[str, Tensor]:
        """Typical values of the layers, about which a centred objective measures its statistics."""
        return {name: getattr(self, f"{name}_offset") for name in self.layers}

    def energy(self, state: State, *, beta: Knob = None, lam: Knob = None, theta: Theta | None = None) -> Tensor:
        """Energy of a joint state, one number for each chain."""
        theta = theta or self.theta()
        full = torch.stack([_dot(s, theta.biases[name]) for name, s in state.items()]).sum(0)
        for pair in theta.couplings:
            full = full + _product(state, pair, theta)
        if lam is not None:
            full = lam * full + (1 - lam) * torch.stack([s @ self.base()[name] for name, s in state.items()]).sum(0)
        own = torch.stack([self.units[name].base_energy(s) for name, s in state.items()]).sum(0)
        return own - (full if beta is None else beta * full)

    def field(
        self, layer: str, state: State, *, beta: Knob = None, lam: Knob = None, theta: Theta | None = None
    ) -> Tensor:
        """What a layer feels from its biases and from the layers that `state` holds, one row for each chain.

        In a layer coupled within itself, each unit feels the others as they are in `state`.
        """
        theta = theta or self.theta()
        total = theta.biases[layer]
        for (a, b), w in theta.couplings.items():
            if a == layer and b in state:
                total = _affine(total, state[b], w.mT)
            elif b == layer and a in state:
                total = _affine(total, state[a], w)
        if lam is not None:
            total = _column(lam) * total + (1 - _column(lam)) * self.base()[layer]
        return total if beta is None else _column(beta) * total

    def reduced_energy(
        self, kept: State, *, beta: Knob = None, lam: Knob = None, theta: Theta | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        r"""Energy of the kept layers with the others summed out, and the others' fields.

        .. math::

            F(s) = \sum_{l \in kept} [U(s_l) - f^0_l{}^\top s_l]
                 - \beta \lambda \sum_{k \le l \in kept} s_k^\top W_{kl} s_l - \sum_{l \notin kept} K(f_l(s))

        with :math:`f^0` a layer's field from its biases alone, and couplings within a layer counted half. The others
        must not be coupled among themselves.
        """
        theta = theta or self.theta()
        rest = [name for name in self.layers if name not in kept]
        layout.check_apart(self.couplings, rest)
        parts = []
        for name, s in kept.items():
            alone = self.field(name, {}, beta=beta, lam=lam, theta=theta)
            parts += [self.units[name].base_energy(s), -_dot(s, alone)]
        inside = [pair for pair in self.couplings if pair[0] in kept and pair[1] in kept]
        parts += [-_scaled(_product(kept, pair, theta), beta, lam) for pair in inside]
        fields = {name: self.field(name, kept, beta=beta, lam=lam, theta=theta) for name in rest}
        parts += [-self.units[name].cumulant(f).sum(-1) for name, f in fields.items()]
        return torch.stack(parts).sum(0), fields


def _affine(bias: Tensor, s: Tensor, w: Tensor) -> Tensor:
    return torch.addmm(bias, s, w) if s.dim() == 2 else bias + s @ w


def _dot(s: Tensor, field: Tensor) -> Tensor:
    return s @ field if field.dim() == 1 else (s * field).sum(-1)


def _product(state: State, pair: tuple[str, str], theta: Theta) -> Tensor:
    """:math:`s_a^T W_{ab} s_b`, half of it within a layer, where every pair of units would count twice."""
    a, b = pair
    full = ((state[a] @ theta.couplings[pair]) * state[b]).sum(-1)
    return full / 2 if a == b else full


def _scaled(value: Tensor, beta: Knob, lam: Knob) -> Tensor:
    value = value if beta is None else beta * value
    return value if lam is None else lam * value


def _column(knob: Tensor | float) -> Tensor | float:
    """A number for each chain, beside the units of that chain."""
    return knob.unsqueeze(-1) if isinstance(knob, Tensor) and knob.dim() else knob
