"""Langevin dynamics corrected by Metropolis's rule."""

from collections.abc import Sequence

from torch import Tensor

from genlatent.sampling.hmc import HMC
from genlatent.sampling.slopes import Energy


class MALA(HMC):
    r"""Metropolis-adjusted Langevin: Hamiltonian Monte Carlo with a single leapfrog step of length h.

    .. math:: x' = x - \tfrac{h^2}{2} \nabla E(x) / T + h \eta

    which is a Langevin step of :math:`\epsilon = h^2 / 2`, accepted with the probability that makes it exact.

    Args:
        energy: `(chain, *event) -> (chain,)`, differentiable.
        shape: of one event, or its length.
        size: the step h at temperature 1 from which tuning starts.
        acceptance: mean acceptance that tuning aims at.
        given: what is held fixed, one event for all chains or one for each; NaN means "sample me".
        temperature: one for all chains or one for each.

    References:
        Optimal Scaling of Discrete Approximations to Langevin Diffusions (Roberts and Rosenthal, 1998)
    """

    def __init__(
        self,
        energy: Energy,
        shape: int | Sequence[int],
        size: float = 0.1,
        acceptance: float = 0.574,
        given: Tensor | None = None,
        temperature: float | Tensor | None = None,
    ):
        super().__init__(energy, shape, 1, size, 0.0, acceptance, given, temperature)
