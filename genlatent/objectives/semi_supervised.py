"""The bound on labelled and unlabelled rows together."""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from genlatent.objectives.agreement import (
    check_adversarial,
    disagreement,
    imbalance,
    mean_of,
    refuse_certain,
    shaken,
)
from genlatent.objectives.base import Batch, Loss, Objective
from genlatent.objectives.enumeration import Enumeration, enumerated
from genlatent.objectives.pyro_terms import Rows, Terms, terms, total

LABEL = "label"  # the model's site for what the classifier says of known labels


class Costs(NamedTuple):
    """What each row costs, averaged over particles."""

    reconstruction: Tensor
    kl: Tensor
    label: Tensor | None = None  # alpha times the cross-entropy, scaled so that its mean is that over labelled rows

    @property
    def loss(self) -> Tensor:
        """The negative bound on log p(x, y) of labelled rows, on log p(x) of the others."""
        return self.reconstruction + self.kl


class SemiSupervisedELBO(Objective):
    r"""Negative bound on :math:`\log p(x, y)` of labelled rows and on :math:`\log p(x)` of the others, y summed over.

    .. math:: \frac{1}{B} \Bigl[ \sum_{\text{labelled}} \mathcal{L}(x, y)
        + \sum_{\text{others}} \sum_y q(y \mid x) \bigl(\mathcal{L}(x, y) + \log q(y \mid x)\bigr) \Bigr]
        - \frac{\alpha}{B_\text{labelled}} \sum_{\text{labelled}} \log q(y \mid x)

    Where `fit` gives each batch a fixed number of labelled rows, the classes are enumerated for the others only, and
    a labelled row counts as often as there are such rows in the data, so that the share does not change the bound.

    Three additions to the paper, 0 unless asked for, are about the U rows of a batch that have no label. With
    :math:`q_u = q(y \mid \tilde x_u)` and :math:`q'_u` the predictions for two draws of the model's corruption they are

    .. math:: \frac{\kappa}{U} \sum_u \tfrac12 \bigl[\mathrm{KL}(q_u \| q'_u) + \mathrm{KL}(q'_u \| q_u)\bigr]
        + \lambda \, \mathrm{KL}\Bigl(\frac{1}{U} \sum_u q_u \Big\| p(y)\Bigr)
        + \frac{\nu}{U} \sum_u \mathrm{KL}\bigl(q(y \mid x_u) \| q(y \mid x_u + r_u)\bigr)

    where :math:`r_u` is the change of a given length that alters the prediction most
    (:func:`genlatent.objectives.agreement.worst_change`); it is not learned through, and nor is :math:`q(y \mid x_u)`
    there.

    The metric `loss` is the bound without these and without the classification term, in nats; held-out rows count as
    unlabelled.

    References:
        Semi-supervised learning with deep generative models (Kingma et al., 2014)

        Regularization with stochastic transformations and perturbations for deep semi-supervised learning (Sajjadi,
        Javanmardi and Tasdizen, 2016)

        Discriminative clustering by regularized information maximization (Krause, Perona and Gomes, 2010)

        Virtual adversarial training: a regularization method for supervised and semi-supervised learning (Miyato et
        al., 2018)

    Args:
        particles: draws of z for each row and class.
        top: enumerate only so many classes of an unlabelled row, the likeliest ones, with q renormalised over them:
            the bound of another, truncated q, for a fraction of the cost.
        analytic: take the KL of z in closed form where Pyro registers it.
        consistency: the weight :math:`\kappa`; it takes a corruption, or dropout in the classifier.
        balance: the weight :math:`\lambda`.
        adversarial: the weight :math:`\nu`.
        length: of :math:`r_u`, by the Euclidean norm.
    """

    needs = ("told_logits",)

    def __init__(
        self,
        particles: int = 1,
        top: int | None = None,
        analytic: bool = True,
        consistency: float = 0.0,
        balance: float = 0.0,
        adversarial: float = 0.0,
        length: float = 2.0,
    ):
        for name, value in (("particles", particles), ("top", top)):
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        for name, weight in (("consistency", consistency), ("balance", balance)):
            if not weight >= 0:
                raise ValueError(f"{name} must not be negative, got {weight}")
        check_adversarial(adversarial, length)
        self.particles, self.top, self.analytic = particles, top, analytic
        self.consistency, self.balance, self.adversarial, self.length = consistency, balance, adversarial, length

    def rows(self, model: Any, batch_size: int) -> int:
        """Every class that is enumerated goes through encoder and decoder, of each draw."""
        return batch_size * self.particles * min(self.top or model.classes, model.classes)

    def init(self, model: Any, x: Tensor, share: float = 1.0) -> dict[str, Tensor]:
        """No state; a model that a term can teach nothing is refused."""
        if self.consistency:
            refuse_certain(model)
        return {}

    def __call__(self, model: Any, batch: Batch, state: dict[str, Tensor]) -> Loss:
        """The scalar to minimise, and what it consists of."""
        return self.learned(model, batch, model, batch)

    def learned(self, model: Any, batch: Batch, asked: Any, seen: Batch) -> Loss:
        """The same where predictions are `asked` for rows that the model itself may have `seen` otherwise, as codes."""
        rows, weights, run = self.costs(model, batch)
        metrics = {name: (getattr(rows, name) * weights).mean() for name in ("loss", "kl", "reconstruction")}
        value = metrics["loss"]
        if rows.label is not None:
            metrics["classification"] = rows.label.mean() / model.classification
            value = value + rows.label.mean()
        for name, cost in self.wishes(asked, seen, run).items():
            metrics[name] = cost
            value = value + getattr(self, name) * cost
        return Loss(value, {name: metric.detach() for name, metric in metrics.items()})

    def costs(self, model: Any, batch: Batch) -> tuple[Costs, Tensor, Enumeration]:
        """What each row costs, how much it weighs, and the run of those that come last; the mean weight is 1."""
        if batch.labelled is None or batch.y is None:
            run = enumerated(model, batch.x, batch.y, particles=self.particles, top=self.top)
            costs = summed(run, self.analytic)
            return costs, torch.ones_like(costs.kl), run
        count, weight = batch.labelled
        known = drawn(terms(model, batch.x[:count], batch.y[:count], particles=self.particles), self.analytic)
        run = enumerated(model, batch.x[count:], particles=self.particles, top=self.top)
        others = summed(run, self.analytic)
        weights = torch.cat([torch.full_like(known.kl, weight), torch.ones_like(others.kl)])
        reconstruction, kl = (torch.cat(pair) for pair in zip(known[:2], others[:2]))
        return Costs(reconstruction, kl, known.label), weights / weights.mean(), run

    def wishes(self, model: Any, batch: Batch, run: Enumeration) -> dict[str, Tensor]:
        """What is added about rows without a label, before it is weighed; the guide's own prediction is one of two."""
        if not self.consistency and not self.balance and not self.adversarial:
            return {}
        found, number = {}, run.t.num_rows
        logits = run.t.guide.nodes["y"]["fn"].logits
        logits = logits.reshape(-1, number, logits.shape[-1])[0]
        told = None if batch.y is None else batch.y[-number:].flatten()
        unknown = torch.ones_like(logits[:, 0], dtype=torch.bool) if told is None else told < 0
        x = model.split(batch.x[-number:])[0]
        if self.consistency:
            found["consistency"] = mean_of(disagreement(logits, model.class_logits(x)), unknown)
        if self.balance:
            found["balance"] = imbalance(logits, unknown, model.log_class_prior)
        if self.adversarial:
            found["adversarial"] = mean_of(shaken(model.uncorrupted_logits, x, self.length), unknown)
        return found

    def validate(self, model: Any, batch: Batch) -> dict[str, Tensor]:
        """The bound on log p(x) of each row, and how well its label is predicted where it has one."""
        run = enumerated(model, batch.x, particles=self.particles)
        costs = summed(run, self.analytic)
        found = {"loss": costs.loss, "kl": costs.kl, "reconstruction": costs.reconstruction}
        if batch.y is not None:
            found |= judged(log_mean(run.log_q["y"]).T, batch.y.flatten())
        return {name: rows.detach() for name, rows in found.items()}


