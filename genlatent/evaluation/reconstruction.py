"""How well a model gives back what it was shown."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.evaluation.likelihood import ROWS_AT_ONCE, mean_interval
from genlatent.evaluation.record import Record


def squared_errors(model: Any, x: Tensor, y: Tensor | None = None) -> Float[Tensor, " row"]:
    r""":math:`\sum_i (x_i - \hat x_i)^2` of each row, over the cells that are not missing."""
    errors = []
    with torch.no_grad():
        for at, rows in enumerate(x.split(ROWS_AT_ONCE)):
            told = () if y is None else (y.split(ROWS_AT_ONCE)[at],)
            difference = (model.reconstruct(rows, *told) - model.shaped(rows)).flatten(1)
            errors.append(difference.square().nansum(1))
    return torch.cat(errors)


def squared_error(model: Any, x: Tensor, y: Tensor | None = None) -> Record:
    r"""Mean over rows of :math:`\sum_i (x_i - \hat x_i)^2`, over the cells that are not missing."""
    found = mean_interval(squared_errors(model, x, y))
    return Record(
        "reconstruction error",
        found.mean,
        "squared, mean of x given its own code",
        unit="squared units",
        interval=found.sides,
        rows=len(x),
        reason="no likelihood" if model.family == "autoencoder" else "",
    )
