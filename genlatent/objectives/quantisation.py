"""Vector quantisation: a codebook that follows the encoder, and an encoder that keeps to it."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from genlatent.objectives.base import Batch, Loss, Objective


class VectorQuantisation(Objective):
    r"""What trains a VQ-VAE: reconstruction, commitment, and the prior of the codes, in one loss.

    .. math:: -\log p(x \mid e_k) + \beta \sum_i \lVert u_i - \mathrm{sg}(e_{k_i}) \rVert^2 - \log p(k), \qquad
              k_i = \arg\min_j \lVert u_i - e_j \rVert

    with the encoder's vectors u and the codebook e. The decoder's gradient passes straight through from :math:`e_k` to
    u; the prior sees the code numbers, which carry none. The codebook has no gradient either: it is the moving average
    of the vectors that chose it,

    .. math:: N_j \leftarrow \gamma N_j + (1 - \gamma) n_j, \quad
              m_j \leftarrow \gamma m_j + (1 - \gamma) \sum_{i: k_i = j} u_i, \quad e_j = m_j / N_j

    and an entry that is chosen too rarely is put where a vector of the batch lies. `loss` is
    :math:`-\log p(x, k)`, which is minus a lower bound on :math:`\log p(x)`: the sum over all codes has this as one
    of its terms. It is in nats, `kl` being its part :math:`-\log p(k)`.

    References:
        Neural discrete representation learning (van den Oord, Vinyals and Kavukcuoglu, 2017)
        Generating diverse high-fidelity images with VQ-VAE-2 (Razavi, van den Oord and Vinyals, 2019)

    Args:
        commitment: beta.
        decay: gamma.
        revive: an entry is dead when its share of the choices falls below this part of an even share; 0 never.
        until: fraction of the training after which dead entries stay where they are, and the rest can settle.
    """

    needs = ("vectors",)

    def __init__(self, commitment: float = 0.25, decay: float = 0.99, revive: float = 0.1, until: float = 0.7):
        if commitment < 0:
            raise ValueError(f"commitment must not be negative, got {commitment}")
        for name, value in (("decay", decay), ("revive", revive), ("until", until)):
            if not 0 <= value <= 1:
                raise ValueError(f"{name} is a fraction between 0 and 1, got {value}")
        self.commitment, self.decay, self.revive, self.until = commitment, decay, revive, until

    def __call__(self, model: Any, batch: Batch, state: dict[str, Tensor]) -> Loss:
        """The scalar to minimise, what it consists of, and the codebook's next averages."""
        x, observed = model.split(batch.x)
        vectors = model.vectors(x)
        codes = model.nearest(vectors)
        chosen = model.look_up(codes)
        distance = (vectors - chosen).square().flatten(1).sum(1)
        rows = model.likelihood.loss(model.params(straight_through(vectors, chosen)), x, observed)
        kl = -model.log_prior(codes)
        value = (rows + self.commitment * distance + kl).mean()
        metrics = {"loss": rows + kl, "kl": kl, "reconstruction": rows, "commitment": distance}
        means = {name: row.detach().mean() for name, row in metrics.items()}
        means["perplexity"] = perplexity(codes, model.codebook)
        return Loss(value, means, buffers=self.moved(model, vectors.detach(), codes, batch.progress))

    def validate(self, model: Any, batch: Batch) -> dict[str, Tensor]:
        """Minus the bound and its two parts, for each row, in nats."""
        x, observed = model.split(batch.x)
        codes = model.nearest(model.vectors(x))
        rows, kl = model.likelihood.loss(model.params(model.look_up(codes)), x, observed), -model.log_prior(codes)
        return {name: row.detach() for name, row in (("loss", rows + kl), ("kl", kl), ("reconstruction", rows))}

    def moved(self, model: Any, vectors: Tensor, codes: Tensor, progress: Tensor | float = 0.0) -> dict[str, Tensor]:
        """N and m after one batch: the moving averages, dead entries replaced."""
        u, hot = vectors.flatten(0, -2), one_hot(codes.flatten(), model.codebook).to(vectors)
        counts = self.decay * model.counts + (1 - self.decay) * hot.sum(0)
        sums = self.decay * model.sums + (1 - self.decay) * hot.T @ u
        if self.revive == 0:
            return {"counts": counts, "sums": sums}
        dead = (counts < self.revive * counts.mean()) & (torch.as_tensor(progress, device=u.device) < self.until)
        fresh = u[torch.randint(len(u), (model.codebook,), device=u.device)]
        even = counts.mean().expand_as(counts)
        return {
            "counts": torch.where(dead, even, counts),
            "sums": torch.where(dead[:, None], even[:, None] * fresh, sums),
        }


def straight_through(vectors: Tensor, chosen: Tensor) -> Tensor:
    """The chosen entries, whose gradient goes to the vectors as it stands.

    >>> u = torch.tensor([0.3], requires_grad=True)
    >>> e = straight_through(u, torch.tensor([1.0]))
    >>> e.square().sum().backward()
    >>> e, u.grad
    (tensor([1.], grad_fn=<AddBackward0>), tensor([2.]))
    """
    return vectors + (chosen - vectors).detach()


def perplexity(codes: Tensor, num_entries: int) -> Tensor:
    r"""How many entries are in use, :math:`\exp(-\sum_j f_j \log f_j)` for frequencies f: 1 for one, K for all evenly.

    >>> perplexity(torch.tensor([[0, 1], [1, 0]]), 5)
    tensor(2.)
    """
    hot = one_hot(codes.flatten(), num_entries).to(torch.get_default_dtype())
    return torch.special.entr(hot.mean(0)).sum().exp()


def bits(nats: Tensor, num_values: int) -> Tensor:
    """Nats of a row as bits per dimension."""
    return nats / (num_values * math.log(2))