def summed(run: Enumeration, analytic: bool = True) -> Costs:
    """The costs of rows whose class is summed over."""
    recalled, label = apart(run.t.log_likelihood)
    reconstruction, kl = (run.expect(value) for value in (-recalled, total(run.kl(analytic))))
    return Costs(averaged(reconstruction, run.t), averaged(kl, run.t), label)


def drawn(t: Terms, analytic: bool = True) -> Costs:
    """The costs of labelled rows: the guide's draw of y is the label."""
    recalled, label = apart(t.log_likelihood)
    return Costs(averaged(-recalled, t), averaged(total(t.kl(analytic)), t), label)


def averaged(value: Tensor, t: Terms) -> Tensor:
    """The mean over particles, one for each row."""
    return value.mean(0).expand(t.num_rows)


def apart(log_likelihood: Rows) -> tuple[Tensor, Tensor | None]:
    """log p of what was observed of x, and the cost of the labels where there are any."""
    label = log_likelihood.get(LABEL)
    rest = total({name: value for name, value in log_likelihood.items() if name != LABEL})
    return rest, None if label is None else -label.mean(0)


def log_mean(log_q: Tensor) -> Tensor:
    """q(y | x), averaged over particles, `(value, batch)`."""
    return log_q.logsumexp(1) - math.log(log_q.shape[1])


def judged(log_q: Tensor, y: Tensor) -> dict[str, Tensor]:
    """Cross-entropy and accuracy of each row, spread so that their means are those over the labelled rows."""
    known = (y >= 0).to(log_q.dtype)
    share = known * len(y) / known.sum().clamp(min=1)
    entropy = -log_q.gather(1, y.clamp(min=0)[:, None]).squeeze(1)
    return {"classification": entropy * share, "accuracy": (log_q.argmax(1) == y).to(log_q.dtype) * share}
