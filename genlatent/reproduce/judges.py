"""The judges that a reproduction can name."""

import inspect
from collections.abc import Callable

from genlatent.errors import RecipeError
from genlatent.recipes.schema import Named
from genlatent.registry import nearest
from genlatent.reproduce.disentangled import Disentangled
from genlatent.reproduce.measured import Judge
from genlatent.reproduce.mistaken import Mistaken
from genlatent.reproduce.probed import Probed
from genlatent.reproduce.recognised import Recognised
from genlatent.reproduce.scored import Scored
from genlatent.reproduce.two_sided import TwoSided
from genlatent.reproduce.weighted import Weighted

JUDGES: dict[str, Callable[..., Judge]] = {
    "two-sided": TwoSided,
    "importance": Weighted,
    "error": Mistaken,
    "linear-probe": Probed,
    "score": Scored,
    "disentanglement": Disentangled,
    "recognition": Recognised,
}


def judge_of(entry: Named, where: str = "judge") -> Judge:
    """The judge that an entry names, with the options that it gives.

    >>> judge_of(Named(name="two-sided", runs=10)).runs
    10
    """
    if entry.name not in JUDGES:
        raise RecipeError(f"{where}: no judge is called {entry.name!r}; {nearest(entry.name, list(JUDGES))}")
    made = JUDGES[entry.name]
    known = list(inspect.signature(made).parameters)
    for key in entry.options:
        if key not in known:
            raise RecipeError(f"{where}: the judge {entry.name!r} takes no {key!r}; {nearest(key, known)}")
    return made(**entry.options)
