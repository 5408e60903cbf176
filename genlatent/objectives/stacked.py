"""Two models, one on the codes of the other, trained one after the other."""

from typing import Any

import torch
from torch import Tensor

from genlatent.numerics.logspace import log_mean_exp
from genlatent.objectives.base import Batch, Loss
from genlatent.objectives.enumeration import enumerated
from genlatent.objectives.iwae import IWAE
from genlatent.objectives.pyro_terms import Terms, terms, total
from genlatent.objectives.semi_supervised import SemiSupervisedELBO

BESIDE = ("classification", "consistency", "balance", "adversarial")  # what it learns from beside its bound


class Asked:
    """Predictions for rows x, through the code.

    Args:
        stack: what predicts.
        learns: whether the lower model learns by them too.
    """

    def __init__(self, stack: Any, learns: bool):
        self.stack, self.learns = stack, learns
        self.split, self.log_class_prior = stack.split, stack.second.log_class_prior

    def class_logits(self, x: Tensor) -> Tensor:
        """Logits of q(y | z_1) at a draw of the code of rows that the stack corrupts."""
        q = self.stack.first.infer(self.stack.corrupted(x))
        return self.stack.second.class_logits(q.rsample() if self.learns else q.sample())

    def uncorrupted_logits(self, x: Tensor) -> Tensor:
        """The same at the mean of q(z_1 | x), of rows as they are; differentiable by x where x asks for it."""
        codes = self.stack.first.encoded(x)
        return self.stack.second.uncorrupted_logits(codes if self.learns or x.requires_grad else codes.detach())


class StackedELBO(SemiSupervisedELBO):
    r"""First the bound of the lower model, then that of the upper one on its codes, drawn anew at each step.

    .. math:: -\mathbb{E}_{q(z_1 \mid x)}\bigl[\log p(x \mid z_1) - \log q(z_1 \mid x)\bigr]
        + \mathbb{E}_{q(z_1 \mid x)}\bigl[-\log p(y, z_1) \text{ or } -\log p(z_1), \text{bounded}\bigr]

    is the metric `loss`, a negative bound on :math:`\log p(x, y)` or :math:`\log p(x)` under the whole stack. The lower
    model learns under its own prior, and rests while the upper one learns; or both learn then, by this bound. Where the
    stack has a corruption, what is learned after `first` is about corrupted rows, and so are the metrics.

    What may be asked of predictions beside the bound is about x: that they agree under two draws of the corruption and
    of the code, and hold under the change of x that moves them most.

    References:
        Semi-supervised learning with deep generative models (Kingma et al., 2014)

    Args:
        first: the fraction of all steps for the lower model; 0 if it is trained already.
        together: let the lower model learn with the upper one.
        particles, top, analytic, consistency, balance, adversarial, length: as in :class:`SemiSupervisedELBO`.
    """

    needs = ("first", "second")

    def __init__(
        self,
        first: float = 0.4,
        together: bool = False,
        particles: int = 1,
        top: int | None = None,
        analytic: bool = True,
        consistency: float = 0.0,
        balance: float = 0.0,
        adversarial: float = 0.0,
        length: float = 2.0,
    ):
        super().__init__(particles, top, analytic, consistency, balance, adversarial, length)
        if not 0 <= first < 1:
            raise ValueError(f"first is a fraction of all steps, from 0 to below 1, got {first}")
        self.first, self.together = first, together

    def init(self, model: Any, x: Tensor, share: float = 1.0) -> dict[str, Tensor]:
        """No state; a code is drawn, so that no two predictions for a row are the same."""
        return {}

    def __call__(self, model: Any, batch: Batch, state: dict[str, Tensor]) -> Loss:
        """The loss of the model whose turn it is, and what the whole stack costs."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and (self.first > 0 or self.together)):
            rows = batch if self.first else batch._replace(x=model.corrupted(batch.x))
            below = terms(model.first, rows.x)
            own = self.lower(model.first, rows, below)
            if self.first and model.corruption is not None:
                below = terms(model.first, model.corrupted(batch.x))
        codes = below.guide.nodes["z"]["value"]
        above = self.upper(model, batch, codes if self.together else codes.detach())
        recalled, coded = below.reconstruction.mean(), total(below.log_posterior).mean()
        later = above.value + recalled + coded if self.together else above.value
        turn = (torch.as_tensor(batch.progress) < self.first).to(own.dtype)
        metrics = {
            "loss": recalled.detach() + coded.detach() + above.metrics["loss"],
            "kl": coded.detach() + above.metrics["loss"],
            "reconstruction": recalled.detach(),
            "first": own.detach(),
        }
        metrics |= {name: cost for name, cost in above.metrics.items() if name in BESIDE}
        return Loss(turn * own + (1 - turn) * later if self.first else later, metrics)

    def lower(self, model: Any, batch: Batch, below: Terms) -> Tensor:
        """What the lower model minimises; its terms are at hand."""
        return (below.reconstruction + total(below.kl())).mean()

    def upper(self, model: Any, batch: Batch, codes: Tensor) -> Loss:
        """What the upper model minimises, its rows being codes; what else is asked of predictions is about x."""
        return self.learned(model.second, batch._replace(x=codes), Asked(model, self.together), batch)


class StackedIWAE(StackedELBO):
    r"""The importance-weighted bound of the lower model, then that of the upper one on its codes.

    Each is :class:`IWAE` with its doubly reparameterised gradient: the class of the upper model stands before the codes
    that it sums over, which is not so in the stack as a whole. The held-out metric `bound` is that of the stack,

    .. math:: -\log \frac{1}{K} \sum_k \sum_y
        \frac{p(x, y, z_{1k}, z_{2k}^y)}{q(z_{1k} \mid x) \, q(z_{2k}^y \mid z_{1k}, y)}

    References:
        Importance weighted autoencoders (Burda, Grosse and Salakhutdinov, 2016)

    Args:
        first: the fraction of all steps for the lower model; 0 if it is trained already.
        particles, gradient: as in :class:`IWAE`.
    """

    monitor = "bound"

    def __init__(self, first: float = 0.4, particles: int = 5, gradient: str = "doubly"):
        super().__init__(first, particles=particles)
        self.gradient = gradient
        self.bound = IWAE(particles, gradient)

    def lower(self, model: Any, batch: Batch, below: Terms) -> Tensor:
        """The lower model's bound, from draws of its own."""
        return self.bound(model, batch, {}).value

    def upper(self, model: Any, batch: Batch, codes: Tensor) -> Loss:
        """The upper model's bound."""
        return self.bound(model.second, batch._replace(x=codes), {})

    def validate(self, model: Any, batch: Batch) -> dict[str, Tensor]:
        """The importance-weighted bound on log p(x) beside what :class:`StackedELBO` says."""
        w = enumerated(model, batch.x, particles=self.particles).log_weights().logsumexp(0)
        return {"bound": -log_mean_exp(w).detach(), **super().validate(model, batch)}
