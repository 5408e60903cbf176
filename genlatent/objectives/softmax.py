"""Cross-entropy of classes."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from genlatent.errors import DataError, Unsupported
from genlatent.objectives.agreement import check_adversarial, shaken
from genlatent.objectives.base import Batch, Loss, Objective


class SoftmaxCrossEntropy(Objective):
    r"""Negative log-probability of the label, :math:`-\log p(y \mid x)`, of the rows that have one.

    With `adversarial` the prediction for every row, with a label or without, is asked to hold under the change of the
    row that moves it most (:func:`genlatent.objectives.agreement.worst_change`):

    .. math:: -\frac{1}{B_y} \sum_{b \,\text{labelled}} \log p(y_b \mid x_b)
        + \frac{\nu}{B} \sum_b \mathrm{KL}\bigl(p(y \mid x_b) \| p(y \mid x_b + r_b)\bigr)

    References:
        Virtual adversarial training: a regularization method for supervised and semi-supervised learning (Miyato et
        al., 2018)

    Args:
        adversarial: the weight :math:`\nu`.
        length: of :math:`r_b`, by the Euclidean norm.
    """

    needs = ("logits",)

    def __init__(self, adversarial: float = 0.0, length: float = 2.0):
        check_adversarial(adversarial, length)
        self.adversarial, self.length = adversarial, length

    def init(self, model: Any, x: Tensor, share: float = 1.0) -> dict[str, Tensor]:
        """No state; a model that cannot be asked about rows as they are is refused."""
        if self.adversarial and not hasattr(model, "uncorrupted_logits"):
            raise Unsupported(f"adversarial asks for uncorrupted_logits(x), which {type(model).__name__} has not")
        return {}

    def __call__(self, model: Any, batch: Batch, state: dict[str, Tensor]) -> Loss:
        """The mean over labelled rows, and the share of them whose likeliest class is wrong."""
        rows, wrong, known = _judged(model, batch)
        count = known.sum().clamp(min=1)
        value, metrics = rows.sum() / count, {"error": (wrong.sum() / count).detach()}
        if self.adversarial:
            moved = shaken(model.uncorrupted_logits, batch.x, self.length).mean()
            value, metrics["adversarial"] = value + self.adversarial * moved, moved.detach()
        return Loss(value, metrics)

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
