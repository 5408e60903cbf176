"""The vision transformer: an image as a set of patches that look at each other."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from genlatent.errors import RecipeError
from genlatent.networks.base import Network, Sizes, xavier

CLOSED = -1e9  # added before a softmax: weight 0 exactly, and even weights, no NaN, where every place is closed


class Block(nn.Module):
    """Attention between places, then two layers for each place; both are added to what came in."""

    def __init__(self, width: int, heads: int, dropout: float = 0.0):
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_layers = nn.LayerNorm(width), nn.LayerNorm(width)
        self.questions, self.answer = xavier(nn.Linear(width, 3 * width)), xavier(nn.Linear(width, width))
        self.layers = nn.Sequential(xavier(nn.Linear(width, 4 * width)), nn.GELU(), xavier(nn.Linear(4 * width, width)))
        self.dropout = nn.Dropout(dropout)

    def forward(self, h: Tensor, closed: Tensor | None = None) -> Tensor:
        """`(batch, length, width)` -> the same shape; `closed` says which places nobody, or which row, looks at."""
        h = h + self.dropout(self.attend(self.before_attention(h), closed))
        return h + self.dropout(self.layers(self.before_layers(h)))

    def attend(self, h: Tensor, closed: Tensor | None = None) -> Tensor:
        r""":math:`\mathrm{softmax}(Q K^\top / \sqrt{d} + M) V` in each head; M closes places, those of `closed`."""
        query, key, value = self._by_head(h)
        match = query @ key.mT / query.shape[-1] ** 0.5
        if closed is not None:
            match = match.masked_fill(closed, CLOSED)
        return self.answer((match.softmax(-1) @ value).transpose(1, 2).flatten(2))

    def _by_head(self, h: Tensor) -> tuple[Tensor, ...]:
        parts = self.questions(h).chunk(3, -1)
        return tuple(part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)


class Transformer(nn.Module):
    """Blocks of attention between all places, and a last normalisation."""

    def __init__(self, width: int, layers: int, heads: int):
        super().__init__()
        if min(width, layers, heads) < 1 or width % heads or width % 4:
            raise RecipeError(
                f"a transformer needs a width that is a multiple of 4 and of its heads, and at least one layer; "
                f"got width {width}, heads {heads}, layers {layers}"
            )
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.last = nn.LayerNorm(width)

    def forward(
        self, h: Float[Tensor, "batch place width"], seen: Bool[Tensor, "batch place"] | None = None
    ) -> Float[Tensor, "batch place width"]:
        """What each place makes of the places that are seen, all of them unless told."""
        closed = None if seen is None else ~seen[:, None, None, :]
        for block in self.blocks:
            h = block(h, closed)
        return self.last(h)


class VisionTransformer(Network):
    r"""An image cut into square patches; the features are the mean of what the patches become.

    .. math:: h_i = W x_i + b + p_i, \qquad f(x) = \frac{1}{N} \sum_i \mathrm{Transformer}(h_1, \ldots, h_N)_i

    with fixed positions :math:`p_i` (:func:`positions`).

    References:
        An image is worth 16x16 words (Dosovitskiy et al., 2021)

    Args:
        patch: height and width of a patch; both sides of the image are multiples of it.
        width: values that stand for one patch, and features.
        layers: blocks of attention.
        heads: of each attention; they share the width.
        inputs: shape of one image; the model sets it.
        outputs: the width; the model sets it.

    >>> VisionTransformer(patch=2, width=32, inputs=(1, 8, 8), outputs=32)(torch.zeros(5, 1, 8, 8)).shape
    torch.Size([5, 32])
    """

    embed: nn.Linear
    places: Tensor

    def __init__(
        self,
        patch: int = 2,
        width: int = 64,
        layers: int = 3,
        heads: int = 4,
        inputs: Sizes | None = None,
        outputs: Sizes | None = None,
    ):
        super().__init__()
        if patch < 1:
            raise RecipeError(f"patch must be at least 1, got {patch}")
        self.patch, self.width, self.layers, self.heads = patch, width, layers, heads
        self.transformer = Transformer(width, layers, heads)
        self.start(inputs, outputs)

    def fits(self, own: torch.Size, wanted: torch.Size) -> bool:
        """Features may have any shape."""
        return own == wanted or (len(own) == 1 and own.numel() == wanted.numel())

    def make(self, inputs: torch.Size, outputs: torch.Size) -> None:
        """The embedding of patches and their positions."""
        rows, columns = grid(inputs, self.patch)
        if outputs.numel() != self.width:
            raise RecipeError(
                f"VisionTransformer of width {self.width} gives {self.width} outputs, not {outputs.numel()}"
            )
        self.embed = nn.Linear(inputs[0] * self.patch**2, self.width)
        xavier(self.embed)
        self.register_buffer("places", positions(rows, columns, self.width))

    @torch.no_grad()
    def standardise(self, x: Float[Tensor, "batch channel height width"]) -> None:
        """Let the patches of these images be embedded with mean 0 and variance 1, comparable with their positions.

        What patches say is otherwise drowned by where they are, and is found late in training.
        """
        found = patches(x, self.patch) @ self.embed.weight.T
        scale = (found - found.mean((0, 1))).square().mean().sqrt().clamp(min=1e-6)
        self.embed.weight.div_(scale)
        self.embed.bias.copy_(-found.mean((0, 1)) / scale)

    def tokens(self, x: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch place token"]:
        """The patches before they look at each other, each at its place."""
        return self.embed(patches(x, self.patch)) + self.places

    def forward(self, x: Tensor) -> Tensor:
        """`(*batch, channels, height, width)` -> `(*batch, *outputs)`."""
        inputs, outputs = self.bound()
        features = self.transformer(self.tokens(x.reshape(-1, *inputs))).mean(1)
        return features.reshape(*x.shape[:-3], *outputs)


def grid(image: torch.Size, patch: int) -> tuple[int, int]:
    """Rows and columns of patches, or one sentence about why there are none.

    >>> grid(torch.Size([1, 8, 6]), 2)
    (4, 3)
    """
    if len(image) != 3:
        raise RecipeError(f"patches are cut from images of shape (channels, height, width), not {tuple(image)}")
    if image[1] % patch or image[2] % patch:
        raise RecipeError(
            f"images of {image[1]}x{image[2]} cannot be cut into patches of {patch}x{patch}; change patch"
        )
    return image[1] // patch, image[2] // patch


def patches(x: Tensor, patch: int) -> Tensor:
    """`(batch, channels, height, width)` -> `(batch, rows * columns, channels * patch * patch)`.

    >>> patches(torch.arange(16.0).reshape(1, 1, 4, 4), 2)[0, 1]
    tensor([2., 3., 6., 7.])
    """
    cut = x.unflatten(3, (-1, patch)).unflatten(2, (-1, patch))  # batch, channel, row, in row, column, in column
    return cut.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)


def image(cut: Tensor, rows: int, patch: int) -> Tensor:
    """The way back from :func:`patches`, for a grid of so many rows.

    >>> x = torch.rand(2, 3, 4, 6)
    >>> torch.equal(image(patches(x, 2), rows=2, patch=2), x)
    True
    """
    boxes = cut.unflatten(1, (rows, -1)).unflatten(3, (-1, patch, patch))
    return boxes.permute(0, 3, 1, 4, 2, 5).flatten(4).flatten(2, 3)


def positions(rows: int, columns: int, width: int) -> Float[Tensor, "place width"]:
    r"""Sines and cosines of a patch's row, then of its column; wavelengths from :math:`\pi` to four sides of the grid.

    .. math:: \sin(r \omega_j), \cos(r \omega_j), \sin(c \omega_j), \cos(c \omega_j), \qquad
              \omega_j = 2 \Bigl(\frac{\pi}{4 S}\Bigr)^{j / J}, \quad j = 0, \ldots, J, \quad J = \text{width} / 4 - 1

    with S the larger of rows and columns. Longer waves, which sentences need, would be constants on a small grid.

    >>> positions(2, 3, 8)[0]
    tensor([0., 0., 1., 1., 0., 0., 1., 1.])
    """
    slowest = torch.pi / (4 * max(rows, columns))
    omega = 2 * slowest ** torch.linspace(0, 1, width // 4)
    r, c = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    across, down = c.reshape(-1, 1) * omega, r.reshape(-1, 1) * omega
    return torch.cat((down.sin(), down.cos(), across.sin(), across.cos()), 1)
