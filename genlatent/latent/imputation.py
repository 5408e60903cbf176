r"""What is missing from a row, from what is there.

The encoder guesses a code from the observed cells; importance weights put the guess right, so that averages and draws
tend to those of :math:`p(x_\text{missing} \mid x_\text{observed})` as the number of codes grows, however rough the
encoder is.

References:
    MIWAE: deep generative modelling and imputation of incomplete data sets (Mattei and Frellsen, 2019)
"""

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from genlatent.distributions.averages import averaged
from genlatent.errors import RecipeError
from genlatent.objectives.pyro_terms import terms


def mean(model: Any, x: Tensor, y: Tensor | None, num_samples: int, at_once: int) -> Tensor:
    r"""Missing cells at :math:`\sum_k w_k \, \mathbb{E}[x \mid z_k]` with
    :math:`w_k \propto p(x_\text{observed}, z_k) / q(z_k \mid x_\text{observed})`; observed cells as they are.
    """
    filled = []
    for rows, weights, distribution in _explained(model, x, y, num_samples, at_once):
        guess = averaged(distribution, weights.to(rows.dtype)).reshape(rows.shape).to(rows.dtype)
        filled.append(_into_gaps(rows, guess))
    return torch.cat(filled)


def draws(model: Any, x: Tensor, y: Tensor | None, num_draws: int, num_samples: int, at_once: int) -> Tensor:
    """`num_draws` fillings of each row: a code drawn by its weight, and missing cells drawn given that code."""
    filled = []
    for rows, weights, distribution in _explained(model, x, y, num_samples, at_once):
        chosen = torch.multinomial(weights.T.float(), num_draws, replacement=True).T
        number = torch.arange(len(rows), device=rows.device)
        found = [distribution.sample().reshape(num_samples, *rows.shape)[index, number] for index in chosen]
        filled.append(_into_gaps(rows, torch.stack(found).to(rows.dtype)))
    return torch.cat(filled, 1)


def _explained(
    model: Any, x: Tensor, y: Tensor | None, num_samples: int, at_once: int
) -> Iterator[tuple[Tensor, Tensor, Any]]:
    """Rows, the weights `(code, row)` of codes that explain what is observed of them, and p(x | z) of each code."""
    if num_samples < 2:
        raise ValueError(f"num_samples must be at least 2, got {num_samples}")
    gappy = copy.copy(model)  # the same parts, told that NaN means missing
    gappy.missing = True
    x = gappy.shaped(x)
    gappy.check(x)
    count = max(1, at_once // num_samples)
    for start in range(0, len(x), count):
        rows = x[start : start + count]
        t = terms(gappy, rows, None if y is None else y[start : start + count], particles=num_samples)
        if "x" not in t.model.nodes:
            raise RecipeError(f"{type(model).__name__} has no site 'x' whose cells could be filled")
        weights = t.log_weights().expand(num_samples, len(rows)).softmax(0)
        yield rows, weights, t.model.nodes["x"]["fn"]


def _into_gaps(rows: Tensor, found: Tensor) -> Tensor:
    return torch.where(rows.isnan(), found, rows)
