"""Reconstruction: a deterministic model gives back what it was shown."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from genlatent.objectives.base import Batch, Loss, Objective

Penalty = Callable[[Any, Tensor, Tensor], Tensor]


class Reconstruction(Objective):
    r"""Loss of the rows rebuilt from their codes, plus penalties.

    .. math:: \frac{1}{B} \sum_b \ell(x_b, g(f(\tilde x_b))) + \sum_r r(x, f(\tilde x))

    where :math:`\tilde x` is x after the model's corruption, in training only.

    References:
        Extracting and composing robust features with denoising autoencoders (Vincent et al., 2008)

    Args:
        penalties: objects called as `penalty(model, x, code)`; one value for each row, or a scalar. Its metric is
            named after its class or function.
    """

    def __init__(self, penalties: Sequence[Penalty] = ()):
        self.penalties = tuple(penalties)

    def __call__(self, model: Any, batch: Batch, state: dict[str, Tensor]) -> Loss:
        """The scalar to minimise, and what it consists of."""
        x, observed = model.split(batch.x)
        seen = x if model.corruption is None else model.corruption(x)
        code = model.code(seen)
        rows = model.loss.loss(model.params(code), x, observed)
        parts = {name: penalty(model, seen, code).mean() for name, penalty in self.named_penalties()}
        value = rows.mean() + sum(parts.values())
        return Loss(value, {"loss": rows.detach().mean(), **{name: part.detach() for name, part in parts.items()}})

    def validate(self, model: Any, batch: Batch) -> dict[str, Tensor]:
        """The loss of each row, seen without corruption."""
        x, observed = model.split(batch.x)
        return {"loss": model.loss.loss(model.params(model.code(x)), x, observed).detach()}

    def named_penalties(self) -> list[tuple[str, Penalty]]:
        """Each penalty and the name of its metric."""
        return [(getattr(p, "__name__", type(p).__name__).lower(), p) for p in self.penalties]
