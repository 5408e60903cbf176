"""Gibbs with gradients: single sites of a discrete energy, chosen where the slope says a change pays."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from genlatent.distributions.supports import check
from genlatent.errors import DataError, RecipeError
from genlatent.sampling.slopes import Energy, SlopeKernel, SlopeState, choose, column, slope

VALUES = {"binary": (0.0, 1.0), "spin": (-1.0, 1.0)}


class GibbsWithGradients(SlopeKernel):
    r"""Metropolis-Hastings over single sites, proposed by a first-order guess of what each change is worth.

    .. math:: q(x' \mid x) \propto \exp\Bigl(-\tfrac{1}{2T} \nabla E(x)^\top (x' - x)\Bigr)

    over all :math:`x'` that differ from x in one site. The energy must be defined between the values too, as
    polynomials and networks are.

    Args:
        energy: `(chain, *event) -> (chain,)`, differentiable.
        shape: of one event, or its length; for `categorical` the last axis holds one-hot values of each site.
        support: `binary` (0 or 1), `spin` (-1 or 1) or `categorical`.
        changes: proposals of one step.
        given: what is held fixed, one event for all chains or one for each; NaN means "sample me".
        temperature: one for all chains or one for each.

    References:
        Oops I Took A Gradient: Scalable Sampling for Discrete Distributions (Grathwohl et al., 2021)
    """

    def __init__(
        self,
        energy: Energy,
        shape: int | Sequence[int],
        support: str = "binary",
        changes: int = 1,
        given: Tensor | None = None,
        temperature: float | Tensor | None = None,
    ):
        super().__init__(energy, shape, given, temperature)
        if support not in (*VALUES, "categorical"):
            raise RecipeError(f"support must be binary, spin or categorical, got {support!r}")
        if changes < 1:
            raise RecipeError(f"changes must be at least 1, got {changes}")
        if self._held is not None:
            check(self._held.flatten(1), _support(support, self.event_shape), "given", missing=True)
        if self.free is not None and not bool(self.free.flatten(1).any(1).all()):
            raise DataError("a row of given leaves nothing to sample; put NaN where values are to be drawn")
        self.support = support
        self.changes = changes

    def at(self, x: Tensor) -> SlopeState:
        """Chains that begin at `x`, `(chain, *event)`, the given values put in place."""
        check(x.flatten(1), _support(self.support, self.event_shape), "chains")
        return super().at(x)

    def _start(
        self, shape: tuple[int, ...], generator: torch.Generator | None, device: torch.device, dtype: torch.dtype
    ) -> Tensor:
        if self.support == "categorical":
            value = torch.randint(shape[-1], shape[:-1], generator=generator, device=device)
            return functional.one_hot(value, shape[-1]).to(dtype)
        low, high = VALUES[self.support]
        return torch.where(torch.rand(shape, generator=generator, device=device) < 0.5, low, high).to(dtype)

    def step(self, state: SlopeState, generator: torch.Generator | None = None) -> tuple[SlopeState, dict[str, Tensor]]:
        """So many proposals, one after another."""
        total = torch.zeros_like(state.energy)
        for _ in range(self.changes):
            state, probability = self._change(state, generator)
            total = total + probability
        return state, {"acceptance": total / self.changes}

    def _change(
        self, state: SlopeState, generator: torch.Generator | None
    ) -> tuple[SlopeState, Float[Tensor, " chain"]]:
        x = state.layers["x"]
        here = self._log_proposal(x, state.slope, state.beta)
        move = torch.multinomial(here.exp(), 1, generator=generator)
        moved, back = self._moved(x, move)
        energy, gradient = slope(self.energy, moved)
        there = self._log_proposal(moved, gradient, state.beta)
        ratio = (there.gather(1, back) - here.gather(1, move)).squeeze(1) - state.beta * (energy - state.energy)
        accepted = torch.rand(len(x), generator=generator, dtype=x.dtype, device=x.device) < ratio.exp()
        return choose(accepted, (moved, energy, gradient), state), ratio.clamp(max=0).exp()

    def _log_proposal(self, x: Tensor, gradient: Tensor, beta: Float[Tensor, " chain"]) -> Float[Tensor, "chain move"]:
        """Log-probability of each change: a site to flip, or a value that a site is to take."""
        uphill = gradient * -column(beta, x)
        if self.support == "categorical":
            gain = torch.where(x > 0.5, -torch.inf, uphill - (x * uphill).sum(-1, keepdim=True))
        else:
            gain = (sum(VALUES[self.support]) - 2 * x) * uphill
        if self.free is not None:
            gain = torch.where(self.free, gain, -torch.inf)
        return (gain / 2).flatten(1).log_softmax(1)

    def _moved(self, x: Tensor, move: Int[Tensor, "chain 1"]) -> tuple[Tensor, Int[Tensor, "chain 1"]]:
        """The events after the change, and the change that would take it back."""
        flat = x.flatten(1)
        if self.support != "categorical":
            flipped = sum(VALUES[self.support]) - flat.gather(1, move)
            return flat.scatter(1, move, flipped).view_as(x), move
        values = x.shape[-1]
        sites = flat.unflatten(1, (-1, values))
        site = move // values
        old = sites.argmax(2).gather(1, site)
        new = functional.one_hot(move % values, values).to(x)
        where = site.unsqueeze(2).expand(-1, 1, values)
        return sites.scatter(1, where, new).view_as(x), site * values + old


def _support(name: str, event: torch.Size) -> str:
    """What the values of an event are checked against."""
    return f"one-hot:{event[-1]}" if name == "categorical" else name
