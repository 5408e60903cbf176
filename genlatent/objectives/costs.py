"""What the divergence of the posterior from the prior costs, where it is not just its value."""

import torch
from torch import Tensor, nn

from genlatent.components import Component
from genlatent.errors import RecipeError
from genlatent.objectives.dimensions import kl_by_dimension
from genlatent.objectives.pyro_terms import PerRow, Rows, Terms, total


class Cost(Component):
    """Called with the terms of a run, the KL of each site and the progress of training, it says what each row pays.

    One that learns is an `nn.Module` as well; its parameters are trained with the model's.
    """

    def __call__(self, t: Terms, kl: Rows, progress: Tensor | float) -> PerRow:
        """The cost of each particle and row."""
        raise NotImplementedError

    def metrics(self, progress: Tensor | float) -> dict[str, Tensor]:
        """What people should see of it while training, as scalars."""
        return {}


class FreeBits(Cost):
    r"""Each group of latent dimensions may hold :math:`\lambda` nats for nothing.

    .. math:: \sum_g \max\Bigl(\lambda, \frac{1}{B} \sum_b \sum_{j \in g} \mathrm{KL}_j(x_b)\Bigr)

    Below :math:`\lambda` there is no gradient that would empty a group, so it does not collapse.

    References:
        Improving variational inference with inverse autoregressive flow (Kingma et al., 2016)

    Args:
        nats: what is free in each group.
        group: neighbouring dimensions that share it; None takes each site as one group.
    """

    def __init__(self, nats: float = 0.1, group: int | None = 1):
        if nats < 0:
            raise ValueError(f"nats must not be negative, got {nats}")
        if group is not None and group < 1:
            raise ValueError(f"group must be at least 1, or none for the whole site, got {group}")
        self.nats, self.group = nats, group

    def __call__(self, t: Terms, kl: Rows, progress: Tensor | float) -> PerRow:
        """The KL of the groups above the floor, the floor for the others; its mean over rows is the formula."""
        return sum((self._floored(values) for values in kl_by_dimension(t).values()), torch.zeros(()))

    def _floored(self, kl: Tensor) -> Tensor:
        groups = self._grouped(kl)
        mean = groups.mean((0, 1), keepdim=True)
        return torch.where(mean > self.nats, groups, self.nats).sum(-1)

    def _grouped(self, kl: Tensor) -> Tensor:
        dimensions = kl.shape[-1]
        size = dimensions if self.group is None else self.group
        if dimensions % size:
            raise RecipeError(f"free bits for groups of {size} do not fit {dimensions} latent dimensions")
        return kl.unflatten(-1, (-1, size)).sum(-1)


class Capacity(Cost):
    r"""The KL is held at a capacity C that rises over training.

    .. math:: \gamma \, |\mathrm{KL} - C(t)|, \qquad C(t) = C \min(1, t / \text{rise})

    with the KL averaged over the batch and t the fraction of all steps done.

    References:
        Understanding disentangling in beta-VAE (Burgess et al., 2018)

    Args:
        nats: the capacity C in the end.
        gamma: price of a nat away from it; above what a nat of KL saves in reconstruction, or it is not held.
        rise: fraction of all training steps over which the capacity rises from 0.
    """

    def __init__(self, nats: float = 25.0, gamma: float = 30.0, rise: float = 0.5):
        if min(nats, gamma) < 0:
            raise ValueError(f"nats and gamma must not be negative, got {nats} and {gamma}")
        if not 0 <= rise <= 1:
            raise ValueError(f"rise is a fraction of all steps, between 0 and 1, got {rise}")
        self.nats, self.gamma, self.rise = nats, gamma, rise

    def at(self, progress: Tensor | float) -> Tensor:
        """The capacity C(t)."""
        t = torch.as_tensor(progress)
        return self.nats * (t / self.rise).clamp(max=1.0) if self.rise > 0 else torch.full_like(t, self.nats)

    def __call__(self, t: Terms, kl: Rows, progress: Tensor | float) -> PerRow:
        """Each row's part of the distance; the mean over rows is the formula."""
        away = total(kl) - self.at(progress)
        return self.gamma * away.detach().mean().sign() * away

    def metrics(self, progress: Tensor | float) -> dict[str, Tensor]:
        """The capacity as it stands."""
        return {"capacity": self.at(progress)}


class Constraint(Cost, nn.Module):
    r"""The KL stays below :math:`\delta`, at a price that is learned.

    .. math:: \max_{\lambda > 0} \min_{\theta, \phi} \; -\mathbb{E}_q[\log p(x \mid z)]
        + \lambda \, (\mathrm{KL} - (1 - m) \, \delta)

    The multiplier :math:`\lambda = e^{r u}` climbs the same gradient that the weights descend, by the same optimiser.
    The margin m keeps the noise of batches below :math:`\delta`.

    References:
        beta-VAE: learning basic visual concepts with a constrained variational framework (Higgins et al., 2017)
        Taming VAEs (Rezende and Viola, 2018)

    Args:
        nats: the bound :math:`\delta`.
        margin: m, the fraction of it that is kept free.
        rate: r, how much faster than a weight the logarithm of the multiplier moves.
    """

    def __init__(self, nats: float = 10.0, margin: float = 0.05, rate: float = 10.0):
        if nats <= 0:
            raise ValueError(f"nats must be positive, got {nats}")
        if not 0 <= margin < 1:
            raise ValueError(f"margin must be at least 0 and below 1, got {margin}")
        super().__init__()
        self.nats, self.margin, self.rate = nats, margin, rate
        self.u = nn.Parameter(torch.zeros(()))

    def __call__(self, t: Terms, kl: Rows, progress: Tensor | float) -> PerRow:
        """What each row pays; the gradient of the multiplier is reversed, so that descent climbs."""
        multiplier = self.multiplier()
        climbing = 2 * multiplier.detach() - multiplier
        return climbing * (total(kl) - (1 - self.margin) * self.nats)

    def multiplier(self) -> Tensor:
        r"""The price :math:`\lambda` of a nat."""
        return (self.rate * self.u).exp()

    def metrics(self, progress: Tensor | float) -> dict[str, Tensor]:
        """The multiplier as it stands."""
        return {"multiplier": self.multiplier().detach()}
