"""Pseudo-likelihood: every site told from all the others, which needs neither chains nor ln Z."""

from typing import Any

import torch
from torch import Tensor

from genlatent.objectives.base import Batch, Loss, Objective
from genlatent.objectives.centring import centred

SITES = 64  # sites of a row that validation looks at, where they cost more than one product


class PseudoLikelihood(Objective):
    r"""Negative log-probability of each site given the others,

    .. math:: L = -\Bigl\langle \sum_i \log p(v_i \mid v_{-i}) \Bigr\rangle_{data}

    with hidden units summed out. It is consistent: with ever more data its minimum goes where the likelihood's does;
    with few, it differs. A fully visible machine needs one product for all sites, whatever its kind of units. The
    held-out `loss` is the same, in nats.

    Args:
        centred: take the gradient about the mean of the data: for plain descent, since an optimiser that scales each
            parameter by itself, such as Adam, undoes what ties biases to couplings.

    References:
        Statistical analysis of non-lattice data (Besag, 1975)

        Consistency of pseudolikelihood estimation of fully visible Boltzmann machines (Hyvärinen, 2006)
    """

    needs = ("site_log_prob",)

    def __init__(self, centred: bool = False):
        self.centred = centred

    def __call__(self, model: Any, batch: Batch, state: dict[str, Tensor]) -> Loss:
        """The loss of one batch."""
        theta = centred(model.theta(), model.offsets()) if self.centred else model.theta()
        value = -model.site_log_prob(model.flat(batch.x), theta=theta).mean()
        return Loss(value, {"pseudo_likelihood": -value.detach()})

    @torch.no_grad()
    def validate(self, model: Any, batch: Batch) -> dict[str, Tensor]:
        """The same for each row; beside hidden units, of some sites of each row, other ones in the next."""
        v = model.flat(batch.x)
        every = -(-v.shape[1] // SITES) if len(model.layers) > 1 else 1
        return {"loss": -model.site_log_prob(v, every=every)}
