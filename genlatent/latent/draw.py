"""The deep recurrent attentive writer."""

from typing import Any, NamedTuple

import pyro
import torch
from torch import Tensor, nn

from genlatent.distributions.adapters import as_prior, check_likelihood, check_pair, check_prior
from genlatent.distributions.base import Likelihood, Posterior, Prior
from genlatent.distributions.distribution import Distribution
from genlatent.distributions.likelihoods import Bernoulli
from genlatent.distributions.missing import masked, refuse_gaps, split
from genlatent.distributions.posteriors import DiagonalNormal
from genlatent.distributions.priors import StandardNormal
from genlatent.distributions.supports import Support
from genlatent.errors import DataError, RecipeError
from genlatent.latent.base import LatentModel, mean
from genlatent.networks.base import Sizes, size, xavier
from genlatent.networks.recurrent import LSTM, Memory
from genlatent.networks.window import Window
from genlatent.networks.wiring import image_like


class Drawing(NamedTuple):
    """How far a picture has come."""

    canvas: Tensor  # (*batch, num_params): the likelihood's parameters
    memory: Memory  # of the decoder


class DRAW(LatentModel):
    r"""A canvas that T codes change one after another; the last canvas holds the parameters of x.

    .. math:: p(x, z) = \prod_{t=1}^T p(z_t) \; p(x \mid c_T), \qquad
              c_t = c_{t-1} + \mathrm{write}(h_t), \quad h_t = \mathrm{LSTM}(z_t, h_{t-1})

    .. math:: q(z \mid x) = \prod_t q(z_t \mid e_t), \qquad
              e_t = \mathrm{LSTM}([\mathrm{read}(x, x - \bar x(c_{t-1})), h_{t-1}], e_{t-1})

    where :math:`\bar x(c)` is the mean of x that the canvas stands for. Without a window, the whole of x is read and
    the whole canvas written; with one, both go through a grid of Gaussian filters that :math:`h` moves over the image.
    It is trained by the evidence lower bound.

    References:
        DRAW: a recurrent neural network for image generation (Gregor et al., 2015)

    Args:
        event_shape: shape of one x.
        latent: number of values in each code.
        steps: T, the number of codes.
        hidden: number of values that encoder and decoder remember.
        window: filters along each side of the window; `None` reads and writes everything.
        likelihood: p(x | params), `Bernoulli` unless told otherwise.
        prior: p(z_t), the same at every step: a `Prior`, a Pyro distribution or a callable; standard normal.
        posterior: q(z_t | params), `DiagonalNormal`.
        missing: whether NaN means a missing value, left out of the likelihood; otherwise NaN is refused.

    >>> draw = DRAW((1, 8, 8), latent=2, steps=3, hidden=16, window=3)
    >>> draw.sample(5).shape, draw.encode(torch.zeros(5, 1, 8, 8)).shape
    (torch.Size([5, 1, 8, 8]), torch.Size([5, 3, 2]))
    """

    def __init__(
        self,
        event_shape: Sizes,
        latent: int = 10,
        steps: int = 10,
        hidden: int = 256,
        window: int | None = None,
        likelihood: Likelihood | None = None,
        prior: Any = None,
        posterior: Posterior | None = None,
        missing: bool = False,
    ):
        super().__init__()
        self.event_shape, self.missing = size(event_shape, "event_shape"), missing
        self.latent, self.steps, self.hidden, self.window = latent, steps, hidden, window
        if steps < 1:
            raise ValueError(f"steps must be at least 1, got {steps}")
        self.likelihood = Bernoulli() if likelihood is None else likelihood
        self.prior: Prior = as_prior(StandardNormal() if prior is None else prior)
        self.posterior = DiagonalNormal() if posterior is None else posterior
        self._connect()

    @property
    def latent_shape(self) -> torch.Size:
        """Shape of all codes of one row: a step, then a code."""
        return torch.Size([self.steps, self.latent])

    @property
    def sites(self) -> tuple[str, ...]:
        """Names of the codes: `z_1`, ..., `z_T`."""
        return tuple(f"z_{t}" for t in range(1, self.steps + 1))

    @property
    def support(self) -> Support:
        """Where x lies: what the likelihood covers."""
        return self.likelihood.support

    def _connect(self) -> None:
        one = size(self.latent, "latent")
        for part, shape in ((self.likelihood, self.event_shape), (self.prior, one), (self.posterior, one)):
            part.bind(shape)
        if self.prior.from_encoder:
            raise RecipeError(
                f"{type(self.prior).__name__} needs q(z | x) of rows alone, and DRAW's depends on the canvas; "
                "take gaussian-mixture or flow"
            )
        check_likelihood(self.likelihood)
        check_prior(self.prior)
        check_pair(self.prior, self.posterior)
        canvas = image_like(self.event_shape, self.likelihood.num_params(self.event_shape))
        self.reader = Reader(self.event_shape, self.hidden, self.window)
        self.encoder = LSTM(self.reader.outputs + self.hidden, self.hidden)
        self.estimate = xavier(nn.Linear(self.hidden, self.posterior.num_params(one)))
        self.decoder = LSTM(self.latent, self.hidden)
        self.writer = Writer(canvas, self.hidden, self.window)

    def model(self, x: Tensor | None = None, y: Tensor | None = None, n: int = 1) -> Tensor:
        """p(x, z): observes `x`, or draws `n` rows of it."""
        self.register("decoder", "writer", "prior", "likelihood")
        observed = None
        if x is not None:
            x, observed = self.split(x)
        with pyro.plate("data", n if x is None else len(x)):
            drawing = self.blank()
            for site in self.sites:
                drawing = self.drawn(drawing, pyro.sample(site, self.prior()))
            p = self.likelihood(drawing.canvas)
            return pyro.sample("x", p if observed is None else masked(p, observed), obs=x)

    def guide(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """q(z | x): each code is drawn after a look at x and at what the canvas lacks."""
        self.register("encoder", "estimate", "reader", "posterior")
        x, observed = self.split(x)
        drawing, memory = self.blank(), self.encoder.blank()
        with pyro.plate("data", len(x)):
            for site in self.sites:
                q, memory = self.infer(x, observed, drawing, memory)
                z = pyro.sample(site, q)
                if site != self.sites[-1]:
                    drawing = self.drawn(drawing, z)
            return z

    def blank(self) -> Drawing:
        """The canvas before the first code."""
        return Drawing(self.writer.blank, self.decoder.blank())

    def drawn(self, drawing: Drawing, z: Tensor) -> Drawing:
        """The canvas after one more code."""
        memory = self.decoder(z, drawing.memory)
        return Drawing(drawing.canvas + self.writer(memory.hidden), memory)

    def infer(
        self, x: Tensor, observed: Tensor | None, drawing: Drawing, memory: Memory
    ) -> tuple[Distribution, Memory]:
        """q of the next code given the canvas so far, and what the encoder then remembers."""
        error = x - self.likelihood.mean(drawing.canvas)
        if observed is not None:
            error = torch.where(observed, error, 0.0)
        h = drawing.memory.hidden
        seen = self.reader(x.expand_as(error), error, h)
        memory = self.encoder(torch.cat([seen, h.expand(*seen.shape[:-1], -1)], -1), memory)
        return self.posterior(self.estimate(memory.hidden)), memory

    def split(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Rows in this model's shape with gaps filled, and which cells were observed where some may be missing."""
        x = self.shaped(x)
        return split(x, self.support) if self.missing else (x, None)

    def check(self, x: Tensor) -> None:
        """Refuse rows of another shape, outside the support, or with NaN that was not declared."""
        self.likelihood.check(self.shaped(x), missing=self.missing)

    def prepare(self, x: Tensor) -> None:
        """Let the first canvas stand for the mean of the data; gaps do not count."""
        mean = self.shaped(x).nanmean(0)
        params = self.likelihood.params_at(torch.where(mean.isnan(), mean.nanmean(), mean))
        if params is not None:
            self.writer.blank.data.copy_(params)

    def sample(self, n: int, *, given: Any = None, generator: torch.Generator | None = None) -> Tensor:
        """`n` draws of x; `given={"z": codes}` draws x for those codes, `(n, steps, latent)`."""
        self.check_count(n)
        held = self.refuse_unknown(given)
        if any(len(codes) != n for codes in held.values()):
            raise DataError(f"given 'z' has {len(held['z'])} rows for {n} draws; give one row for each draw")
        codes = {} if not held else dict(zip(self.sites, self._by_step(held["z"])))
        with self.asked(generator):
            return pyro.poutine.condition(self.model, data=codes)(n=n)

    def encode(self, x: Tensor) -> Tensor:
        """Means of q of all codes, each given the means before it, `(batch, steps, latent)`."""
        with self.settled():
            x, observed = self.split(x)
            if observed is None:
                refuse_gaps(x, type(self).__name__)
            drawing, memory, codes = self.blank(), self.encoder.blank(), []
            for _ in self.sites:
                q, memory = self.infer(x, observed, drawing, memory)
                codes.append(mean(q))
                drawing = self.drawn(drawing, codes[-1])
            return torch.stack(codes, -2)

    def decode(self, z: Tensor) -> Tensor:
        """The mean of x given all codes, `(*batch, steps, latent)`."""
        return self.canvases(z)[-1]

    def canvases(self, z: Tensor) -> Tensor:
        """The mean of x that the canvas stands for after each code, `(steps, *batch, *event)`."""
        with self.settled():
            drawing, means = self.blank(), []
            for code in self._by_step(z):
                drawing = self.drawn(drawing, code)
                means.append(self.likelihood.mean(drawing.canvas))
            return torch.stack(means)

    def _by_step(self, z: Tensor) -> tuple[Tensor, ...]:
        if z.shape[-2:] != self.latent_shape:
            raise DataError(f"DRAW takes codes of shape {tuple(self.latent_shape)}, got {tuple(z.shape[-2:])}")
        return z.unbind(-2)


class Reader(nn.Module):
    """What the encoder sees: x and what the canvas lacks, whole or through a window."""

    def __init__(self, event_shape: torch.Size, hidden: int, window: int | None):
        super().__init__()
        self.event_dim = len(event_shape)
        self.aim = None if window is None else Window(window, _grid(event_shape), hidden)
        self.outputs = 2 * (event_shape.numel() if window is None else event_shape[0] * window**2)

    def forward(self, x: Tensor, error: Tensor, h: Tensor) -> Tensor:
        """Two of `(*batch, *event)` -> `(*batch, outputs)`."""
        if self.aim is not None:
            glimpse = self.aim(h)
            x, error = glimpse.read(x), glimpse.read(error)
        return torch.cat([x.flatten(-self.event_dim), error.flatten(-self.event_dim)], -1)


class Writer(nn.Module):
    """The blank canvas, and what the decoder adds to it, whole or through a window."""

    def __init__(self, canvas_shape: torch.Size, hidden: int, window: int | None):
        super().__init__()
        self.aim = None if window is None else Window(window, _grid(canvas_shape), hidden)
        self.shape = canvas_shape if window is None else torch.Size([canvas_shape[0], window, window])
        self.patch = xavier(nn.Linear(hidden, self.shape.numel()))
        self.blank = nn.Parameter(torch.zeros(canvas_shape.numel()))

    def forward(self, h: Tensor) -> Tensor:
        """`(*batch, hidden)` -> `(*batch, num_params)`."""
        patch = self.patch(h)
        if self.aim is None:
            return patch
        return self.aim(h).write(patch.unflatten(-1, self.shape)).flatten(-3)


def _grid(shape: torch.Size) -> torch.Size:
    if len(shape) != 3:
        raise RecipeError(f"a window needs images of shape (channels, height, width), not {tuple(shape)}")
    return shape[1:]
