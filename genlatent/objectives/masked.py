"""Masked reconstruction: what is hidden is rebuilt from what is seen."""

from typing import Any

import torch
from torch import Tensor

from genlatent.errors import RecipeError
from genlatent.objectives.base import Batch, Loss, Objective

ON = ("hidden", "all")


class MaskedReconstruction(Objective):
    r"""The loss of the patches that are hidden, rebuilt from the others; which ones is drawn for each row and step.

    .. math:: \frac{1}{B} \sum_b \sum_{i \in H_b} \ell(x_{bi}, \hat x_i(x_b \text{ without } H_b))

    Held out, each patch is hidden in turn, in the rounds that :meth:`MaskedAutoencoder.reconstruct` goes through, and
    the loss is the mean of the rounds.

    References:
        Masked autoencoders are scalable vision learners (He et al., 2022)

    Args:
        on: whether the loss is that of the `hidden` patches or of `all`.
    """

    def __init__(self, on: str = "hidden"):
        if on not in ON:
            raise RecipeError(f"the loss is on the {' or '.join(ON)} patches, not {on!r}")
        self.on = on

    def __call__(self, model: Any, batch: Batch, state: dict[str, Tensor]) -> Loss:
        """The loss of one batch, and that of the pixels of hidden patches alone."""
        x, observed = model.split(batch.x)
        order = shuffled(len(x), model.num_patches, x.device)
        params, hidden = model.rebuilt(x, order, observed)
        lost = model.rows_of_loss(params, x, observed, hidden)
        value = lost if self.on == "hidden" else model.rows_of_loss(params, x, observed)
        return Loss(value.mean(), {"loss": value.detach().mean(), "hidden": lost.detach().mean()})

    def validate(self, model: Any, batch: Batch) -> dict[str, Tensor]:
        """The loss of each row's hidden patches, averaged over the rounds."""
        x, observed = model.split(batch.x)
        return {"loss": model.held_back(x, observed).detach()}


def shuffled(rows: int, places: int, device: torch.device) -> Tensor:
    """A random order of the places for each row."""
    return torch.rand(rows, places, device=device).argsort(1)
