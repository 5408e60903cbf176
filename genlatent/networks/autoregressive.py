"""A transformer that looks back only: logits of every class at every place, given the places before it."""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from genlatent.errors import RecipeError
from genlatent.networks.base import Network, Sizes
from genlatent.networks.transformer import Block


class CausalBlock(Block):
    """Attention to the places up to one's own, then two layers for each place; both are added to what came in."""

    def attend(self, h: Tensor, closed: Tensor | None = None) -> Tensor:
        """Attention with later places closed, whichever others are."""
        length = h.shape[1]
        later = torch.ones(length, length, dtype=torch.bool, device=h.device).triu(1)
        return super().attend(h, later if closed is None else closed | later)


class CausalTransformer(Network):
    r"""Logits of :math:`p(k_i \mid k_1, \ldots, k_{i-1})` for a sequence of class numbers.

    References:
        Attention is all you need (Vaswani et al., 2017)

    Args:
        width: values that stand for one place.
        layers: blocks of attention.
        heads: of each attention; they share the width.
        dropout: share of what a block adds that is left out, in training.
        inputs: length of the sequence; the model sets it.
        outputs: `(length, classes)`; the model sets it.

    >>> CausalTransformer(16, inputs=6, outputs=(6, 10))(torch.zeros(2, 6, dtype=torch.int64)).shape
    torch.Size([2, 6, 10])
    """

    def __init__(
        self,
        width: int = 64,
        layers: int = 2,
        heads: int = 4,
        dropout: float = 0.1,
        inputs: Sizes | None = None,
        outputs: Sizes | None = None,
    ):
        super().__init__()
        if min(width, layers, heads) < 1 or width % heads:
            raise ValueError(f"width must be a multiple of heads, got {width} and {heads}; layers at least 1: {layers}")
        self.width, self.layers, self.heads, self.dropout = width, layers, heads, dropout
        self.start(inputs, outputs)

    def make(self, inputs: torch.Size, outputs: torch.Size) -> None:
        """Embeddings of classes and places, blocks, and the layer that reads logits off."""
        if len(outputs) != 2 or outputs[0] != inputs.numel():
            raise RecipeError(f"CausalTransformer gives (length, classes), not {tuple(outputs)} for {tuple(inputs)}")
        length, classes = outputs
        self.classes = nn.Embedding(classes, self.width)
        self.places = nn.Parameter(torch.randn(length, self.width) * 0.02)
        nn.init.normal_(self.classes.weight, std=0.02 * self.width**0.5)
        self.blocks = nn.Sequential(*(CausalBlock(self.width, self.heads, self.dropout) for _ in range(self.layers)))
        self.last = nn.LayerNorm(self.width)
        self.read = nn.Linear(self.width, classes)
        nn.init.zeros_(self.read.weight)
        nn.init.zeros_(self.read.bias)

    def output_layer(self) -> nn.Module:
        """The layer that reads logits off."""
        return self.read

    def forward(self, codes: Tensor) -> Tensor:
        """`(batch, length)` of whole numbers -> `(batch, length, classes)`; the i-th logits do not see code i."""
        before = pad(self.classes(codes[:, :-1]), (0, 0, 1, 0))
        return self.read(self.last(self.blocks(before + self.places)))
