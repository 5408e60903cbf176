r"""Boltzmann machines of every shape: layers of units and couplings that are sampled, completed and judged."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.distributions.supports import check
from genlatent.energy import layout
from genlatent.energy.enumeration import log_partition, log_sum
from genlatent.energy.layers import Knob, Layers, State
from genlatent.energy.layout import Theta
from genlatent.energy.pseudo import pseudo_likelihood
from genlatent.errors import DataError
from genlatent.sampling.draws import Draws
from genlatent.sampling.driver import Progress, average, run, trace, warm_up
from genlatent.sampling.gibbs import BlockGibbs, GibbsState
from genlatent.sampling.integer_gibbs import IntegerGibbs
from genlatent.sampling.kernels import chosen
from genlatent.sampling.tempering import ParallelTempering
from genlatent.sampling.transitions import TemperedTransitions

__all__ = ["BoltzmannMachine", "Knob", "State", "Theta"]


LARGEST = 1e5  # field that a unit may feel at most while a machine learns
DECIMALS = 6  # of observed energies
METHODS = {
    "gibbs": BlockGibbs,
    "integer-gibbs": IntegerGibbs,
    "tempering": ParallelTempering,
    "tempered-transitions": TemperedTransitions,
}


class BoltzmannMachine(Layers):
    """Layers of units and couplings between and within them; the first layer holds the data.

    Args:
        layers: number of units, or shape, of each layer by name.
        couplings: pairs of layer names; `(a, a)` couples the units of a layer with each other.
        units: kind of unit of each layer; `Bernoulli` where none is named.
        masks: which sites are coupled, by `first_second` of the two layers' names; all of them where none is named.

    >>> machine = BoltzmannMachine({"visible": 4, "hidden": 3, "top": 2}, [("visible", "hidden"), ("hidden", "top")])
    >>> machine.blocks
    (('hidden',), ('visible', 'top'))
    """

    def free_energy(
        self, v: Float[Tensor, "*batch visible"], *, beta: Knob = None, lam: Knob = None, theta: Theta | None = None
    ) -> Float[Tensor, "*batch"]:
        """Energy of states of the data layer with the others summed out, where these have a closed sum."""
        return self.reduced_energy({self.data: v}, beta=beta, lam=lam, theta=theta)[0]

    def log_sum(self, given: State, *, theta: Theta | None = None) -> Float[Tensor, " rows"]:
        r""":math:`\log \sum e^{-E}` over all layers that are not given, exact in float64; see :mod:`.enumeration`."""
        return log_sum(self, given, theta=theta)

    def log_partition_exact(self, *, beta: float | None = None, lam: float | None = None) -> Float[Tensor, ""]:
        """ln Z in float64 by listing every state of up to 25 units, the other layers summed in closed form."""
        return log_partition(self, beta=beta, lam=lam)

    def log_prob(self, x: Tensor) -> Float[Tensor, " batch"]:
        """Exact log-probability of each row in nats, where :meth:`log_partition_exact` can be had."""
        return log_sum(self, {self.data: self.check(x)}) - self.log_partition_exact()

    @torch.no_grad()
    def score(self, x: Tensor, *, generator: torch.Generator | None = None) -> Float[Tensor, " batch"]:
        """Minus the free energy: the log-probability but for a constant that is the same for every row."""
        return -self.free_energy(self.check(x))

    def site_log_prob(
        self, v: Float[Tensor, "batch visible"], *, every: int = 1, theta: Theta | None = None
    ) -> Float[Tensor, " batch"]:
        """:meth:`pseudo_likelihood` of states of the data layer, unchecked, with other parameters if need be."""
        return pseudo_likelihood(self, v, every, theta)

    def pseudo_likelihood(self, x: Tensor, *, every: int = 1) -> Float[Tensor, " batch"]:
        r"""Sum over sites of :math:`\log p(v_i \mid v_{-i})`, in nats.

        Args:
            x: rows of data.
            every: look at every n-th site only, each row starting one site further, and count each n times over.
        """
        return pseudo_likelihood(self, self.check(x), every)

    def prepare(self, x: Tensor) -> None:
        """Set base rates, the data layer's offset and, before any training, its biases from the mean of the data."""
        rows = self.flat(x).to(getattr(self, f"{self.data}_bias"))
        self.units[self.data].prepare(rows)
        mean = rows.mean(0)
        with torch.no_grad():
            getattr(self, f"{self.data}_offset").copy_(mean)
            getattr(self, f"{self.data}_base").copy_(self.units[self.data].link(mean))
            bias = getattr(self, f"{self.data}_bias")
            if not bias.any():
                bias.copy_(self.units[self.data].link(mean))

    def begin(self, x: Tensor) -> None:
        """Before every training: the base rates and the offset are those of the rows that it learns from now."""
        self.prepare(x)
        self.prepared = True

    def gibbs(self, given: Mapping[str, Any] | None = None, temperature: float | Tensor = 1.0) -> BlockGibbs:
        """Block Gibbs sampling of this machine.

        Args:
            given: what is held fixed, NaN meaning "sample me": `x` for data, or a layer's name; one row for all
                chains, or a row for each.
            temperature: one for all chains, or one for each.
        """
        return self.kernel("gibbs", given, temperature)

    def kernel(
        self,
        method: str = "gibbs",
        given: Mapping[str, Any] | None = None,
        temperature: float | Tensor = 1.0,
        **how: Any,
    ) -> Any:
        """What moves chains of this machine.

        Args:
            method: `gibbs`; `integer-gibbs`, the same with couplings rounded to 15 bits, about twice as fast on many
                chains; `tempering` or `tempered-transitions` where modes are too far apart for Gibbs steps.
            given: as in :meth:`gibbs`.
            temperature: one for all chains, or one for each.
            how: further arguments of that kernel, such as the `ladder` of :class:`.ParallelTempering`.
        """
        made = chosen(METHODS, method, how)
        plain = not isinstance(temperature, Tensor) and temperature == 1
        return made(self, given=self._given(given), temperature=None if plain else temperature, **how)

    def _given(self, given: Mapping[str, Any] | None) -> dict[str, Tensor]:
        fixed = {}
        for name, value in self.refuse_unknown(given).items():
            layer = self.data if name == "x" else name
            bias = getattr(self, f"{layer}_bias")
            value = torch.as_tensor(value, device=bias.device)
            rows = _as_rows(name, self.units[layer].spelled(value, layout.shape(self.layers[layer])), self.sizes[layer])
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
        method: str = "gibbs",
        generator: torch.Generator | None = None,
        progress: Progress | None = None,
    ) -> Tensor:
        """Data from the last states of `n` chains that started at the base rates.

        Args:
            n: how many.
            given: what is held fixed, as in :meth:`gibbs`.
            steps: steps of each chain.
            temperature: one for all chains, or one for each.
            method: what moves the chains, as in :meth:`kernel`.
            generator: the random stream.
            progress: called with steps done and steps in all.
        """
        kernel = self.kernel(method, given, temperature)
        if kernel.fixed(self.data):
            raise DataError("given x leaves nothing to sample; put NaN where values are to be drawn")
        state = warm_up(kernel, kernel.init(n, generator), steps, generator=generator, progress=progress)
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
        method: str = "gibbs",
        observe: Callable[[Any], Mapping[str, Tensor]] | None = None,
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
            method: what moves the chains, as in :meth:`kernel`; only replicas at the temperature are ever seen.
            observe: what is kept of a state, by name, instead of everything.
            generator: the random stream.
            progress: called with steps done and steps in all.
        """
        kernel = self.kernel(method, given, temperature)
        state, keep = kernel.init(chains, generator), observe or self.observe
        how = {"burn_in": burn_in, "thin": thin, "observe": keep, "generator": generator, "progress": progress}
        return trace(kernel, state, draws, **how)[1]

    def observe(self, state: Any) -> dict[str, Tensor]:
        """Everything there is to see of a state: `x`, the other layers, and the energy at temperature 1.

        The energy is computed in float64 and rounded, since ranks would take the last bits of equal states' energies
        for differences.
        """
        x = state.layers[self.data].reshape(-1, *self.event_shape)
        others = {name: s for name, s in state.layers.items() if name != self.data}
        energy = self.energy({name: s.double() for name, s in state.layers.items()}, theta=self.theta().double())
        return {"x": x, **others, "energy": energy.round(decimals=DECIMALS)}

    @torch.no_grad()
    def impute(
        self, x: Tensor, *, draws: int = 200, burn_in: int = 100, generator: torch.Generator | None = None
    ) -> Tensor:
        """The rows with NaN replaced by its conditional mean, averaged over a chain for each row.

        Draws instead of means: :meth:`imputations`.
        """
        rows = self.check(x, missing=True)
        if not bool(rows.isnan().any()):
            return self.shaped(x)
        kernel = self.gibbs({"x": x})

        state = kernel.init(len(rows), generator)
        mean = average(kernel, state, draws, self._data_mean, burn_in=burn_in, generator=generator)
        return torch.where(rows.isnan(), mean, rows).reshape(len(x), *self.event_shape)

    @torch.no_grad()
    def imputations(
        self, x: Tensor, num_draws: int, *, burn_in: int = 500, generator: torch.Generator | None = None
    ) -> Tensor:
        """`(num_draws, *x.shape)`: the rows with NaN drawn given what is observed, each by a chain of its own."""
        if num_draws < 1:
            raise DataError(f"num_draws must be at least 1, got {num_draws}")
        rows = self.check(x, missing=True).repeat(num_draws, 1)
        if bool(rows.isnan().any()):
            kernel = self.gibbs({"x": rows.reshape(-1, *self.event_shape)})
            state = run(kernel, kernel.init(len(rows), generator), burn_in, generator=generator)
            rows = state.layers[self.data]
        return rows.reshape(num_draws, len(x), *self.event_shape)

    def unsound(self) -> str | None:
        """Why training should stop, if it should: units that may feel more than any data call for."""
        biases, couplings = self.theta().biases, self.theta().couplings
        reach = {name: bias.abs() for name, bias in biases.items()}
        for (a, b), w in couplings.items():
            reach[a] = reach[a] + w.abs().sum(1)
            reach[b] = reach[b] + (w.abs().sum(0) if a != b else 0)
        largest = {name: float(field.detach().max()) for name, field in reach.items()}
        name = max(largest, key=largest.__getitem__)
        return f"fields of {name} may reach {largest[name]:.3g}" if largest[name] > LARGEST else None

    def _data_mean(self, state: GibbsState) -> Tensor:
        return self.units[self.data].mean(self.field(self.data, state.layers))

    def shaped(self, x: Tensor) -> Tensor:
        """Rows as this model sees them; class numbers under categorical units become one-hot rows."""
        return super().shaped(self.units[self.data].spelled(x, self.event_shape))

    def flat(self, x: Tensor) -> Float[Tensor, "batch units"]:
        """Rows of data as rows of the data layer."""
        return self.shaped(x).reshape(len(x), -1)

    def clamped(self, x: Tensor) -> dict[str, Tensor]:
        """The layers that rows of data hold fixed while a machine learns from them."""
        return {self.data: self.flat(x)}

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
