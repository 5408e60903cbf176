"""Chains that follow the slope of an energy: what Langevin, Hamiltonian and gradient-informed kernels share."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from genlatent.components import Component
from genlatent.errors import DataError, RecipeError
from genlatent.sampling.stepping import StepRunner

Energy = Callable[[Tensor], Tensor]  # (chain, *event) -> (chain,)


class SlopeState(NamedTuple):
    """Where the chains are, with what was found there; made for one energy, and stale once its parameters move."""

    layers: dict[str, Tensor]  # only `x`, (chain, *event)
    energy: Tensor  # (chain,) at temperature 1
    slope: Tensor  # (chain, *event) gradient of that energy
    beta: Tensor  # (chain,) inverse temperature
    step: Tensor  # (chain,) step size, for the kernels that have one


def slope(energy: Energy, x: Tensor) -> tuple[Tensor, Tensor]:
    r"""Each chain's energy and its gradient :math:`\nabla E(x)`; neither depends on the graph that made `x`.

    >>> slope(lambda x: x.square().sum(1) / 2, torch.tensor([[1.0, 2.0]]))
    (tensor([2.5000]), tensor([[1., 2.]]))
    """
    with torch.enable_grad():
        here = x.detach().requires_grad_()
        value = energy(here)
        (gradient,) = torch.autograd.grad(value.sum(), here)
    return value.detach(), gradient


class SlopeKernel(Component):
    r"""Sampling of :math:`P(x) \propto e^{-E(x)/T}` by a kernel that looks at :math:`\nabla E`.

    Subclasses bring `step`, and `_start` where chains do not begin at a standard normal.

    Args:
        energy: `(chain, *event) -> (chain,)`, differentiable.
        shape: of one event, or its length.
        given: what is held fixed, one event for all chains or one for each; NaN means "sample me".
        temperature: one for all chains or one for each.
    """

    support = "real"

    def __init__(
        self,
        energy: Energy,
        shape: int | Sequence[int],
        given: Tensor | None = None,
        temperature: float | Tensor | None = None,
    ):
        self.energy = energy
        self.shape = shape if isinstance(shape, int) else tuple(shape)
        self.given = given
        self.temperature = temperature
        self.event_shape = torch.Size([shape] if isinstance(shape, int) else shape)
        if temperature is not None and not bool((torch.as_tensor(temperature) > 0).all()):
            raise RecipeError(f"temperature must be above 0, got {temperature}")
        self._held = None if given is None else self._checked(given)
        self.free = None if self._held is None else self._held.isnan()  # (1 or chain, *event)

    def _checked(self, given: Tensor) -> Tensor:
        rows = given.reshape(-1, *self.event_shape) if given.numel() % self.event_shape.numel() == 0 else None
        if rows is None or given.shape[given.dim() - len(self.event_shape) :] != self.event_shape:
            raise DataError(f"given has shape {tuple(given.shape)}, events have {tuple(self.event_shape)}")
        if not bool(rows.isnan().any()):
            raise DataError("everything is given, so nothing is left to sample; put NaN where values are to be drawn")
        return rows

    def init(self, chains: int, generator: torch.Generator | None = None) -> SlopeState:
        """Chains at random places that ask nothing of the energy."""
        if chains < 1:
            raise RecipeError(f"there must be at least 1 chain, got {chains}")
        device, dtype = self._home(generator)
        return self.at(self._start((chains, *self.event_shape), generator, device, dtype))

    def at(self, x: Tensor) -> SlopeState:
        """Chains that begin at `x`, `(chain, *event)`, the given values put in place."""
        if x.shape[1:] != self.event_shape:
            raise DataError(f"chains of events {tuple(self.event_shape)} cannot start from {tuple(x.shape)}")
        x = self.clamped(x.detach())
        temperature = torch.as_tensor(1.0 if self.temperature is None else self.temperature).to(x)
        if temperature.dim() and temperature.shape != (len(x),):
            raise RecipeError(f"{len(x)} chains need {len(x)} temperatures or one, got {tuple(temperature.shape)}")
        beta = temperature.reciprocal().expand(len(x))
        energy, gradient = slope(self.energy, x)
        if energy.shape != (len(x),):
            raise DataError(f"an energy gives one number for each of {len(x)} chains, not {tuple(energy.shape)}")
        return SlopeState({"x": x}, energy, gradient, beta, self._first_step(beta))

    def _first_step(self, beta: Float[Tensor, " chain"]) -> Float[Tensor, " chain"]:
        return torch.ones_like(beta)

    def clamped(self, x: Tensor) -> Tensor:
        """With the given values in place."""
        if self._held is None:
            return x
        if len(self._held) not in (1, len(x)):
            raise DataError(f"given has {len(self._held)} rows for {len(x)} chains; give one row, or one for each")
        return torch.where(self._held.isnan(), x, self._held.to(x))

    def noise(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        """Standard normal where values are drawn, zero where they are given."""
        drawn = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=x.device)
        return drawn if self.free is None else torch.where(self.free, drawn, 0.0)

    def _start(
        self, shape: tuple[int, ...], generator: torch.Generator | None, device: torch.device, dtype: torch.dtype
    ) -> Tensor:
        return torch.randn(shape, generator=generator, device=device, dtype=dtype)

    def _home(self, generator: torch.Generator | None) -> tuple[torch.device, torch.dtype]:
        """Where chains live: with the energy's parameters, else with what is given, else with the random stream."""
        if isinstance(self.energy, nn.Module):
            for tensor in self.energy.parameters():
                return tensor.device, tensor.dtype
        if self._held is not None:
            return self._held.device, self._held.dtype
        return (torch.device("cpu") if generator is None else generator.device), torch.get_default_dtype()

    def step(self, state: SlopeState, generator: torch.Generator | None = None) -> tuple[SlopeState, dict[str, Tensor]]:
        """The next state, and what there is to say about the step."""
        raise NotImplementedError

    def runner(self, state: SlopeState, generator: torch.Generator | None = None) -> StepRunner:
        """Many steps."""
        return StepRunner(self, state, generator)

    def products(self, state: SlopeState) -> list[tuple[int, int, int]]:
        """None that is known here; the energy keeps its products to itself."""
        return []


def column(knob: Shaped[Tensor, " chain"], x: Tensor) -> Tensor:
    """A number for each chain, beside the events of that chain."""
    return knob.view(-1, *([1] * (x.dim() - 1)))


def choose(accepted: Tensor, new: tuple[Tensor, Tensor, Tensor], state: SlopeState) -> SlopeState:
    """For each chain the new `(x, energy, slope)` where it was accepted, the old one where not."""
    x, energy, gradient = new
    old = state.layers["x"]
    here = column(accepted, old)
    return state._replace(
        layers={"x": torch.where(here, x, old)},
        energy=torch.where(accepted, energy, state.energy),
        slope=torch.where(here, gradient, state.slope),
    )
