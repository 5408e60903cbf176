"""How much each latent dimension of a model carries."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.objectives.collapse import ACTIVE, mean_variances
from genlatent.objectives.dimensions import kl_by_dimension
from genlatent.objectives.pyro_terms import terms


class Use(NamedTuple):
    """Of each dimension of a latent site: the mean divergence in nats, and the variance of the posterior mean."""

    divergence: Float[Tensor, " latent"]
    variance: Float[Tensor, " latent"]

    @property
    def active(self) -> Tensor:
        """Which dimensions are active: their posterior mean varies over rows by more than 0.01."""
        return self.variance > ACTIVE


def latent_use(
    model: Any, x: Tensor, y: Tensor | None = None, *, site: str = "z", generator: torch.Generator | None = None
) -> Use:
    r""":math:`\mathbb{E}_x[\mathrm{KL}(q(z_j \mid x) \| p(z_j))]` and :math:`\mathrm{Var}_x[\mathbb{E}_q[z_j]]`.

    References:
        Importance weighted autoencoders (Burda, Grosse and Salakhutdinov, 2016)
    """
    model.check(x)
    with model.asked(generator):
        t = terms(model, x, y, particles=2)
        return Use(kl_by_dimension(t)[site].mean((0, 1)), mean_variances(t, site))


def sites_used(
    model: Any, x: Tensor, y: Tensor | None = None, *, generator: torch.Generator | None = None
) -> dict[str, Use]:
    """The same of every latent site that has one value for each row."""
    model.check(x)
    with model.asked(generator):
        t = terms(model, x, y, particles=2)
        divergences = kl_by_dimension(t)
        own = [name for name in divergences if t.guide.nodes[name]["value"].shape[:2] == (2, len(x))]
        return {name: Use(divergences[name].mean((0, 1)), mean_variances(t, name)) for name in own if t.nesting == 1}
