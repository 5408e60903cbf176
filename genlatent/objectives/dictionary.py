"""Learning a dictionary from codes that are inferred, not encoded."""

from typing import Any

import torch
from torch import Tensor

from genlatent.objectives.base import Batch, Loss, Objective


class DictionaryLearning(Objective):
    r"""The energy that is left at the codes it is least at,

    .. math:: \frac{1}{B} \sum_b \min_z E(x_b, z), \qquad E(x, z) = \| x - b - D z \|^2 + \lambda \| z \|_1

    At the minimum E does not change with z, so the gradient is that of the squared error with the codes held fixed.

    References:
        Emergence of simple-cell receptive field properties by learning a sparse code (Olshausen and Field, 1996)
    """

    def __call__(self, model: Any, batch: Batch, state: dict[str, Tensor]) -> Loss:
        """The mean energy, the squared error in it, and the share of units that are on."""
        with torch.no_grad():
            z = model.infer(batch.x)
        energy = model.energy(batch.x, z).mean()
        on = (z != 0).to(z).mean()
        return Loss(energy, {"reconstruction": energy.detach() - model.weight * z.abs().sum(1).mean(), "on": on})

    @torch.no_grad()
    def validate(self, model: Any, batch: Batch) -> dict[str, Tensor]:
        """The energy of each row, and how many of its units are on."""
        z = model.infer(batch.x)
        return {"loss": model.energy(batch.x, z), "on": (z != 0).to(z).mean(1)}
