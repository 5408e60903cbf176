"""The evidence lower bound with its divergence taken apart."""

from typing import Any

from torch import Tensor

from genlatent.errors import RecipeError
from genlatent.objectives.aggregate import Parts, log_densities, log_shares, parts
from genlatent.objectives.base import Batch, Loss
from genlatent.objectives.dimensions import pathwise
from genlatent.objectives.pyro_terms import Terms, terms, total
from genlatent.objectives.variational import Variational


class DecomposedELBO(Variational):
    r"""Negative evidence lower bound whose divergence is paid for in three parts.

    .. math:: -\mathbb{E}_q[\log p(x \mid z)] + \alpha \, I_q(n; z)
        + \beta \, \mathrm{KL}\Bigl(q(z) \Big\| \prod_j q(z_j)\Bigr)
        + \gamma \, \mathrm{KL}\Bigl(\prod_j q(z_j) \Big\| p(z)\Bigr)

    The aggregated posterior q(z) is estimated from the batch (:func:`genlatent.objectives.aggregate.log_shares`),
    whose rows stand for the whole training part.

    References:
        Isolating sources of disentanglement in variational autoencoders (Chen et al., 2018)

    Args:
        alpha: weight of the mutual information of row and code.
        beta: weight of the total correlation.
        gamma: weight of the dimension-wise divergence.
        sampling: `stratified`, whose density is unbiased, or `weighted`.
    """

    def __init__(
        self,
        alpha: float = 1.0,
        beta: float = 6.0,
        gamma: float = 1.0,
        sampling: str = "stratified",
    ):
        if min(alpha, beta, gamma) < 0:
            raise ValueError(f"alpha, beta and gamma must not be negative, got {alpha}, {beta} and {gamma}")
        if sampling not in ("stratified", "weighted"):
            raise ValueError(f"sampling must be 'stratified' or 'weighted', got {sampling!r}")
        self.alpha, self.beta, self.gamma, self.sampling = alpha, beta, gamma, sampling

    def __call__(self, model: Any, batch: Batch, state: dict[str, Tensor]) -> Loss:
        """The scalar to minimise, and what it consists of."""
        t = terms(model, batch.x, batch.y)
        found = self.divide(t, batch.num_rows or len(batch.x))
        weights = (self.alpha, self.beta, self.gamma)
        paid = sum((weight * part for weight, part in zip(weights, found)), t.reconstruction)
        extra = {name: part.detach().mean() for name, part in found._asdict().items()}
        return Loss(paid.mean(), {**self.read(t, t.kl()), **extra})

    def divide(self, t: Terms, num_rows: int) -> Parts:
        """The parts of the divergence for each row of the batch."""
        site = t.guide.nodes[only_site(t)]
        log_q = log_densities(site["fn"], site["value"])
        if log_q is None:
            raise RecipeError("the total correlation needs a posterior whose dimensions are independent given x")
        shares = log_shares(len(log_q), num_rows, self.sampling == "stratified", log_q)
        return parts(log_q, shares, total(t.log_prior)[0])


def only_site(t: Terms) -> str:
    """The name of the one latent site, which must have pathwise gradients."""
    names = list(t.kl())
    if len(names) != 1 or names != t.latents or not pathwise(t.guide.nodes[names[0]]):
        raise RecipeError(f"the total correlation is that of one continuous code, this model has {', '.join(names)}")
    return names[0]
