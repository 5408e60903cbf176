"""Cross-entropy of classes."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from genlatent.errors import DataError
from genlatent.objectives.base import Batch, Loss, Objective


class SoftmaxCrossEntropy(Objective):
    r"""Negative log-probability of the label, :math:`-\log p(y \mid x)`, of the rows that have one."""

    needs = ("logits",)

    def __call__(self, model: Any, batch: Batch, state: dict[str, Tensor]) -> Loss:
        """The mean over labelled rows, and the share of them whose likeliest class is wrong."""
        rows, wrong, known = _judged(model, batch)
        count = known.sum().clamp(min=1)
        return Loss(rows.sum() / count, {"error": (wrong.sum() / count).detach()})

    @torch.no_grad()
    def validate(self, model: Any, batch: Batch) -> dict[str, Tensor]:
        """Of each row, 0 where it has no label."""
        rows, wrong, _ = _judged(model, batch)
        return {"loss": rows, "error": wrong}


def _judged(model: Any, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    if batch.y is None:
        raise DataError("classification learns from labels, and these data have none")
    logits, known = model.logits(batch.x), batch.y >= 0
    rows = cross_entropy(logits, batch.y.clamp(min=0), reduction="none") * known
    return rows, ((logits.argmax(-1) != batch.y) & known).to(rows), known
