"""How often a model that was told a few labels finds those of held-out rows."""

import math
from typing import Any

import torch
from torch import Tensor

from genlatent.evaluation.likelihood import ROWS_AT_ONCE, Z_95
from genlatent.evaluation.record import Record


def accuracy(model: Any, x: Tensor, y: Tensor) -> Record:
    """Share of labelled rows whose likeliest class is theirs, with Wilson's interval.

    References:
        Probable inference, the law of succession, and statistical inference (Wilson, 1927)
    """
    known = y >= 0
    predicted = torch.cat([model.predict(rows) for rows in x[known].split(ROWS_AT_ONCE)])
    hits, rows = int((predicted == y[known]).sum()), int(known.sum())
    return Record(
        "accuracy",
        hits / rows,
        "likeliest class under q(y|x)",
        interval=wilson(hits, rows),
        rows=rows,
    )


def wilson(hits: int, rows: int) -> tuple[float, float]:
    r"""Where a share lies with 95 % confidence, from `hits` of `rows`.

    .. math:: \frac{k + z^2/2}{n + z^2} \pm \frac{z}{n + z^2} \sqrt{\frac{k (n - k)}{n} + \frac{z^2}{4}}

    >>> [round(side, 3) for side in wilson(90, 100)]
    [0.826, 0.945]
    """
    z2 = Z_95**2
    centre, scale = (hits + z2 / 2) / (rows + z2), Z_95 / (rows + z2)
    half = scale * math.sqrt(hits * (rows - hits) / rows + z2 / 4)
    return max(0.0, centre - half), min(1.0, centre + half)
