"""Reconstruction losses: how far an output is from its input, without being a likelihood."""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from genlatent.distributions.base import Conditional
from genlatent.distributions.likelihoods.bernoulli import CLOSEST
from genlatent.distributions.supports import Support, check


class ReconstructionLoss(Conditional):
    """A distance between x and the decoder's outputs, summed over the cells of a row.

    It answers what a likelihood answers (`support`, `num_params`, `bind`, `mean`, `loss`, `check`) except a density,
    so its numbers are compared with each other only, never with nats.
    """

    support: Support = "real"
    unit = "loss"

    def cells(self, params: Tensor, x: Tensor) -> Tensor:
        """The loss of each cell; both arguments are shaped `(*batch, *event)`."""
        raise NotImplementedError

    def mean(self, params: Tensor) -> Tensor:
        """The reconstruction that the outputs stand for."""
        return params.unflatten(-1, self.event_shape)

    def loss(self, params: Tensor, x: Tensor, observed: Tensor | None = None) -> Tensor:
        """The loss of each row, of its observed cells where some are missing."""
        cells = self.cells(params.unflatten(-1, self.event_shape), x)
        if observed is not None:
            cells = torch.where(observed, cells, 0.0)
        return cells.flatten(-len(self.event_shape)).sum(-1)

    def check(self, x: Tensor, *, missing: bool = False) -> None:
        """Refuse data outside the support, by name."""
        check(x, self.support, type(self).__name__, missing=missing)

    def params_at(self, mean: Tensor) -> Tensor | None:
        """Outputs at which the reconstruction is this mean, flat, for the decoder's first biases."""
        return None


class SquaredError(ReconstructionLoss):
    r"""Squared distance, :math:`\sum_i (x_i - \hat x_i)^2`.

    >>> SquaredError([2]).loss(torch.zeros(1, 2), torch.tensor([[1.0, 2.0]]))
    tensor([5.])
    """

    unit = "squared error"

    def cells(self, params: Tensor, x: Tensor) -> Tensor:
        """:math:`(x_i - \\hat x_i)^2`."""
        return (x - params).square()

    def params_at(self, mean: Tensor) -> Tensor:
        """The mean itself."""
        return mean.flatten()


class CrossEntropy(ReconstructionLoss):
    r"""Cross-entropy of outputs with logits :math:`\eta` to grey values x between 0 and 1.

    .. math:: -\sum_i x_i \log \sigma(\eta_i) + (1 - x_i) \log(1 - \sigma(\eta_i))

    On bits this is the negative log-likelihood of `Bernoulli`; on grey values it is no density, and no nats.
    """

    support = "unit"
    unit = "cross-entropy"

    def cells(self, params: Tensor, x: Tensor) -> Tensor:
        """The cross-entropy of each cell."""
        x, params = torch.broadcast_tensors(x, params)
        return binary_cross_entropy_with_logits(params, x, reduction="none")

    def mean(self, params: Tensor) -> Tensor:
        """The grey value of each cell."""
        return super().mean(params).sigmoid()

    def params_at(self, mean: Tensor) -> Tensor:
        """The logits of the mean."""
        return mean.flatten().clamp(CLOSEST, 1 - CLOSEST).logit()
