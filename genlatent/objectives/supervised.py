"""Reconstruction with labels: a code that gives back its row and tells its class."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from genlatent.objectives.base import Batch, Loss
from genlatent.objectives.penalties import LayerPenalty, Penalty
from genlatent.objectives.reconstruction import Reconstruction
from genlatent.objectives.softmax import SoftmaxCrossEntropy


class SupervisedReconstruction(Reconstruction):
    r"""The reconstruction loss with its penalties, and the cross-entropy of the labels given the code,

    .. math:: \lambda_r \, \frac{1}{B} \sum_b \ell(x_b, g(f(\tilde x_b)))
        + \lambda_y \, \frac{1}{B_y} \sum_{b \,\text{labelled}} -\log p(y_b \mid f(x_b))

    of a model that has `logits(x)` too. The class is told from the code of the row without corruption.

    References:
        Greedy layer-wise training of deep networks (Bengio et al., 2007)

    Args:
        penalties: as in `Reconstruction`.
        weight: :math:`\lambda_y`.
        reconstruction: :math:`\lambda_r`, which scales the penalties as well; 0 learns from the labels alone.
        may_copy: as in `Reconstruction`.
    """

    def __init__(
        self,
        penalties: Sequence[LayerPenalty | Penalty | Callable[[Any, Tensor, Tensor], Tensor]] = (),
        weight: float = 1.0,
        reconstruction: float = 1.0,
        may_copy: bool = False,
    ):
        super().__init__(penalties, may_copy)
        if weight < 0 or reconstruction < 0:
            raise ValueError(f"weights must not be negative, got weight={weight}, reconstruction={reconstruction}")
        self.weight, self.reconstruction = weight, reconstruction

    def __call__(self, model: Any, batch: Batch, state: dict[str, Tensor]) -> Loss:
        """The scalar to minimise, and what it consists of."""
        rebuilt = super().__call__(model, batch, state)
        told = SoftmaxCrossEntropy()(model, batch, {})
        loss = self.reconstruction * rebuilt.metrics["loss"] + self.weight * told.value.detach()
        value = self.reconstruction * rebuilt.value + self.weight * told.value
        return Loss(value, {**rebuilt.metrics, **told.metrics, "loss": loss}, rebuilt.state)

    @torch.no_grad()
    def validate(self, model: Any, batch: Batch) -> dict[str, Tensor]:
        """Both losses of each row, added with their weights."""
        rebuilt, told = super().validate(model, batch), SoftmaxCrossEntropy().validate(model, batch)
        return {"loss": self.reconstruction * rebuilt["loss"] + self.weight * told["loss"], "error": told["error"]}
