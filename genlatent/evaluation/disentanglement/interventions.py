"""Scores from groups of rows that share the level of one factor: can the factor be told from the codes alone?"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from genlatent.errors import DataError
from genlatent.evaluation.disentanglement.information import Codes, Factors, check

VOTES = 2000
ROWS = 64  # in a group
IDLE = 0.05  # spread, beside the widest dimension's, below which a dimension is taken to be unused


class Votes(NamedTuple):
    """Right answers among the groups that the rule did not learn from."""

    hits: int
    total: int

    @property
    def share(self) -> float:
        """The score."""
        return self.hits / self.total


def factor_vae_score(codes: Codes, factors: Factors, *, votes: int = VOTES, rows: int = ROWS, seed: int = 0) -> Votes:
    r"""The dimension of least variance in a group that shares factor k, and the factor that it stands for by majority.

    .. math:: j^* = \arg\min_j \mathrm{Var}_{group}[z_j] / \mathrm{Var}[z_j]

    References:
        Disentangling by factorising (Kim and Mnih, 2018)
    """
    check(codes, factors)
    used = codes.std(0) > IDLE * codes.std(0).max()
    if not bool(used.any()):
        raise DataError("the codes never change, so nothing can be told from them")
    z = codes[:, used] / codes[:, used].std(0)
    groups, k = _groups(factors, votes, rows, seed)
    least = z[groups].var(1).argmin(1)
    half = votes // 2
    table = torch.zeros(z.shape[1], factors.shape[1], device=z.device)
    table.index_put_((least[:half], k[:half]), torch.ones((), device=z.device), accumulate=True)
    return Votes(int((table.argmax(1)[least[half:]] == k[half:]).sum()), votes - half)


def beta_vae_score(codes: Codes, factors: Factors, *, votes: int = VOTES, rows: int = ROWS, seed: int = 0) -> Votes:
    r"""Whether a linear classifier tells factor k from the mean distance of pairs that share it.

    .. math:: \frac{1}{L} \sum_l |z^{(1)}_l - z^{(2)}_l|

    References:
        beta-VAE: learning basic visual concepts with a constrained variational framework (Higgins et al., 2017)
    """
    check(codes, factors)
    groups, k = _groups(factors, votes, 2 * rows, seed)
    one, two = codes[groups].chunk(2, dim=1)
    apart, k = (one - two).abs().mean(1).numpy(force=True), k.numpy(force=True)
    half = votes // 2
    rule = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, C=10.0)).fit(apart[:half], k[:half])
    return Votes(int((rule.predict(apart[half:]) == k[half:]).sum()), votes - half)


def _groups(
    factors: Factors, votes: int, rows: int, seed: int
) -> tuple[Int[Tensor, "votes group"], Int[Tensor, " votes"]]:
    """For each vote a factor k, and rows drawn from those that share one of its levels with a row drawn at random."""
    generator = torch.Generator().manual_seed(seed)
    k = torch.randint(factors.shape[1], (votes,), generator=generator)
    anchor = torch.randint(len(factors), (votes,), generator=generator)
    uniform = torch.rand(votes, rows, generator=generator)
    levels = [_Levels.of(v) for v in factors.cpu().T]
    chosen = [levels[which].draw(row, u) for which, row, u in zip(k.tolist(), anchor.tolist(), uniform)]
    return torch.stack(chosen).to(factors.device), k.to(factors.device)


class _Levels(NamedTuple):
    """Rows sorted by the level of one factor, where each level starts there, its rows, and the level of each row."""

    order: Tensor
    start: Tensor
    rows: Tensor
    level: Tensor

    @classmethod
    def of(cls, v: Int[Tensor, " rows"]) -> "_Levels":
        _, level, rows = v.unique(return_inverse=True, return_counts=True)
        return cls(level.argsort(stable=True), rows.cumsum(0) - rows, rows, level)

    def draw(self, row: int, u: Float[Tensor, " group"]) -> Tensor:
        """Rows that share this row's level, one for each uniform number."""
        own = self.level[row]
        return self.order[self.start[own] + (u * self.rows[own]).long()]
