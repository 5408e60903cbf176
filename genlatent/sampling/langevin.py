"""Langevin dynamics without correction: fast, and biased by its step size."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.errors import RecipeError
from genlatent.sampling.slopes import Energy, SlopeKernel, SlopeState, column, slope


def langevin_step(
    energy: Energy,
    x: Tensor,
    step: Tensor | float,
    noise: Tensor | float,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""One step downhill, and a random one: pure in its tensors, so that objectives may trace it.

    .. math:: x' = x - \epsilon \nabla E(x) + \sigma \eta, \qquad \eta \sim N(0, I)

    It is Langevin's where :math:`\sigma = \sqrt{2 \epsilon}`; short runs for learning often take less noise.

    Args:
        energy: `(chain, *event) -> (chain,)`.
        x: where the chains are; nothing is differentiated through it.
        step: epsilon, a number or anything that broadcasts against `x`.
        noise: sigma, likewise.
        generator: the random stream; torch's default one in traced steps.

    >>> langevin_step(lambda x: x.square().sum(1) / 2, torch.ones(1, 2), 0.25, 0.0)
    tensor([[0.7500, 0.7500]])
    """
    drawn = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=x.device)
    return x.detach() - step * slope(energy, x)[1] + noise * drawn


class Langevin(SlopeKernel):
    r"""Unadjusted Langevin dynamics at temperature T.

    .. math:: x' = x - \epsilon \nabla E(x) / T + \sqrt{2 \epsilon} \, \eta

    What it samples is off by an amount in proportion to the step: on a Gaussian of precision k the variance is
    :math:`1 / (k - \epsilon k^2 / 2)` instead of :math:`1 / k`. :class:`MALA` corrects that.

    Args:
        energy: `(chain, *event) -> (chain,)`, differentiable.
        shape: of one event, or its length.
        size: the step epsilon.
        given: what is held fixed, one event for all chains or one for each; NaN means "sample me".
        temperature: one for all chains or one for each.

    References:
        Bayesian Learning via Stochastic Gradient Langevin Dynamics (Welling and Teh, 2011)
    """

    def __init__(
        self,
        energy: Energy,
        shape: int | Sequence[int],
        size: float = 0.01,
        given: Tensor | None = None,
        temperature: float | Tensor | None = None,
    ):
        super().__init__(energy, shape, given, temperature)
        if not size > 0:
            raise RecipeError(f"size, the step of the dynamics, must be above 0, got {size}")
        self.size = size

    def _first_step(self, beta: Float[Tensor, " chain"]) -> Float[Tensor, " chain"]:
        return torch.full_like(beta, self.size)

    def step(self, state: SlopeState, generator: torch.Generator | None = None) -> tuple[SlopeState, dict[str, Tensor]]:
        """One step; `slope` in the info is the length of the gradient at its start."""
        x = state.layers["x"]
        drift = column(state.step * state.beta, x) * state.slope
        moved = self.clamped(x - drift + column((2 * state.step).sqrt(), x) * self.noise(x, generator))
        energy, gradient = slope(self.energy, moved)
        info = {"energy": energy, "slope": state.slope.flatten(1).norm(dim=1)}
        return state._replace(layers={"x": moved}, energy=energy, slope=gradient), info
