r"""What may be asked of predictions for rows whose class nobody told: that they agree, and that all classes occur."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from genlatent.errors import RecipeError

PROBE = 0.1  # length of the random change that the worst one is found from, as a share of its length
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


def worst_change(predict: Callable[[Tensor], Tensor], x: Tensor, length: float) -> Tensor:
    r"""The small change of each row that its prediction follows most, found by one turn of the power method.

    .. math:: r = \text{length} \cdot g / \|g\|, \qquad
        g = \nabla_d \, \mathrm{KL}\bigl(q(y \mid x) \| q(y \mid x + d)\bigr)

    g is taken at a random d that is short (:data:`PROBE` of `length`): there the divergence is a square form of d, and
    its slope the direction in which that form stretches most.

    Args:
        predict: from rows to the logits of q(y | x).
        x: the rows.
        length: of each change, by the Euclidean norm.
    """
    with torch.enable_grad():
        known = predict(x).detach()
        d = _long(torch.randn_like(x), PROBE * length).requires_grad_()
        (g,) = torch.autograd.grad(divergence(known, predict(x.detach() + d)).sum(), d)
    return _long(g, length)


def shaken(predict: Callable[[Tensor], Tensor], x: Tensor, length: float) -> Tensor:
    r"""How far the prediction for each row moves under its :func:`worst_change` r,
    :math:`\mathrm{KL}\bigl(q(y \mid x) \| q(y \mid x + r)\bigr)`.

    Neither r nor q(y | x) is learned through: the prediction at x + r is drawn to that at x.
    """
    with torch.no_grad():
        known = predict(x)
    return divergence(known, predict(x + worst_change(predict, x, length)))


def check_adversarial(adversarial: float, length: float) -> None:
    """Refuse weights and lengths that cannot be."""
    if not adversarial >= 0:
        raise ValueError(f"adversarial must not be negative, got {adversarial}")
    if not length > 0:
        raise ValueError(f"length must be positive, got {length}")


def divergence(logits: Tensor, others: Tensor) -> Tensor:
    r""":math:`\mathrm{KL}(q \| q')` of two predictions for each row.

    >>> divergence(torch.zeros(1, 2), torch.tensor([[0.75, 0.25]]).log())
    tensor([0.1438])
    """
    log_q, log_p = logits.log_softmax(-1), others.log_softmax(-1)
    return (log_q.exp() * (log_q - log_p)).sum(-1)


def _long(x: Tensor, length: float) -> Tensor:
    """Rows of that Euclidean norm; those of norm 0 stay."""
    norm = x.flatten(1).norm(dim=1).clamp(min=torch.finfo(x.dtype).tiny)
    return x * (length / norm).reshape(-1, *(1 for _ in x.shape[1:]))


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
