"""Maximum likelihood of machines so small that all their states can be listed."""

from typing import Any

import torch
from torch import Tensor

from genlatent.objectives.base import Batch, Loss, Objective
from genlatent.objectives.centring import centred


class ExactLikelihood(Objective):
    r"""Negative log-likelihood with :math:`\log Z` by enumeration,

    .. math:: L = -\Bigl\langle \log \sum_h e^{-E(v, h)} \Bigr\rangle_{data} + \log Z

    whose gradient has no sampling noise but the batch's. Up to 25 units are listed, in float64; it is what every other
    rule is measured against. The held-out `loss` is the same, in nats.

    Args:
        centred: take the gradient about the mean of the data and the offsets of the hidden layers, which stay put: for
            plain descent, since an optimiser that scales each parameter by itself, such as Adam, undoes what ties
            biases to couplings.
    """

    def __init__(self, centred: bool = False):
        self.centred = centred

    def __call__(self, model: Any, batch: Batch, state: dict[str, Tensor]) -> Loss:
        """The loss of one batch."""
        theta = centred(model.theta(), model.offsets()) if self.centred else model.theta()
        log_p = model.log_sum(model.clamped(batch.x), theta=theta) - model.log_sum({}, theta=theta)
        value = -log_p.mean().to(batch.x.dtype)
        return Loss(value, {"log_likelihood": -value.detach()})

    @torch.no_grad()
    def validate(self, model: Any, batch: Batch) -> dict[str, Tensor]:
        """Negative log-likelihood of each row."""
        return {"loss": model.log_sum({}) - model.log_sum(model.clamped(batch.x))}
