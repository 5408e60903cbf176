r"""What may be asked of predictions for rows whose class nobody told: that they agree, and that all classes occur."""

from typing import Any

import torch
from torch import Tensor

from genlatent.errors import RecipeError

NOWHERE = -1e4  # log of a probability that is 0, and whose product with it is no NaN


def disagreement(logits: Tensor, others: Tensor) -> Tensor:
    r"""Half of both divergences between two predictions for each row.

    .. math:: \tfrac12 \bigl[\mathrm{KL}(q \| q') + \mathrm{KL}(q' \| q)\bigr]
        = \tfrac12 \sum_y (q_y - q'_y) (\log q_y - \log q'_y)

    >>> disagreement(torch.zeros(1, 2), torch.tensor([[0.75, 0.25]]).log())
    tensor([0.1373])
    """
    log_q, log_p = logits.log_softmax(-1), others.log_softmax(-1)
    return 0.5 * ((log_q.exp() - log_p.exp()) * (log_q - log_p)).sum(-1)


def imbalance(logits: Tensor, rows: Tensor, log_prior: Tensor) -> Tensor:
    r"""Divergence of the mean prediction for some rows from the prior, :math:`\mathrm{KL}(\bar q \| p(y))`.

    >>> certain = torch.tensor([[50.0, 0.0], [0.0, 50.0]])
    >>> imbalance(certain, torch.tensor([True, True]), torch.tensor([0.5, 0.5]).log())
    tensor(0.)
    """
    log_q = torch.where(rows[:, None], logits.log_softmax(-1), NOWHERE)
    log_mean = log_q.logsumexp(0) - rows.sum().clamp(min=1).log()
    return (log_mean.exp() * (log_mean - log_prior.log_softmax(0))).sum()


def mean_of(values: Tensor, rows: Tensor) -> Tensor:
    """The mean over some rows, 0 without any."""
    return (values * rows).sum() / rows.sum().clamp(min=1)


def refuse_certain(model: Any) -> None:
    """Refuse a model whose predictions for a row agree whatever it has learned: nothing in it is random."""
    left_out = any(isinstance(part, torch.nn.modules.dropout._DropoutNd) for part in model.classifier.modules())
    if model.corruption is None and not left_out:
        raise RecipeError(
            "consistency compares predictions for two corruptions of a row, and this model corrupts none; "
            "give it a corruption, for example masking, or its classifier dropout"
        )
