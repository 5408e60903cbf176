"""The vector-quantised variational autoencoder."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from genlatent.distributions.adapters import check_likelihood
from genlatent.distributions.base import Likelihood
from genlatent.distributions.likelihoods import Bernoulli
from genlatent.distributions.missing import refuse_gaps, split
from genlatent.distributions.supports import Support
from genlatent.errors import DataError, Unsupported
from genlatent.model import Model
from genlatent.networks.autoregressive import CausalTransformer
from genlatent.networks.base import Sizes, size
from genlatent.networks.mlp import MLP
from genlatent.networks.wiring import Joint, at_rest, image_like, start_from_mean
from genlatent.numerics.randomness import drawing_from
from genlatent.objectives.quantisation import VectorQuantisation, bits


class VQVAE(Model):
    r"""A map of code numbers k, a codebook that turns each into a vector, and a decoder that turns those into x.

    .. math:: p(x, k) = \prod_i p(k_i \mid k_1, \ldots, k_{i-1}) \; p(x \mid g(e_{k_1}, \ldots, e_{k_M})), \qquad
              k_i(x) = \arg\min_j \lVert f_i(x) - e_j \rVert

    with codebook e, decoder g and encoder f, trained by :class:`VectorQuantisation`; the autoregressive prior of the
    codes learns beside them.

    It is no pair of Pyro programs: the encoder names one code map without chance, and the codebook moves without a
    gradient, so there is no guide to give to `pyro.infer`.

    References:
        Neural discrete representation learning (van den Oord, Vinyals and Kavukcuoglu, 2017)

    Args:
        event_shape: shape of one x.
        codes: number of codes for one x, or the shape of their map.
        codebook: number of entries.
        embedding: number of values in each entry.
        likelihood: p(x | params), `Bernoulli` unless told otherwise.
        encoder: a network or any module from x to `(embedding, *codes)`.
        decoder: a network or any module from `(embedding, *codes)` to the likelihood's parameters.
        code_prior: logits of each code given those before it: a `CausalTransformer`, or any module from whole numbers
            `(batch, M)` to `(batch, M, codebook)`.
        missing: whether NaN means a missing value, left out of the likelihood; otherwise NaN is refused.

    >>> vq = VQVAE((1, 8, 8), codes=(2, 2), codebook=16)
    >>> vq.encode(torch.zeros(3, 1, 8, 8)).shape, vq.sample(3).shape
    (torch.Size([3, 2, 2]), torch.Size([3, 1, 8, 8]))
    """

    family = "latent"
    conditions = ("z",)
    counts: Tensor  # N, how often each entry was chosen, a moving average
    sums: Tensor  # m, of the vectors that chose it

    def __init__(
        self,
        event_shape: Sizes,
        codes: Sizes = 8,
        codebook: int = 64,
        embedding: int = 16,
        likelihood: Likelihood | None = None,
        encoder: nn.Module | None = None,
        decoder: nn.Module | None = None,
        code_prior: nn.Module | None = None,
        missing: bool = False,
    ):
        super().__init__()
        if min(codebook, embedding) < 1:
            raise ValueError(f"codebook and embedding must be at least 1, got {codebook} and {embedding}")
        self.event_shape, self.missing = size(event_shape, "event_shape"), missing
        self.codes = codes if isinstance(codes, int) else tuple(codes)
        self.codebook, self.embedding = codebook, embedding
        self.likelihood = Bernoulli() if likelihood is None else likelihood
        self.encoder = MLP() if encoder is None else encoder
        self.decoder = MLP() if decoder is None else decoder
        self.code_prior = CausalTransformer() if code_prior is None else code_prior
        self.register_buffer("counts", torch.ones(codebook))
        self.register_buffer("sums", torch.randn(codebook, embedding))
        self._connect()

    @property
    def code_shape(self) -> torch.Size:
        """Shape of the map of code numbers of one x."""
        return size(self.codes, "codes")

    @property
    def support(self) -> Support:
        """Where x lies: what the likelihood covers."""
        return self.likelihood.support

    @property
    def entries(self) -> Tensor:
        """The codebook e, `(codebook, embedding)`."""
        return self.sums / self.counts.clamp(min=1e-6)[:, None]

    def _connect(self) -> None:
        self.likelihood.bind(self.event_shape)
        check_likelihood(self.likelihood)
        grid = torch.Size([self.embedding, *self.code_shape])
        self._encoding = Joint("encoder", self.event_shape, grid, f"a map of {tuple(self.code_shape)} codes")
        outputs = image_like(self.event_shape, self.likelihood.num_params(self.event_shape))
        taker = f"the {type(self.likelihood).__name__} of rows of shape {tuple(self.event_shape)}"
        self._decoding = Joint("decoder", grid, outputs, taker)
        self._encoding.connect(self.encoder)
        self._decoding.connect(self.decoder)
        length = self.code_shape.numel()
        if isinstance(self.code_prior, CausalTransformer):
            self.code_prior.bind(length, (length, self.codebook))

    def objective(self) -> VectorQuantisation:
        """Reconstruction, commitment and the prior's likelihood."""
        return VectorQuantisation()

    def prepare(self, x: Tensor) -> None:
        """Let the decoder start from the mean of the data and the codebook from vectors of the encoder."""
        start_from_mean(self.decoder, self.shaped(x), self.likelihood)
        places = self.code_shape.numel()
        chosen = torch.randint(len(x) * places, (self.codebook,), device=x.device)
        vectors = self.vectors(self.split(x[chosen // places])[0]).flatten(1, -2)
        self.counts.fill_(1.0)
        self.sums.copy_(vectors[torch.arange(self.codebook, device=x.device), chosen % places])

    def split(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Rows in this model's shape with gaps filled, and which cells were observed where some may be missing."""
        x = self.shaped(x)
        return split(x, self.support) if self.missing else (x, None)

    def vectors(self, x: Tensor) -> Tensor:
        """What the encoder says before it is quantised, `(batch, *codes, embedding)`; gaps must be filled."""
        return self._encoding.run(self.encoder, x).unflatten(-1, self._encoding.outputs).movedim(1, -1)

    def nearest(self, vectors: Tensor) -> Tensor:
        """The number of the entry nearest to each vector, `(*batch, embedding)` -> `(*batch)`."""
        e = self.entries
        return (e.square().sum(1) - 2 * vectors.detach() @ e.T).argmin(-1)

    def look_up(self, codes: Tensor) -> Tensor:
        """The entries with these numbers, `(*batch)` -> `(*batch, embedding)`."""
        return self.entries[codes]

    def params(self, chosen: Tensor) -> Tensor:
        """The likelihood's parameters for entries `(batch, *codes, embedding)`."""
        return self._decoding.run(self.decoder, chosen.movedim(-1, 1))

    def log_prior(self, codes: Tensor) -> Tensor:
        r""":math:`\log p(k)` of code maps `(batch, *codes)`, one for each row."""
        flat = codes.flatten(1)
        log_p = self.code_prior(flat).log_softmax(-1)
        return log_p.gather(-1, flat[..., None]).squeeze(-1).sum(-1)

    def check(self, x: Tensor) -> None:
        """Refuse rows of another shape, outside the support, or with NaN that was not declared."""
        self.likelihood.check(self.shaped(x), missing=self.missing)

    def encode(self, x: Tensor) -> Tensor:
        """The code numbers of each row, int64 `(batch, *codes)`."""
        with at_rest(self):
            x, observed = self.split(x)
            if observed is None:
                refuse_gaps(x, type(self).__name__)
            return self.nearest(self.vectors(x))

    def decode(self, z: Tensor) -> Tensor:
        """The mean of x given code numbers `(batch, *codes)`."""
        with at_rest(self):
            return self.likelihood.mean(self.params(self.look_up(self._numbers(z))))

    def sample_codes(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """`n` code maps drawn from the prior, one code after another."""
        with at_rest(self), drawing_from(generator):
            length = self.code_shape.numel()
            flat = torch.zeros(n, length, dtype=torch.int64, device=self.sums.device)
            for i in range(length):
                p = self.code_prior(flat)[:, i].softmax(-1)
                flat[:, i] = torch.multinomial(p, 1).squeeze(-1)
            return flat.unflatten(-1, self.code_shape)

    def sample(
        self, n: int, *, given: Mapping[str, Any] | None = None, generator: torch.Generator | None = None
    ) -> Tensor:
        """`n` draws of x; `given={"z": code numbers}` draws x for those codes, one for each row."""
        self.check_count(n)
        held = self.refuse_unknown(given)
        codes = self._numbers(held["z"]) if held else self.sample_codes(n, generator=generator)
        if len(codes) != n:
            raise DataError(f"given 'z' has {len(codes)} rows for {n} draws; give one row for each draw")
        with at_rest(self), drawing_from(generator):
            drawn: Any = self.likelihood(self.params(self.look_up(codes)))
            return drawn.sample()

    def impute(self, x: Tensor, *, generator: torch.Generator | None = None, rounds: int = 5) -> Tensor:
        """Rows with every NaN replaced by the mean of x given the row's codes; observed values stay untouched.

        The codes are those of the row as filled so far, looked up anew in every round: a point estimate.
        """
        with at_rest(self):
            x = self.shaped(x)
            self.likelihood.check(x, missing=True)
            filled, observed = split(x, self.support)
            for _ in range(rounds):
                mean = self.likelihood.mean(self.params(self.look_up(self.nearest(self.vectors(filled)))))
                filled = torch.where(observed, x, mean)
            return filled

    def score(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        r""":math:`\log p(x, k(x))` of each row, in nats: a lower bound on :math:`\log p(x)`.

        It is one term of the sum over all code maps, :math:`\log \sum_k p(k) \, p(x \mid k)`; nothing is drawn.
        """
        self.check(x)
        with at_rest(self):
            x, observed = self.split(x)
            codes = self.nearest(self.vectors(x))
            params = self.params(self.look_up(codes))
            return self.log_prior(codes) - self.likelihood.loss(params, x, observed)

    def bits_per_dimension(self, x: Tensor) -> Tensor:
        r"""Upper bound on the bits that each value of a row costs, :math:`-\log_2 p(x, k(x)) / D`.

        Bits of a code length where x is discrete; where the likelihood is a density, of a density.
        """
        return bits(-self.score(x), self.event_shape.numel())

    def model(self, *args: Any, **kwargs: Any) -> Tensor:
        """Refused: there is no pair of Pyro programs."""
        raise Unsupported(
            "a VQVAE is no model/guide pair: its codes are chosen without chance, so that ELBO and IWAE have "
            "nothing to weigh; train it by its own objective, or use a VAE"
        )

    guide = model

    def _numbers(self, z: Tensor) -> Tensor:
        if z.shape[1:] != self.code_shape:
            raise DataError(f"VQVAE takes code maps of shape {tuple(self.code_shape)}, got {tuple(z.shape[1:])}")
        if z.is_floating_point():
            z = z.long()
        if bool(((z < 0) | (z >= self.codebook)).any()):
            raise DataError(f"code numbers lie between 0 and {self.codebook - 1}, got {int(z.min())} to {int(z.max())}")
        return z
