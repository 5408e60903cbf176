r"""Importance weights of many rows and draws: in blocks of one size that fit the cache, by one graph.

A block holds R rows and K draws of each; the encoder sees its rows once, the decoder all of its R K codes. Whatever the
numbers of rows and draws, there is one shape only, so that one graph is traced, or compiled, for all of them; what
stands over at the ends is drawn and left out.
"""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from jaxtyping import Float64
from torch import Tensor, nn

from genlatent.errors import RecipeError
from genlatent.evaluation.prepared import prepared
from genlatent.latent.base import LatentModel
from genlatent.numerics.logspace import log_mean_exp

ROWS_AT_ONCE = 256  # rows whose weights are handed on together
NUMBERS = 400_000  # values of x that a block decodes to on a CPU: about what its cache holds
ELSEWHERE = 50_000_000  # and on an accelerator, which wants to be filled
FEWEST_PAIRS, MOST_PAIRS = 64, 4096  # rows times draws of a block on a CPU
MOST_DRAWS = 64  # of a row in one block, beyond which the encoder costs nothing any more


class Plan(NamedTuple):
    """Rows and draws of one block, and how many blocks make up the draws of a row."""

    rows: int
    draws: int
    rounds: int


def plan(rows: int, samples: int, numbers: int, device: str = "cpu") -> Plan:
    """How the weights of so many rows, `numbers` values each, are divided.

    >>> plan(10_000, 1000, 784), plan(5, 3, 64)
    (Plan(rows=8, draws=63, rounds=16), Plan(rows=5, draws=3, rounds=1))
    """
    pairs = min(max(NUMBERS // numbers, FEWEST_PAIRS), MOST_PAIRS) if device == "cpu" else max(ELSEWHERE // numbers, 1)
    most = MOST_DRAWS if device == "cpu" else max(pairs // 64, 1)
    rounds = math.ceil(samples / most)
    draws = math.ceil(samples / rounds)
    return Plan(max(1, min(rows, pairs // draws, ROWS_AT_ONCE)), draws, rounds)


def log_weights(
    model: Any,
    x: Tensor,
    samples: int,
    *,
    generator: torch.Generator | None = None,
    y: Tensor | None = None,
    mode: str = "auto",
    matmul: str = "auto",
) -> Iterator[Float64[Tensor, "draw row"]]:
    r""":math:`\log p(x, z_k) - \log q(z_k \mid x)` of all draws, for up to 256 rows at a time.

    Args:
        model: with `log_weights`; a latent model goes by a graph.
        x: rows.
        samples: draws of each row.
        generator: the random stream; torch's default one otherwise.
        y: labels or conditions beside the rows.
        mode: `eager`, `traced`, `compiled`, or `auto`, which goes by the amount of work.
        matmul: route of float32 products, as in training.
    """
    if samples < 1:
        raise RecipeError(f"samples must be at least 1, got {samples}")
    if not isinstance(model, LatentModel):
        yield from _by_the_model(model, x, samples, generator, y)
        return
    blocks = Blocks(model, x, samples, y=y, mode=mode, matmul=matmul)
    size = max(ROWS_AT_ONCE // blocks.size.rows, 1) * blocks.size.rows
    for at, rows in enumerate(blocks.x.split(size)):
        yield blocks(rows, generator, None if blocks.y is None else blocks.y[at * size : (at + 1) * size])


def score(
    model: Any, x: Tensor, samples: int = 1000, *, generator: torch.Generator | None = None, y: Tensor | None = None
) -> Float64[Tensor, " row"]:
    r"""Importance estimate of :math:`\log p(x)` of each row: what `model.score` gives, for many rows in bounded memory.

    >>> from genlatent import VAE
    >>> score(VAE(4, latent=2), torch.zeros(3, 4), samples=10).shape
    torch.Size([3])
    """
    return torch.cat([log_mean_exp(w) for w in log_weights(model, x, samples, generator=generator, y=y)])


class Blocks:
    """The weights of a latent model by one graph, made once and asked for as often as wanted.

    Args:
        model: a latent model.
        x: rows as many as will be asked about, on which the size of a block depends.
        y: labels or conditions beside them.
        samples, mode, matmul: as in :func:`log_weights`.
    """

    def __init__(self, model: Any, x: Tensor, samples: int, *, y: Any = None, mode: str = "auto", matmul: str = "auto"):
        model.check(x)
        self.model, self.x, self.y, self.samples = model, model.shaped(x), model.under(x, y), samples
        self.size = plan(len(x), samples, model.event_shape.numel(), x.device.type)
        work = {"rows": self.size.rows * self.size.draws, "calls": -(-len(x) // self.size.rows) * self.size.rounds}
        like = [part[: self.size.rows] for part in (self.x, self.y) if part is not None]
        self._run = prepared(_Weights(model, self.size.draws), model, like, **work, mode=mode, matmul=matmul)

    def __call__(
        self, rows: Tensor, generator: torch.Generator | None = None, y: Tensor | None = None
    ) -> Float64[Tensor, "draw row"]:
        """All draws of some rows, under the conditions `y` that were made ready by the model."""
        size = self.size.rows
        with self.model.asked(generator):
            parts = [(part, None if y is None else y[at * size :][:size]) for at, part in enumerate(rows.split(size))]
            found = torch.cat([self._rounds(*part) for part in parts], 1)
        return found[: self.samples]

    def _rounds(self, rows: Tensor, y: Tensor | None) -> Tensor:
        """The last row stands in for those that are wanting."""
        whole = [_filled(part, self.size.rows) for part in (rows, y) if part is not None]
        return torch.cat([self._run(*whole)[0] for _ in range(self.size.rounds)])[:, : len(rows)]


def _filled(rows: Tensor, size: int) -> Tensor:
    short = size - len(rows)
    return torch.cat([rows, rows[-1:].expand(short, *rows.shape[1:])]) if short else rows


def _by_the_model(
    model: Any, x: Tensor, samples: int, generator: torch.Generator | None, y: Tensor | None
) -> Iterator[Tensor]:
    for at, rows in enumerate(x.split(ROWS_AT_ONCE)):
        told = {} if y is None else {"y": y.split(ROWS_AT_ONCE)[at]}
        yield model.log_weights(rows, samples, generator, **told).double()


class _Weights(nn.Module):
    """The weights of one block, `(draw, row)`, by the model's own formula without checks, which read values."""

    def __init__(self, model: Any, draws: int):
        super().__init__()
        self.model, self.draws = model, draws

    def forward(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor]:
        return (self.model._log_weights(x, y, self.draws),)
