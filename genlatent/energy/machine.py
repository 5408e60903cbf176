r"""Boltzmann machines of every shape: layers of units, and couplings between layers.

.. math::

    P(s) \propto e^{-E(s)}, \qquad
    E(s) = \sum_l U(s_l)
         - \beta \Bigl[ \lambda \Bigl( \sum_l b_l^\top s_l + \sum_{kl} s_k^\top W_{kl} s_l \Bigr)
                        + (1 - \lambda) \sum_l a_l^\top s_l \Bigr]

Every chain has its own :math:`(\beta, \lambda)`: :math:`\beta = 1/T` scales the energy, and :math:`\lambda` mixes it
with a base model that has the biases :math:`a` of the base rates and no couplings. The units' own base energy
:math:`U` is never scaled, so that unbounded units stay normalised at any temperature.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from genlatent.distributions.supports import check
from genlatent.energy import layout
from genlatent.energy.layout import Theta
from genlatent.energy.units import Bernoulli, Unit
from genlatent.errors import DataError
from genlatent.model import Model
from genlatent.sampling.draws import Draws
from genlatent.sampling.driver import Progress, average, run, trace
from genlatent.sampling.gibbs import BlockGibbs, GibbsState

State = Mapping[str, Tensor]  # layer name -> (*chain, units)
Knob = Tensor | float | None  # beta or lambda: one for each chain, one for all, or None for 1

SMALL = 0.01  # standard deviation of the couplings before training


class BoltzmannMachine(Model):
    """Layers of units and couplings between them; the first layer holds the data.

    Args:
        layers: number of units, or shape, of each layer by name.
        couplings: pairs of layer names.
        units: kind of unit of each layer; `Bernoulli` where none is named.

    >>> machine = BoltzmannMachine({"visible": 4, "hidden": 3, "top": 2}, [("visible", "hidden"), ("hidden", "top")])
    >>> machine.blocks
    (('hidden',), ('visible', 'top'))
    """

    family = "energy"

    def __init__(
        self,
        layers: Mapping[str, int | Sequence[int]],
        couplings: Sequence[Sequence[str]],
        units: Mapping[str, Unit | None] | None = None,
    ):
        super().__init__()
        self.layers = {name: size if isinstance(size, int) else tuple(size) for name, size in layers.items()}
        self.couplings = tuple((str(a), str(b)) for a, b in couplings)
        layout.check(self.layers, self.couplings)
        self.sizes = {name: layout.shape(size).numel() for name, size in self.layers.items()}
        self.data = next(iter(self.layers))
        self.event_shape = layout.shape(self.layers[self.data])
        self.conditions = ("x", *(name for name in self.layers if name != self.data))
        for name in self.layers:
            self._make_layer(name, (units or {}).get(name) or Bernoulli())
        for a, b in self.couplings:
            weight = SMALL * torch.randn(self.sizes[a], self.sizes[b])
            self.register_parameter(f"{a}_{b}_weight", nn.Parameter(weight))
        self.support = self.units[self.data].support
        self.blocks = layout.blocks(tuple(self.layers), self.couplings)

    def _make_layer(self, name: str, unit: Unit) -> None:
        zeros = torch.zeros(self.sizes[name])
        self.add_module(f"{name}_units", unit)
        self.register_parameter(f"{name}_bias", nn.Parameter(zeros.clone()))
        self.register_buffer(f"{name}_base", zeros.clone())
        self.register_buffer(f"{name}_offset", unit.mean(zeros))

    @property
    def units(self) -> dict[str, Unit]:
        """The kind of unit of each layer."""
        return {name: getattr(self, f"{name}_units") for name in self.layers}

    def theta(self) -> Theta:
        """The parameters by layer and by pair of layers."""
        biases = {name: getattr(self, f"{name}_bias") for name in self.layers}
        return Theta(biases, {(a, b): getattr(self, f"{a}_{b}_weight") for a, b in self.couplings})

    def base(self) -> dict[str, Tensor]:
        """Biases of the base model, which knows the base rates of the data and nothing else."""
        return {name: getattr(self, f"{name}_base") for name in self.layers}

    def offsets(self) -> dict[str, Tensor]:
        """Typical values of the layers, about which a centred objective measures its statistics."""
        return {name: getattr(self, f"{name}_offset") for name in self.layers}

    def energy(self, state: State, *, beta: Knob = None, lam: Knob = None, theta: Theta | None = None) -> Tensor:
        """Energy of a joint state, one number for each chain."""
        biases, couplings = theta or self.theta()
        full = torch.stack([s @ biases[name] for name, s in state.items()]).sum(0)
        for (a, b), w in couplings.items():
            full = full + ((state[a] @ w) * state[b]).sum(-1)
        if lam is not None:
            full = lam * full + (1 - lam) * torch.stack([s @ self.base()[name] for name, s in state.items()]).sum(0)
        own = torch.stack([self.units[name].base_energy(s) for name, s in state.items()]).sum(0)
        return own - (full if beta is None else beta * full)

    def field(
        self, layer: str, state: State, *, beta: Knob = None, lam: Knob = None, theta: Theta | None = None
    ) -> Tensor:
        """What a layer feels from its biases and from the layers that `state` holds, one row for each chain."""
        biases, couplings = theta or self.theta()
        total = biases[layer]
        for (a, b), w in couplings.items():
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

        .. math:: F(s) = \sum_{l \in kept} [U(s_l) - f^0_l{}^\top s_l] - \sum_{l \notin kept} K(f_l(s))

        Neither the kept layers nor the others may be coupled among themselves; :math:`f^0` is a layer's field from
        its biases alone.
        """
        rest = [name for name in self.layers if name not in kept]
        layout.check_apart(self.couplings, tuple(kept), rest)
        parts = []
        for name, s in kept.items():
            alone = self.field(name, {}, beta=beta, lam=lam, theta=theta)
            parts += [self.units[name].base_energy(s), -_dot(s, alone)]
        fields = {name: self.field(name, kept, beta=beta, lam=lam, theta=theta) for name in rest}
        parts += [-self.units[name].cumulant(f).sum(-1) for name, f in fields.items()]
        return torch.stack(parts).sum(0), fields

    def prepare(self, x: Tensor) -> None:
        """Set base rates, the data layer's offset and, before any training, its biases from the mean of the data."""
        mean = self.flat(x).to(getattr(self, f"{self.data}_bias")).mean(0)
        with torch.no_grad():
            getattr(self, f"{self.data}_offset").copy_(mean)
            getattr(self, f"{self.data}_base").copy_(self.units[self.data].link(mean))
            bias = getattr(self, f"{self.data}_bias")
            if not bias.any():
                bias.copy_(self.units[self.data].link(mean))

    def gibbs(self, given: Mapping[str, Any] | None = None, temperature: float | Tensor = 1.0) -> BlockGibbs:
        """Block Gibbs sampling of this machine.

        Args:
            given: what is held fixed, NaN meaning "sample me": `x` for data, or a layer's name; one row for all
                chains, or a row for each.
            temperature: one for all chains, or one for each.
        """
        plain = not isinstance(temperature, Tensor) and temperature == 1
        return BlockGibbs(self, self._given(given), None if plain else temperature)

    def _given(self, given: Mapping[str, Any] | None) -> dict[str, Tensor]:
        fixed = {}
        for name, value in self.refuse_unknown(given).items():
            layer = self.data if name == "x" else name
            bias = getattr(self, f"{layer}_bias")
            rows = _as_rows(name, torch.as_tensor(value, device=bias.device), self.sizes[layer])
            check(rows, self.units[layer].support, f"given {name}", missing=True)
            fixed[layer] = rows.to(bias.dtype)
        return fixed

    def sample(
        self,
        n: int,
        *,
        given: Mapping[str, Any] | None = None,
        steps: int = 1000,
        temperature: float | Tensor = 1.0,
        generator: torch.Generator | None = None,
        progress: Progress | None = None,
    ) -> Tensor:
        """Data from the last states of `n` chains that started at the base rates.

        Args:
            n: how many.
            given: what is held fixed, as in :meth:`gibbs`.
            steps: Gibbs steps of each chain.
            temperature: one for all chains, or one for each.
            generator: the random stream.
            progress: called with steps done and steps in all.
        """
        kernel = self.gibbs(given, temperature)
        if kernel.fixed(self.data):
            raise DataError("given x leaves nothing to sample; put NaN where values are to be drawn")
        state = run(kernel, kernel.init(n, generator), steps, generator=generator, progress=progress)
        return state.layers[self.data].reshape(n, *self.event_shape)

    def trace(
        self,
        draws: int = 1000,
        *,
        chains: int = 4,
        burn_in: int = 500,
        thin: int = 1,
        given: Mapping[str, Any] | None = None,
        temperature: float | Tensor = 1.0,
        observe: Callable[[GibbsState], Mapping[str, Tensor]] | None = None,
        generator: torch.Generator | None = None,
        progress: Progress | None = None,
    ) -> Draws:
        """The chains themselves: by default `x`, the other layers, and the energy of each state.

        Args:
            draws: how many from each chain.
            chains: how many chains, started at the base rates.
            burn_in: steps before the first draw is counted.
            thin: steps from one draw to the next.
            given: what is held fixed, as in :meth:`gibbs`.
            temperature: one for all chains, or one for each.
            observe: what is kept of a state, by name, instead of everything.
            generator: the random stream.
            progress: called with steps done and steps in all.
        """
        kernel = self.gibbs(given, temperature)
        state, keep = kernel.init(chains, generator), observe or self.observe
        how = {"burn_in": burn_in, "thin": thin, "observe": keep, "generator": generator, "progress": progress}
        return trace(kernel, state, draws, **how)[1]

    def observe(self, state: GibbsState) -> dict[str, Tensor]:
        """Everything there is to see of a state: `x`, the other layers, and the energy at temperature 1."""
        x = state.layers[self.data].reshape(-1, *self.event_shape)
        others = {name: s for name, s in state.layers.items() if name != self.data}
        return {"x": x, **others, "energy": self.energy(state.layers)}

    @torch.no_grad()
    def impute(
        self, x: Tensor, *, draws: int = 200, burn_in: int = 100, generator: torch.Generator | None = None
    ) -> Tensor:
        """The rows with NaN replaced by its conditional mean, averaged over a chain for each row.

        Draws instead of means: `sample(n, given={"x": row})`.
        """
        rows = self.check(x, missing=True)
        if not bool(rows.isnan().any()):
            return self.shaped(x)
        kernel = self.gibbs({"x": x})

        state = kernel.init(len(rows), generator)
        mean = average(kernel, state, draws, self._data_mean, burn_in=burn_in, generator=generator)
        return torch.where(rows.isnan(), mean, rows).reshape(len(x), *self.event_shape)

    def _data_mean(self, state: GibbsState) -> Tensor:
        return self.units[self.data].mean(self.field(self.data, state.layers))

    def flat(self, x: Tensor) -> Float[Tensor, "batch units"]:
        """Rows of data as rows of the data layer."""
        return self.shaped(x).reshape(len(x), -1)

    def check(self, x: Tensor, *, missing: bool = False) -> Float[Tensor, "batch units"]:
        """Rows of data as rows of the data layer, values outside the units' support refused."""
        rows = self.flat(x)
        check(rows, self.support, f"{type(self).__name__} with {self.support} units", missing=missing)
        return rows.to(getattr(self, f"{self.data}_bias"))


def _as_rows(name: str, value: Tensor, width: int) -> Tensor:
    """A given value as `(1 or chain, width)`."""
    if value.numel() == width or (value.dim() and value.numel() == len(value) * width):
        return value.reshape(-1, width)
    raise DataError(f"given {name} has shape {tuple(value.shape)}, which is no row of {width} values")


def _affine(bias: Tensor, s: Tensor, w: Tensor) -> Tensor:
    return torch.addmm(bias, s, w) if s.dim() == 2 else bias + s @ w


def _dot(s: Tensor, field: Tensor) -> Tensor:
    return s @ field if field.dim() == 1 else (s * field).sum(-1)


def _column(knob: Tensor | float) -> Tensor | float:
    """A number for each chain, beside the units of that chain."""
    return knob.unsqueeze(-1) if isinstance(knob, Tensor) and knob.dim() else knob
