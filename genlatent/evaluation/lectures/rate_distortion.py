"""What a code costs and what it saves: rate and distortion over a sweep of beta."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from genlatent.evaluation.disentanglement.gaps import mutual_information_gap
from genlatent.evaluation.disentanglement.information import binned_information
from genlatent.latent.beta import BetaVAE
from genlatent.numerics import devices
from genlatent.training.fit import fit


class Point(NamedTuple):
    """One trained model on the curve, held out, in nats."""

    beta: float
    rate: float
    distortion: float
    active_units: float
    total_correlation: float
    information_gap: float | None = None  # MIG, where the factors of the data are known

    @property
    def bound(self) -> float:
        """The evidence lower bound: minus rate, minus distortion."""
        return -self.rate - self.distortion


def rate_distortion(
    data: Any,
    make: Callable[[float], BetaVAE],
    betas: Sequence[float] = (0.1, 0.3, 1.0, 1.5, 2.0, 4.0),
    **training: Any,
) -> list[Point]:
    r"""Held-out rate and distortion of models trained at each beta.

    .. math:: R = \mathbb{E}[\mathrm{KL}(q(z \mid x) \| p(z))], \qquad D = -\mathbb{E}_q[\log p(x \mid z)]

    :math:`R + D` bounds the entropy of the data from above; training at :math:`\beta` finds the point where the curve
    has slope :math:`-\beta`. Where the data's labels are factors, each point says how well single dimensions tell them.

    References:
        Fixing a broken ELBO (Alemi et al., 2018)
        Isolating sources of disentanglement in variational autoencoders (Chen et al., 2018)

    Args:
        data: what they are trained on, and judged on its held-out part.
        make: a fresh model for each beta.
        training: arguments of `fit`.
    """
    return [_point(beta, make(beta), data, training) for beta in sorted(betas)]


def _point(beta: float, model: BetaVAE, data: Any, training: dict[str, Any]) -> Point:
    last = fit(model, data, **training).rows[-1]
    names = ("kl", "reconstruction", "active_units", "total_correlation")
    return Point(beta, *(last[f"valid/{name}"] for name in names))._replace(information_gap=_gap(model, data))


def _gap(model: BetaVAE, data: Any) -> float | None:
    """MIG on the held-out rows."""
    factors = None if data.labels is None else data.labels.valid
    if factors is None or factors.dim() != 2 or factors.is_floating_point():
        return None
    codes = model.encode(data.valid.to(devices.of(model))).flatten(1)
    return float(mutual_information_gap(binned_information(codes, factors.to(codes.device))).mean())
