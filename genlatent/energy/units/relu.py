"""Units that are positive numbers: Gaussian ones cut off at 0."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.special import log_ndtr, ndtri

from genlatent.energy.units.base import RARE, Unit, uniform_like

TAIL = 5.0  # fields below minus this lie in the tail, where the closed form cancels and the fraction converges at once
TERMS = 20  # of the continued fraction: enough for float64 from there on
NEWTON = 8  # steps of the inverse of the mean
HALF_LOG_2PI = math.log(2 * math.pi) / 2


class ReLU(Unit):
    r"""A rectified Gaussian: :math:`x \ge 0`, :math:`U(x) = x^2/2`, :math:`K(f) = f^2/2 + \log \sqrt{2\pi} \Phi(f)`.

    For strongly negative fields :math:`K(f) = -\log \lambda(-f)`, with the hazard of the normal distribution by its
    continued fraction, :math:`\lambda(t) = t + 1/(t + 2/(t + 3/(t + \dots)))`, so that nothing cancels or overflows.

    References:
        Emergence of compositional representations in restricted Boltzmann machines (Tubiana and Monasson, 2017)

    >>> ReLU().mean(torch.tensor([-1e4, 0.0, 1e4]))
    tensor([1.0000e-04, 7.9788e-01, 1.0000e+04])
    """

    support = "non-negative"

    def base_energy(self, x: Float[Tensor, "*batch units"]) -> Float[Tensor, "*batch"]:
        r""":math:`\sum_i x_i^2 / 2`."""
        return x.square().sum(-1) / 2

    def cumulant(self, field: Float[Tensor, "*batch units"]) -> Float[Tensor, "*batch units"]:
        r""":math:`f^2/2 + \log \sqrt{2\pi}\,\Phi(f)`."""
        f, t = _sides(field)
        near = f.square() / 2 + log_ndtr(f) + HALF_LOG_2PI
        return torch.where(field > -TAIL, near, -(t + excess(t)).log())

    def mean(self, field: Float[Tensor, "*batch units"]) -> Float[Tensor, "*batch units"]:
        r""":math:`f + \varphi(f) / \Phi(f)`."""
        f, t = _sides(field)
        near = f + (-f.square() / 2 - log_ndtr(f) - HALF_LOG_2PI).exp()
        return torch.where(field > -TAIL, near, excess(t))

    def sample(
        self, field: Float[Tensor, "*batch units"], generator: torch.Generator | None = None
    ) -> Float[Tensor, "*batch units"]:
        r"""The x beyond which a uniform share of the distribution lies, :math:`\Phi(f - x) = u \, \Phi(f)`."""
        tiny = torch.finfo(field.dtype).eps / 4
        u = uniform_like(field, generator).clamp(tiny, 1 - 2 * tiny)
        f, t = _sides(field)
        near = (f - ndtri(u * log_ndtr(f).exp())).clamp(min=0)  # ndtr itself cancels in float32
        return torch.where(field > -TAIL, near, _beyond(t, -u.log()))

    def link(self, mean: Float[Tensor, "*batch units"]) -> Float[Tensor, "*batch units"]:
        r"""The field of a mean, by Newton steps from :math:`m - 1/m`, which lies below it."""
        m = mean.clamp(min=RARE)
        f = m - 1 / m
        for _ in range(NEWTON):
            found = self.mean(f)
            f = f + (m - found) / (1 - found * (found - f))
        return f


def excess(t: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
    r""":math:`\lambda(t) - t = 1/(t + 2/(t + 3/(t + \dots)))`, the mean beyond t of a standard normal, less t."""
    fraction = t
    for k in range(TERMS, 1, -1):
        fraction = t + k / fraction
    return 1 / fraction


def _sides(field: Tensor) -> tuple[Tensor, Tensor]:
    """Fields for the closed form, and minus the fields of the tail; the other side's are kept out of the way."""
    return field.clamp(min=-TAIL), (-field).clamp(min=TAIL)


def _beyond(t: Tensor, e: Tensor) -> Tensor:
    r"""The x with :math:`-\log [\Phi(-t - x) / \Phi(-t)] = e`: two Newton steps from :math:`\sqrt{t^2 + 2e} - t`."""
    x = 2 * e / (t + (t.square() + 2 * e).sqrt())
    start = (t + excess(t)).log()
    for _ in range(2):
        hazard = t + x + excess(t + x)
        x = x - (t * x + x.square() / 2 + hazard.log() - start - e) / hazard
    return x.clamp(min=0)
