r"""What long chains drew, without the chains: moments by batch, and from them R-hat and effective sample sizes."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from genlatent.errors import DataError, RecipeError
from genlatent.sampling.arviz_loading import load_arviz
from genlatent.sampling.draws import FEWEST
from genlatent.sampling.moments import Moments, merged, of, pooled

BATCHES = 128  # kept of each chain at the most
GATHERED = 64  # draws that wait, at the most, until their moments are taken together
FLAT = 1e-12  # variance, in units of the squared mean, below which a folded variable counts as constant


class Running(NamedTuple):
    """What is known of one variable so far: the worst over its elements that vary; None where none does."""

    rhat: float | None
    ess: float | None
    autocorrelation_time: float | None
    constant: int
    size: int


class Stream:
    r"""One variable `(chain, ...)`, a draw at a time, in constant memory.

    Draws are gathered into batches of equal length; when there are too many, neighbours are joined and batches are
    twice as long from then on. Of each batch only the first four moments are kept. From them follow

    * R-hat, the larger of the split R-hat of :math:`x` and of :math:`(x - \bar x)^2`, which sees chains that agree in
      place and not in width. No ranks are kept: of heavy tails it says less than :meth:`Draws.diagnose`;
    * the effective sample size of the mean: with :math:`\hat v(x)` the variance of a draw and :math:`\hat v(y)` that
      of a batch mean over all chains,

      .. math:: \mathrm{ESS}(x) = \mathrm{ESS}(y) \, \hat v(x) / \hat v(y)

      where :math:`\mathrm{ESS}(y)` is Geyer's, from the autocorrelation that is left between batches. As long as a
      batch is one draw it is ArviZ's own; of longer runs it is known to about
      :math:`\sqrt{2 / (\text{chains} \cdot \text{batches})}`, 6 % to 9 % for four chains.

    What does not fill a batch yet is left out, and of an odd number of batches the one in the middle.

    References:
        Bayesian Data Analysis (Gelman et al., 2013), section 11.4; Practical Markov Chain Monte Carlo (Geyer, 1992)

    >>> stream = Stream()
    >>> for draw in torch.randn(1000, 4, generator=torch.Generator().manual_seed(0)):
    ...     stream.add(draw)
    >>> round(stream.diagnose().rhat, 2), stream.length
    (1.0, 8)
    """

    def __init__(self, batches: int = BATCHES):
        if batches < 2 * FEWEST or batches % 4:
            raise RecipeError(f"batches must be a multiple of 4, at least {2 * FEWEST}, got {batches}")
        self.batches = batches
        self.length = 1
        self._full: list[Moments] = []
        self._open: list[Moments] = []  # of the batch that is being filled: none, or one
        self._waiting: list[Tensor] = []

    def add(self, value: Tensor) -> None:
        """One more draw of every chain."""
        self._waiting.append(value.detach().to(torch.float64, copy=True).reshape(len(value), -1))
        if len(self._waiting) == min(self.length, GATHERED):
            self._gather()
        if len(self._full) == self.batches:
            self._full = [merged(a, b) for a, b in zip(self._full[::2], self._full[1::2])]
            self.length *= 2

    def _gather(self) -> None:
        """Take the moments of the draws that wait."""
        batch = pooled([*self._open, of(torch.stack(self._waiting))])
        self._waiting, self._open = [], [batch]
        if batch.count == self.length:
            self._full, self._open = [*self._full, batch], []

    def moments(self) -> Moments:
        """Of all draws so far, chain by chain: `(chain, element)` each."""
        waiting = [of(torch.stack(self._waiting))] if self._waiting else []
        parts = [*self._full, *self._open, *waiting]
        if not parts:
            raise DataError("nothing has been drawn yet")
        return pooled(parts)

    def diagnose(self, name: str = "the variable") -> Running:
        """R-hat and effective sample size so far."""
        if len(self._full) < FEWEST:
            raise DataError(f"{name}: diagnostics need at least {FEWEST} draws per chain, got {len(self._full)}")
        half = len(self._full) // 2
        halves = [pooled(self._full[:half]), pooled(self._full[-half:])]
        x = Moments(halves[0].count, *(torch.cat(pair) for pair in zip(halves[0][1:], halves[1][1:])))
        if not bool(x.mean.isfinite().all()):
            raise DataError(f"{name}: the chains hold values that are not finite")
        varying = (x.m2.sum(0) > 0) | (x.mean.amax(0) > x.mean.amin(0))
        constant, size = int((~varying).sum()), len(varying)
        if constant == size:
            return Running(None, None, None, constant, size)
        rhat = torch.maximum(_rhat(x), _rhat_folded(x))[varying]
        chains, drawn = len(self._full[0].mean), len(self._full) * self.length
        ess = float(self._ess(x)[varying.numpy(force=True)].min())
        return Running(float(rhat.max()), ess, chains * drawn / ess, constant, size)

    def _ess(self, x: Moments) -> np.ndarray:
        """Effective sample size of the mean of each element."""
        az = load_arviz()

        y = torch.stack([batch.mean for batch in self._full], 1)  # (chain, batch, element)
        chains, batches = y.shape[:2]
        half = batches // 2
        split = torch.cat((y[:, :half], y[:, -half:]))
        of_draw = _variance(x.mean, x.m2 / (x.count - 1), x.count)
        of_batch = _variance(split.mean(1), split.var(1), half)
        geyer = [float(az.ess(column, method="mean")) for column in y.permute(2, 0, 1).numpy(force=True)]
        total = chains * batches * self.length
        ratio = (of_draw / of_batch.clamp_min(1e-300)).numpy(force=True)
        found = np.minimum(np.array(geyer) * ratio, total * np.log10(total))
        stuck = (x.m2.sum(0) == 0).numpy(force=True)
        return np.where(stuck, float(chains), found)


class Streaming:
    """Streams of several variables by name, fed with what is observed of a state.

    >>> streaming = Streaming()
    >>> for draw in range(100):
    ...     streaming.add({"energy": torch.randn(4), "v": torch.zeros(4, 2)})
    >>> streaming.diagnose()["v"]
    Running(rhat=None, ess=None, autocorrelation_time=None, constant=2, size=2)
    """

    def __init__(self, batches: int = BATCHES):
        self.batches = batches
        self.draws = 0
        self._streams: dict[str, Stream] = {}
        self._shapes: dict[str, torch.Size] = {}

    def add(self, values: Mapping[str, Tensor]) -> None:
        """One more draw of every variable."""
        for name, value in values.items():
            self._shapes.setdefault(name, value.shape)
            self._streams.setdefault(name, Stream(self.batches)).add(value)
        self.draws += 1

    def mean(self, name: str) -> Tensor:
        """Mean of a variable over its draws, for each chain."""
        return self._streams[name].moments().mean.reshape(self._shapes[name])

    def variance(self, name: str) -> Tensor:
        """Variance of a variable over its draws, for each chain."""
        x = self._streams[name].moments()
        return (x.m2 / max(x.count - 1, 1)).reshape(self._shapes[name])

    def diagnose(self) -> dict[str, Running]:
        """Every variable so far."""
        return {name: stream.diagnose(name) for name, stream in self._streams.items()}

    def reached(self, rhat: float | None, ess: float | None) -> bool:
        """Whether every variable that varies is as good as wished; where nothing is wished, or nothing moves, never."""
        found = [one for one in self.diagnose().values() if one.rhat is not None and one.ess is not None]
        if not found or (rhat is None and ess is None):
            return False
        worst, least = max(one.rhat or 0.0 for one in found), min(one.ess or 0.0 for one in found)
        return (rhat is None or worst <= rhat) and (ess is None or least >= ess)


def _variance(means: Tensor, within: Tensor, count: int) -> Tensor:
    r""":math:`\hat v = \frac{n - 1}{n} W + B / n` of each element, from chains of n draws."""
    return (count - 1) / count * within.mean(0) + means.var(0)


def _ratio(means: Tensor, within: Tensor, count: int, floor: Tensor) -> Tensor:
    r"""R-hat, :math:`\sqrt{\hat v / W}`; 1 where neither side varies, infinite where only the chains differ."""
    inside = within.mean(0)
    whole = _variance(means, within, count)
    stuck = torch.where(means.var(0) > floor, torch.inf, 1.0).to(inside)
    return torch.where(inside > floor, (whole / inside.clamp_min(1e-300)).sqrt(), stuck)


def _rhat(x: Moments) -> Tensor:
    return _ratio(x.mean, x.m2 / (x.count - 1), x.count, torch.zeros_like(x.mean[0]))


def _rhat_folded(x: Moments) -> Tensor:
    r"""R-hat of :math:`y = (x - \bar x)^2`, with :math:`\bar x` the mean over all chains."""
    n, d = x.count, x.mean - x.mean.mean(0)
    y = x.m2 / n + d**2
    squares = x.m4 + 4 * d * x.m3 + 6 * d**2 * x.m2 + n * d**4
    within = ((squares - n * y**2) / (n - 1)).clamp_min(0)
    return _ratio(y, within, n, FLAT * y.mean(0) ** 2)
