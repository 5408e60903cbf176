"""The evidence lower bound with a total correlation that a classifier tells."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import softplus

from genlatent.networks.mlp import MLP
from genlatent.objectives.base import Batch, Loss
from genlatent.objectives.decomposed import only_site
from genlatent.objectives.dimensions import flat
from genlatent.objectives.pyro_terms import terms, total
from genlatent.objectives.variational import Variational


class DensityRatio(Variational, nn.Module):
    r"""Negative evidence lower bound plus the total correlation of the codes, by the density-ratio trick.

    .. math:: -\mathcal{L}(x) + \gamma \, \mathbb{E}_{q(z)}[\ell(z)], \qquad
        \ell \approx \log \frac{q(z)}{\prod_j q(z_j)}

    :math:`\ell` is the logit of a classifier that tells codes of one half of the batch from those of the other half
    with each dimension permuted among rows, :math:`\min_\ell \frac{1}{2} (\mathbb{E}_{q(z)}[\log(1 + e^{-\ell})] +
    \mathbb{E}_{\prod_j q(z_j)}[\log(1 + e^{\ell})])`. Both are descended at once by one optimiser: the classifier sees
    codes without gradient, the total correlation sees the classifier without.

    References:
        Disentangling by factorising (Kim and Mnih, 2018)

    Args:
        latent: number of latent values.
        gamma: weight of the total correlation.
        hidden: units of the classifier's layers.
    """

    def __init__(self, latent: int, gamma: float = 10.0, hidden: Sequence[int] = (256, 256, 256)):
        if gamma < 0:
            raise ValueError(f"gamma must not be negative, got {gamma}")
        super().__init__()
        self.latent, self.gamma, self.hidden = latent, gamma, tuple(hidden)
        self.classifier = MLP(self.hidden, "leaky-relu", inputs=latent, outputs=1)

    def __call__(self, model: Any, batch: Batch, state: dict[str, Tensor]) -> Loss:
        """The scalar to minimise, and what it consists of."""
        t = terms(model, batch.x, batch.y)
        kl, site = t.kl(), t.guide.nodes[only_site(t)]
        z = flat(site["value"], site)
        correlation = self.told(z).mean()
        mistaken = self.mistaken(z.detach())
        value = (t.reconstruction + total(kl)).mean() + self.gamma * correlation + mistaken
        extra = {"total_correlation": correlation.detach(), "classifier_loss": mistaken.detach()}
        return Loss(value, {**self.read(t, kl), **extra})

    def told(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, " batch"]:
        r"""The logit :math:`\ell(z)`, with no gradient for the classifier."""
        held = {name: p.detach() for name, p in self.classifier.named_parameters()}
        return functional_call(self.classifier, held, (z,)).squeeze(-1)

    def mistaken(self, z: Float[Tensor, "batch latent"]) -> Tensor:
        """Cross-entropy of the classifier; :math:`\\log 2` where it cannot tell."""
        half = (len(z) + 1) // 2
        joint, product = self.classifier(z[:half]), self.classifier(permuted(z[-half:]))
        return (softplus(-joint).mean() + softplus(product).mean()) / 2


def permuted(z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch latent"]:
    """Each dimension permuted among rows by itself: draws of the product of the marginals."""
    return z.gather(0, torch.rand_like(z).argsort(0))
