"""Learning a density of rows together with their classes."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from genlatent.errors import RecipeError
from genlatent.objectives.base import Batch, Loss
from genlatent.objectives.langevin import ContrastiveLangevin


class JointContrast(ContrastiveLangevin):
    r"""The density of rows by contrast with Langevin chains, the classes given the rows by cross-entropy.

    .. math:: L = \gamma \bigl[ \langle E(x) \rangle_{data} - \langle E(x) \rangle_{chains} \bigr]
        - \langle \log p(y \mid x) \rangle_{labelled}

    whose sum is the likelihood of the pairs at :math:`\gamma = 1`. Rows without a label, marked -1, take part in the
    first term only. The held-out `loss` is :math:`-\log p(y \mid x)` in nats, 0 for rows without a label.

    Args:
        generative: the :math:`\gamma`; without it no chains are run.
        steps, size, noise, chains, buffer, persistent, restart, blur, penalty, slope_penalty: as in
            :class:`.ContrastiveLangevin`.

    References:
        Your Classifier is Secretly an Energy Based Model and You Should Treat it Like One (Grathwohl et al., 2020)
    """

    def __init__(
        self,
        generative: float = 0.1,
        steps: int = 20,
        size: float = 0.01,
        noise: float | None = None,
        chains: int = 500,
        buffer: int | None = None,
        persistent: bool = True,
        restart: float = 0.02,
        blur: float = 0.1,
        penalty: float = 0.0,
        slope_penalty: float = 0.0,
    ):
        super().__init__(steps, size, noise, chains, buffer, persistent, restart, blur, penalty, slope_penalty)
        if generative < 0:
            raise RecipeError(f"generative is a weight and must not be negative, got {generative}")
        self.generative = generative

    def __call__(self, model: Any, batch: Batch, state: dict[str, Tensor]) -> Loss:
        """Both terms of one batch."""
        errors = _errors(model, model.flat(batch.x), batch.y)
        known = 0 if batch.y is None else (batch.y >= 0).sum()
        told = errors.sum() / torch.as_tensor(known, device=errors.device).clamp(min=1)
        if not self.generative:
            return Loss(told, {"cross_entropy": told.detach()}, state)
        loss = super().__call__(model, batch, state)
        metrics = loss.metrics | {"cross_entropy": told.detach()}
        return loss._replace(value=self.generative * loss.value + told, metrics=metrics)

    def validate(self, model: Any, batch: Batch) -> dict[str, Tensor]:
        """Cross-entropy, and the error of denoising, of each row."""
        found = super().validate(model, batch)
        with torch.no_grad():
            errors = _errors(model, model.flat(batch.x), batch.y)
        return found | {"denoising": found["loss"], "loss": errors}


def _errors(model: Any, x: Tensor, y: Tensor | None) -> Tensor:
    r""":math:`-\log p(y | x)` of each row, 0 where there is no label."""
    if y is None:
        return x.new_zeros(len(x))
    return cross_entropy(model.logits(x), y.long(), ignore_index=-1, reduction="none")
