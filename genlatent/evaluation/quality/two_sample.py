"""Can a classifier tell samples from data?"""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from genlatent.errors import RecipeError
from genlatent.evaluation.disentanglement.interventions import Votes
from genlatent.evaluation.quality.discrepancy import Rows, check

RULES = ("linear", "neighbours", "network")


def told_apart(data: Rows, samples: Rows, rule: str = "network", *, seed: int = 0) -> Votes:
    """Right answers about rows that the classifier did not learn from; half of them right is the best for samples.

    The larger set is cut to the size of the smaller, so that guessing gives one half.

    Args:
        data: rows of data, held out from the model's training.
        samples: the model's.
        rule: `linear`, `neighbours` or `network`.
        seed: of the split and the network.

    References:
        Revisiting classifier two-sample tests (Lopez-Paz and Oquab, 2017)
    """
    check(data, samples, fewest=4)
    if rule not in RULES:
        raise RecipeError(f"rule must be one of {', '.join(RULES)}, got {rule!r}")
    size = min(len(data), len(samples))
    random = np.random.default_rng(seed)
    x, y = (rows.numpy(force=True)[random.permutation(len(rows))[:size]] for rows in (data, samples))
    half = size // 2
    learn, what = np.concatenate((x[:half], y[:half])), np.repeat([0, 1], half)
    judge, truth = np.concatenate((x[half:], y[half:])), np.repeat([0, 1], size - half)
    found = _rule(rule, seed).fit(learn, what)
    return Votes(int((found.predict(judge) == truth).sum()), len(truth))


def _rule(name: str, seed: int):
    kinds = {
        "linear": lambda: LogisticRegression(max_iter=1000),
        "neighbours": lambda: KNeighborsClassifier(5),
        "network": lambda: MLPClassifier((64,), alpha=1e-2, tol=1e-3, max_iter=1000, random_state=seed),
    }
    return make_pipeline(StandardScaler(), kinds[name]())
