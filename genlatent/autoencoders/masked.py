"""The masked autoencoder."""

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from genlatent.distributions.base import Likelihood
from genlatent.distributions.missing import refuse_gaps, split
from genlatent.distributions.reconstructions import ReconstructionLoss, SquaredError
from genlatent.distributions.supports import Support
from genlatent.errors import DataError, RecipeError
from genlatent.model import Model
from genlatent.networks.base import Sizes, size, xavier
from genlatent.networks.transformer import Transformer, VisionTransformer, grid, image, patches, positions
from genlatent.networks.wiring import at_rest
from genlatent.numerics.randomness import stream
from genlatent.objectives.masked import MaskedReconstruction


class MaskedAutoencoder(Model):
    r"""Most patches of an image are hidden and rebuilt from the few that are seen.

    .. math:: \min \sum_n \sum_{i \in H_n} \ell\bigl(x_{ni}, g(f(x_{nj} : j \notin H_n))_i\bigr)

    The encoder f, a vision transformer, gets the seen patches alone; the decoder g, a lighter one, gets what f made of
    them and the same learned token in every hidden place, each with its position. H is drawn anew in each step.

    References:
        Masked autoencoders are scalable vision learners (He et al., 2022)

    Args:
        event_shape: `(channels, height, width)` of one image.
        patch: height and width of a patch; both sides of the image are multiples of it.
        hidden: share of the patches that are hidden in training.
        width: values that stand for one patch in the encoder, and of a code.
        layers: blocks of attention of the encoder.
        heads: of each attention, in encoder and decoder.
        decoder_width: values that stand for one patch in the decoder.
        decoder_layers: blocks of attention of the decoder.
        loss: a reconstruction loss, or a likelihood whose negative logarithm is one; squared error.
        missing: whether NaN means a missing value; patches that have one are hidden, and the value is left out of the
            loss. Otherwise NaN is refused in training.

    >>> net = MaskedAutoencoder((1, 8, 8), patch=2)
    >>> x = torch.zeros(3, 1, 8, 8)
    >>> net.encode(x).shape, net.reconstruct(x).shape
    (torch.Size([3, 64]), torch.Size([3, 1, 8, 8]))
    """

    family = "autoencoder"
    rounds: Tensor  # (round, place): which patches each round hides
    places: Tensor  # where patches are, for the decoder

    def __init__(
        self,
        event_shape: Sizes,
        patch: int = 2,
        hidden: float = 0.75,
        width: int = 64,
        layers: int = 3,
        heads: int = 4,
        decoder_width: int = 32,
        decoder_layers: int = 1,
        loss: ReconstructionLoss | Likelihood | None = None,
        missing: bool = False,
    ):
        super().__init__()
        self.event_shape, self.patch, self.hidden, self.missing = (
            size(event_shape, "event_shape"),
            patch,
            hidden,
            missing,
        )
        self.width, self.layers, self.heads = width, layers, heads
        self.decoder_width, self.decoder_layers = decoder_width, decoder_layers
        self.loss = SquaredError() if loss is None else loss
        self.loss.bind(self.event_shape)
        self.encoder = VisionTransformer(patch, width, layers, heads, self.event_shape, width)
        self.decoder = Transformer(decoder_width, decoder_layers, heads)
        self._join()

    def _join(self) -> None:
        self.grid = grid(self.event_shape, self.patch)
        if not 1 <= self.num_seen < self.num_patches:
            raise RecipeError(
                f"hidden = {self.hidden:g} of {self.num_patches} patches leaves {self.num_seen} to be seen; "
                "at least one must be seen and one hidden"
            )
        outputs = self.loss.num_params(self.event_shape)
        if outputs % self.event_shape[1:].numel():
            raise RecipeError(f"{type(self.loss).__name__} takes {outputs} outputs, not as many for each pixel")
        self.narrow = xavier(nn.Linear(self.width, self.decoder_width))
        self.token = nn.Parameter(0.02 * torch.randn(self.decoder_width))
        self.read = nn.Linear(self.decoder_width, outputs // self.num_patches)
        xavier(self.read)
        self.register_buffer("places", positions(*self.grid, self.decoder_width))
        self.register_buffer("rounds", in_turn(self.num_patches, self.num_seen))

    @property
    def support(self) -> Support:
        """Where x lies: what the loss covers."""
        return self.loss.support

    @property
    def latent_shape(self) -> torch.Size:
        """Shape of one code."""
        return torch.Size([self.width])

    @property
    def num_patches(self) -> int:
        """Patches of one image."""
        return math.prod(self.grid)

    @property
    def num_seen(self) -> int:
        """Patches that are seen in training."""
        return self.num_patches - round(self.hidden * self.num_patches)

    def objective(self) -> MaskedReconstruction:
        """The loss of hidden patches."""
        return MaskedReconstruction()

    @torch.no_grad()
    def prepare(self, x: Tensor) -> None:
        """Let patches be embedded with mean 0 and variance 1, and at first be rebuilt as the mean of all patches."""
        self.encoder.standardise(split(self.shaped(x), self.support)[0])
        mean = self.shaped(x).nanmean(0)
        params = self.loss.params_at(torch.where(mean.isnan(), mean.nanmean(), mean))
        if params is not None:
            pixels = params.reshape(1, -1, *self.event_shape[1:])
            self.read.bias.copy_(patches(pixels, self.patch).mean((0, 1)))

    def split(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Rows in this model's shape with gaps filled, and which cells were observed where some may be missing."""
        x = self.shaped(x)
        return split(x, self.support) if self.missing else (x, None)

    def check(self, x: Tensor) -> None:
        """Refuse rows of another shape, outside the support, or with NaN that was not declared."""
        self.loss.check(self.shaped(x), missing=self.missing)

    def rebuilt(
        self, x: Tensor, order: Int[Tensor, "batch place"], observed: Tensor | None = None
    ) -> tuple[Tensor, Bool[Tensor, "batch place"]]:
        """The loss's parameters when the first places of each row's order are seen, and which places are hidden.

        The encoder computes on the seen patches alone; of those, patches with a gap are closed to attention.
        """
        chosen = order[:, : self.num_seen]
        tokens = self.encoder.tokens(x)
        seen = torch.zeros(order.shape, dtype=torch.bool, device=x.device).scatter(1, chosen, True)
        across = chosen[..., None].expand(-1, -1, self.width)
        if observed is None:
            found = self.encoder.transformer(tokens.gather(1, across))
        else:
            whole = self.whole(observed)
            found = self.encoder.transformer(tokens.gather(1, across), whole.gather(1, chosen))
            seen = seen & whole
        return self._decoded(torch.zeros_like(tokens).scatter(1, across, found), seen), ~seen

    def seeing(self, x: Tensor, seen: Bool[Tensor, "batch place"]) -> Tensor:
        """The loss's parameters when each row shows the patches that are `seen`, however many; gaps must be filled."""
        return self._decoded(self.encoder.transformer(self.encoder.tokens(x), seen), seen)

    def _decoded(
        self, h: Float[Tensor, "batch place width"], seen: Bool[Tensor, "batch place"]
    ) -> Float[Tensor, "batch num_params"]:
        tokens = torch.where(seen[..., None], self.narrow(h), self.token) + self.places
        return image(self.read(self.decoder(tokens)), self.grid[0], self.patch).flatten(1)

    def whole(self, observed: Tensor) -> Bool[Tensor, "batch place"]:
        """Which patches have no gap."""
        return patches(observed, self.patch).all(-1)

    def cells(self, places: Bool[Tensor, "batch place"]) -> Tensor:
        """The cells of these patches, `(batch, *event)`."""
        count = self.event_shape.numel() // self.num_patches
        return image(places[..., None].expand(-1, -1, count), self.grid[0], self.patch)

    def rows_of_loss(
        self,
        params: Tensor,
        x: Tensor,
        observed: Tensor | None = None,
        places: Bool[Tensor, "batch place"] | None = None,
    ) -> Float[Tensor, " batch"]:
        """The loss of each row, of the observed cells of these patches where they are named."""
        if places is not None:
            cells = self.cells(places)
            observed = cells if observed is None else observed & cells
        return self.loss.loss(params, x, observed)

    def held_back(self, x: Tensor, observed: Tensor | None = None) -> Float[Tensor, " batch"]:
        """The loss of each row's hidden patches, the mean of the rounds."""
        losses = []
        for hidden in self.rounds:
            seen = self._round(x, hidden, observed)
            losses.append(self.rows_of_loss(self.seeing(x, seen), x, observed, ~seen))
        return torch.stack(losses).mean(0)

    def _round(self, x: Tensor, hidden: Tensor, observed: Tensor | None) -> Bool[Tensor, "batch place"]:
        seen = (~hidden).expand(len(x), -1)
        return seen if observed is None else seen & self.whole(observed)

    def encode(self, x: Tensor) -> Tensor:
        """The mean of what all patches become; of those without a gap, where values may be missing."""
        with at_rest(self):
            x, observed = self.split(x)
            if observed is None:
                refuse_gaps(x, type(self).__name__)
                return self.encoder(x)
            seen = self.whole(observed)
            h = self.encoder.transformer(self.encoder.tokens(x), seen)
            return (h * seen[..., None]).sum(1) / seen.sum(1, keepdim=True).clamp(min=1)

    def encoded(self, x: Tensor) -> Tensor:
        """The same where no value is missing, differentiable."""
        return self.encoder(self.shaped(x))

    def reconstruct(self, x: Tensor, hidden: Tensor | None = None) -> Tensor:
        """Rows with patches rebuilt from the others.

        Args:
            x: the rows.
            hidden: which patches are hidden, `(place)` or `(batch, place)`, row by row of the grid: these are rebuilt,
                the others stay as they are. Unless it is given, all patches are rebuilt, none from itself: they are
                hidden in turn, in rounds that are always the same, and what the rounds give is averaged.
        """
        with at_rest(self):
            filled, observed = self.split(x)
            if observed is None:
                refuse_gaps(filled, type(self).__name__)
            if hidden is None:
                return self._all_rebuilt(filled, observed)
            hidden = self._asked(hidden, len(filled))
            seen = ~hidden if observed is None else ~hidden & self.whole(observed)
            return torch.where(self.cells(seen), filled, self.loss.mean(self.seeing(filled, seen)))

    def _all_rebuilt(self, x: Tensor, observed: Tensor | None) -> Tensor:
        total, times = torch.zeros_like(x), torch.zeros_like(x)
        for hidden in self.rounds:
            seen = self._round(x, hidden, observed)
            cells = self.cells(~seen).to(x)
            total, times = total + cells * self.loss.mean(self.seeing(x, seen)), times + cells
        return total / times

    def _asked(self, hidden: Tensor, rows: int) -> Bool[Tensor, "batch place"]:
        if hidden.shape not in ((self.num_patches,), (rows, self.num_patches)) or hidden.dtype != torch.bool:
            raise DataError(
                f"hidden says yes or no for each of {self.num_patches} patches, or so for each of {rows} rows; "
                f"got {hidden.dtype} of shape {tuple(hidden.shape)}"
            )
        return hidden.expand(rows, -1)

    def impute(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """Rows with every NaN replaced by what the decoder makes of the patches without one; nothing is drawn.

        Values that were observed stay as they are, but the decoder does not see them where their patch has a gap.
        """
        with at_rest(self):
            x = self.shaped(x)
            self.loss.check(x, missing=True)
            filled, observed = split(x, self.support)
            return torch.where(observed, x, self.loss.mean(self.seeing(filled, self.whole(observed))))

    def score(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """Minus the loss of each row's hidden patches, averaged over rounds that are always the same: no likelihood."""
        self.check(x)
        with at_rest(self):
            return -self.held_back(*self.split(x))


def in_turn(num_patches: int, num_seen: int) -> Bool[Tensor, "round place"]:
    """Which patches each round hides: at most `num_seen` are seen in a round, and each patch in exactly one.

    >>> in_turn(16, 4).sum(1), in_turn(16, 4).sum(0).unique()
    (tensor([12, 12, 12, 12]), tensor([3]))
    """
    order = torch.randperm(num_patches, generator=stream(0, name="patches in turn"))
    number = max(2, math.ceil(num_patches / num_seen))
    hidden = torch.ones(number, num_patches, dtype=torch.bool)
    for turn, seen in enumerate(order.tensor_split(number)):
        hidden[turn, seen] = False
    return hidden
