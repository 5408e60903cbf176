"""An autoencoder's own objective, and a density of its codes that keeps up with them."""

from typing import Any

import torch
from torch import Tensor

from genlatent.errors import RecipeError
from genlatent.model import Model
from genlatent.networks.wiring import at_rest
from genlatent.objectives.base import Batch, Loss, Objective


class FollowedCodes(Objective):
    r"""What trains a :class:`GenerativeAutoencoder`: the autoencoder learns as without a density, which follows.

    .. math:: \min_{f, g} \mathcal{L}(f, g), \qquad \text{shares, means and covariances} \leftarrow
              (1 - \rho) \, \text{theirs} + \rho \, \text{those of the batch}

    The density is no part of what is minimised, so the codes are those of the autoencoder alone. Its metric `codes` is
    minus the mean :math:`\log p(z)`, in nats of codes, whose scale is the encoder's.

    Args:
        objective: the autoencoder's; its own unless given.
        rate: :math:`\rho`.
    """

    def __init__(self, objective: Objective | None = None, rate: float = 0.01):
        if not 0 < rate <= 1:
            raise RecipeError(f"rate is a share above 0 and at most 1, got {rate}")
        self.objective, self.rate = objective, rate

    def init(self, model: Any, x: Tensor, share: float = 1.0) -> dict[str, Tensor]:
        """The state of the autoencoder's objective."""
        if type(model.autoencoder).encoded is Model.encoded:
            name = type(model.autoencoder).__name__
            raise RecipeError(
                f"a {name} is not trained together with its density; train it first, then use `of_trained`"
            )
        return self._own(model).init(model.autoencoder, x, share)

    def __call__(self, model: Any, batch: Batch, state: dict[str, Tensor]) -> Loss:
        """The autoencoder's loss, and the density's next moments."""
        loss = self._own(model)(model.autoencoder, batch, state)
        z = self._codes(model, batch.x)
        metrics = loss.metrics | {"codes": -model.density.log_prob(z).mean()}
        after = {f"density.{name}": value for name, value in model.density.moved(z, self.rate).items()}
        inner = {f"autoencoder.{name}": value for name, value in loss.buffers.items()}
        return Loss(loss.value, metrics, loss.state, inner | after)

    def validate(self, model: Any, batch: Batch) -> dict[str, Tensor]:
        """The autoencoder's held-out quantities, and minus the log density of each row's code."""
        own = self._own(model).validate(model.autoencoder, batch)
        return own | {"codes": -model.density.log_prob(self._codes(model, batch.x))}

    def _own(self, model: Any) -> Objective:
        return model.autoencoder.objective() if self.objective is None else self.objective

    def _codes(self, model: Any, x: Tensor) -> Tensor:
        """Codes as they are outside training, without gradient."""
        inner = model.autoencoder
        with torch.no_grad(), at_rest(inner):
            return inner.encoded(inner.split(x)[0] if hasattr(inner, "split") else x).flatten(1)
