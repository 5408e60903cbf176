"""The likelihood that fits a table, from the supports of its columns."""

from collections.abc import Callable, Sequence

from genlatent.distributions.base import Likelihood
from genlatent.distributions.likelihoods.bernoulli import Bernoulli
from genlatent.distributions.likelihoods.categorical import Categorical
from genlatent.distributions.likelihoods.columns import Columns
from genlatent.distributions.likelihoods.counts import NegativeBinomial
from genlatent.distributions.likelihoods.gaussian import Gaussian
from genlatent.distributions.likelihoods.grey import Beta, ContinuousBernoulli
from genlatent.distributions.supports import Support, names
from genlatent.errors import RecipeError

MATCHING: dict[str, Callable[[], Likelihood]] = {
    "binary": Bernoulli,
    "unit": ContinuousBernoulli,
    "open-unit": Beta,
    "real": lambda: Gaussian("per-output"),
    "count": NegativeBinomial,
}


def matching(support: Support, shape: Sequence[int]) -> Columns:
    """One likelihood for all columns of a kind: normal with a scale of its own for each real cell, and so on.

    Args:
        support: of the rows, one name, or one per column, as a data set has it.
        shape: of one row, which must be flat.

    >>> found = matching(("real", "categorical:3", "binary", "real"), (4,))
    >>> [(type(likelihood).__name__, group) for likelihood, group in zip(found.likelihoods, found.columns)]
    [('Gaussian', (0, 3)), ('Categorical', (1,)), ('Bernoulli', (2,))]
    """
    if len(shape) != 1:
        raise RecipeError(f"columns are those of a table, and rows of shape {tuple(shape)} are none; name a likelihood")
    kinds = names(support)
    kinds = kinds * shape[0] if len(kinds) == 1 else kinds
    groups = {kind: [number for number, other in enumerate(kinds) if other == kind] for kind in dict.fromkeys(kinds)}
    return Columns([_of(kind, group) for kind, group in groups.items()], list(groups.values()))


def _of(kind: str, group: Sequence[int]) -> Likelihood:
    base, _, number = kind.partition(":")
    if base == "categorical" and number:
        return Categorical(max(2, int(number)))
    if kind not in MATCHING:
        hint = "say how many classes, categorical:K" if kind == "categorical" else "name likelihoods and columns"
        raise RecipeError(f"no likelihood of columns is chosen for {kind} (column {group[0]}); {hint}")
    return MATCHING[kind]()
