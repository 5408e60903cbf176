"""The importance-weighted bound."""

from typing import Any

import torch
from torch import Tensor

from genlatent.numerics.logspace import log_mean_exp
from genlatent.objectives.base import Batch, Loss
from genlatent.objectives.enumeration import Enumeration
from genlatent.objectives.importance import PARTICLES, Draws, by_row, doubly_reparameterised, log_weights, plain
from genlatent.objectives.semi_supervised import Costs, judged, log_mean, summed
from genlatent.objectives.variational import Variational


class IWAE(Variational):
    r"""Negative importance-weighted bound,

    .. math:: -\mathcal{L}_K(x) = -\mathbb{E}\Bigl[\log \frac{1}{K} \sum_{k=1}^K w_k\Bigr], \qquad
        w_k = \frac{p(x, z_k)}{q(z_k \mid x)}, \quad z_k \sim q(z \mid x)

    which rises from the evidence lower bound (K = 1) towards :math:`\log p(x)`. The plain gradient tells the encoder
    ever less as K grows; the doubly reparameterised one does not,

    .. math:: \nabla_\phi \mathcal{L}_K = \mathbb{E}\Bigl[\sum_k \tilde w_k^2
        \frac{\partial \log w_k}{\partial z_k} \nabla_\phi z_k\Bigr], \qquad \tilde w_k = \frac{w_k}{\sum_l w_l}

    where the derivative of :math:`\log w_k` holds :math:`\phi` fixed. Where draws carry no gradient (discrete sites),
    the plain one is taken, with a score-function term whose baseline is the bound of the other draws; so it is for
    posteriors made by a flow, which would have to be inverted. A guide of several sites runs a second time for the
    double one.

    A class y that the guide marks for enumeration is summed over, each class with a bound of its own:

    .. math:: \mathcal{L}_K(x) = \sum_y q(y \mid x) \bigl(\mathcal{L}_K(x, y) - \log q(y \mid x)\bigr)

    For K = 1 this is the semi-supervised bound; it rises towards
    :math:`\log p(x) - \mathrm{KL}(q(y \mid x) \| p(y \mid x))`, so that the classifier goes on learning from rows
    without a label. Labelled rows have :math:`\mathcal{L}_K(x, y)`, and the classification term and the weights of
    `SemiSupervisedELBO`.

    References:
        Importance weighted autoencoders (Burda, Grosse and Salakhutdinov, 2016)
        Doubly reparameterized gradient estimators for Monte Carlo objectives (Tucker et al., 2019)

    Args:
        particles: the K draws of z for each row, and class.
        gradient: `doubly` reparameterised or `plain`.
    """

    monitor = "bound"

    def __init__(self, particles: int = 5, gradient: str = "doubly"):
        if particles < 1:
            raise ValueError(f"particles must be at least 1, got {particles}")
        if gradient not in ("doubly", "plain"):
            raise ValueError(f"gradient must be 'doubly' or 'plain', got {gradient!r}")
        self.particles, self.gradient = particles, gradient

    def __call__(self, model: Any, batch: Batch, state: dict[str, Tensor]) -> Loss:
        """The scalar to minimise: its value is the bound's, its gradient the chosen one."""
        draws = Draws(model, batch, self.particles)
        weights = importance_of_rows(batch) if draws.summed else batch.x.new_ones(())
        estimate = doubly_reparameterised if self.gradient == "doubly" and draws.twice else plain
        run, bound = estimate(draws, weights)
        costs = summed(run)
        metrics = {"bound": -bound, **{name: (rows * weights).mean() for name, rows in parts(costs).items()}}
        value = -bound
        if costs.label is not None:
            metrics["classification"] = costs.label.mean() / model.classification
            value = value + costs.label.mean()
        return Loss(value, {name: metric.detach() for name, metric in metrics.items()})

    def validate(self, model: Any, batch: Batch) -> dict[str, Tensor]:
        """The negative bound of each row, beside the evidence lower bound, from the same draws.

        Rows whose class would be summed over count as unlabelled; how well it is predicted stands beside them.
        """
        draws = Draws(model, batch, self.particles)
        if draws.summed:
            draws = Draws(model, batch._replace(y=None), self.particles)
        run = draws.scored()
        found = parts(summed(run)) | {"bound": -by_row(run, log_mean_exp(log_weights(run), PARTICLES))}
        if draws.summed and batch.y is not None:
            found |= predicted(run, batch.y)
        return {name: rows.detach() for name, rows in found.items()}

    def summarise(self, model: Any, batch: Batch) -> dict[str, Tensor]:
        """KL of each latent dimension, active units, and mutual information; nothing where classes are summed over."""
        return {} if Draws(model, batch, 1).summed else super().summarise(model, batch)


def parts(costs: Costs) -> dict[str, Tensor]:
    """The negative evidence lower bound of each row, and what it consists of."""
    return {"loss": costs.loss, "kl": costs.kl, "reconstruction": costs.reconstruction}


def predicted(run: Enumeration, y: Tensor) -> dict[str, Tensor]:
    """How well the one class that is summed over is predicted."""
    return judged(log_mean(run.log_q[run.sites[0]]).T, y.flatten()) if len(run.sites) == 1 else {}


def importance_of_rows(batch: Batch) -> Tensor:
    """How much each row weighs, 1 in the mean: labelled rows that are drawn more often count less."""
    weights = batch.x.new_ones(len(batch.x))
    if batch.labelled is None:
        return weights
    count, weight = batch.labelled
    weights = torch.cat([weights[:count] * weight, weights[count:]])
    return weights / weights.mean()
