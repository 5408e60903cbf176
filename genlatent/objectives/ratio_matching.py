"""Ratio matching: a site's flip compared with the state itself, which needs neither chains nor ln Z."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.errors import RecipeError, Unsupported
from genlatent.objectives.base import Batch, Loss, Objective
from genlatent.objectives.centring import centred


class RatioMatching(Objective):
    r"""Squared chance that the model gives to a flipped site rather than to the one that was seen,

    .. math:: L = \Bigl\langle \sum_i \sigma\bigl(F(v) - F(\bar v^i)\bigr)^2 \Bigr\rangle_{data}

    where :math:`\bar v^i` is v with its i-th site at its other value. Where F is the free energy itself, the hidden
    layers having a closed sum, it is consistent: where the model can be equal to the data it is so at the minimum;
    where it cannot, the minimum is not the likelihood's. It fell 0.01 nat short of the likelihood of a machine of 6 + 4
    units after 500 steps. Machines whose hidden layers are coupled have no such F, only a variational one, of which
    the same would not hold; they are refused. Sites have two values.

    The held-out `loss` is the same for each row; it is no likelihood.

    Args:
        sites: how many sites are flipped in each step, drawn anew and the sum scaled up; all unless given.
        centred: take the gradient about the mean of the data and the offsets of the hidden layers, which stay put.

    References:
        Some extensions of score matching (Hyvärinen, 2007)
    """

    def __init__(self, sites: int | None = None, centred: bool = True):
        if sites is not None and sites < 1:
            raise RecipeError(f"sites must be at least 1, got {sites}")
        self.sites = sites
        self.centred = centred

    def init(self, model: Any, x: Tensor, share: float = 1.0) -> dict[str, Tensor]:
        """No state; units of other than two values are refused, and machines without a free energy."""
        values = model.units[model.data].values
        if values is None or len(values) != 2:
            kind = type(model.units[model.data]).__name__
            raise Unsupported(f"ratio matching flips sites of two values, but the data layer has {kind} units")
        try:
            with torch.no_grad():
                model.free_energy(model.flat(x[:1]), theta=model.theta())
        except Unsupported:
            raise Unsupported(
                f"ratio matching compares free energies, which {type(model).__name__} has by mean field only; "
                "contrastive divergence does without"
            ) from None
        return {}

    def __call__(self, model: Any, batch: Batch, state: dict[str, Tensor]) -> Loss:
        """The loss of one batch."""
        theta = centred(model.theta(), model.offsets()) if self.centred else model.theta()
        value = self._rows(model, model.flat(batch.x), theta).mean()
        return Loss(value, {"ratio": value.detach()})

    @torch.no_grad()
    def validate(self, model: Any, batch: Batch) -> dict[str, Tensor]:
        """The same for each row."""
        return {"loss": self._rows(model, model.flat(batch.x), model.theta())}

    def _rows(self, model: Any, v: Float[Tensor, "batch units"], theta: Any) -> Float[Tensor, " batch"]:
        width = v.shape[1]
        chosen = torch.arange(width, device=v.device)
        if self.sites is not None and self.sites < width:
            chosen = torch.rand(width, device=v.device).argsort()[: self.sites]
        other = sum(model.units[model.data].values) - v
        here = torch.nn.functional.one_hot(chosen, width).bool().unsqueeze(1)  # (site, 1, units)
        flipped = torch.where(here, other, v)
        energies = model.free_energy(torch.cat((v.unsqueeze(0), flipped)).flatten(0, 1), theta=theta)
        energies = energies.unflatten(0, (1 + len(chosen), len(v)))
        return (energies[0] - energies[1:]).sigmoid().square().sum(0) * (width / len(chosen))
