"""Contrastive divergence of machines whose biases depend on a condition of each row."""

from typing import Any

import torch
from torch import Tensor

from genlatent.errors import RecipeError, Unsupported
from genlatent.objectives.base import Batch, Loss, Objective
from genlatent.objectives.centring import centred
from genlatent.sampling.gibbs import BlockGibbs, GibbsState

SITES = 64  # sites of a row that validation looks at


class ConditionalDivergence(Objective):
    r"""Difference of free energy between rows and chains under the rows' own conditions.

    .. math:: L = \langle F(v \mid u) \rangle_{data} - \langle F(v' \mid u) \rangle_{chains}

    The chains start at the rows (CD-k): each condition has its own distribution, so chains that go on from batch to
    batch would need one for every u. Its bias lowers the energy near the data only; it shrinks as `steps` grow.

    The held-out `loss` is the negative pseudo-log-likelihood given u, in nats, where units have two values, and the
    squared error of the reconstruction elsewhere.

    Args:
        steps: Gibbs steps from the data.
        centred: measure statistics about the mean of the data and a moving average of the hidden means.
        memory: how much of the moving average is kept at each step.

    References:
        Two distributed-state models for generating high-dimensional time series (Taylor, Hinton and Roweis, 2011)
    """

    def __init__(self, steps: int = 5, centred: bool = True, memory: float = 0.99):
        if steps < 1:
            raise RecipeError(f"steps must be at least 1, got {steps}")
        if not 0 <= memory <= 1:
            raise RecipeError(f"memory must lie between 0 and 1, got {memory}")
        self.steps = steps
        self.centred = centred
        self.memory = memory

    def __call__(self, model: Any, batch: Batch, state: dict[str, Tensor]) -> Loss:
        """The difference for one batch; both free energies come from one product."""
        data, y = model.flat(batch.x), model.condition.of(None, batch.y)
        chains = self.advance(model.under(y), data)
        plain = centred(model.theta(), model.offsets()) if self.centred else model.theta()
        shifts = {name: torch.cat((one, one)) for name, one in model.shifts(y).items()}
        theta = plain._replace(biases={name: b + shifts[name] for name, b in plain.biases.items()})
        energy, fields = model.reduced_energy({model.data: torch.cat((data, chains))}, theta=theta)
        on_data, on_chains = energy[: len(data)].mean(), energy[len(data) :].mean()
        value = on_data - on_chains
        metrics = {"gap": value.detach(), "free_energy": on_data.detach()}
        return Loss(value, metrics, {}, self._moved(model, fields, len(data)))

    @torch.no_grad()
    def advance(self, machine: Any, v: Tensor) -> Tensor:
        """Visible states, `steps` Gibbs steps on."""
        gibbs, state = BlockGibbs(machine), GibbsState({machine.data: v})
        for _ in range(self.steps):
            state, _ = gibbs.step(state)
        return state.layers[machine.data]

    @torch.no_grad()
    def _moved(self, model: Any, fields: dict[str, Tensor], rows: int) -> dict[str, Tensor]:
        if not self.centred:
            return {}
        old = model.offsets()
        means = {name: model.units[name].mean(f[:rows]).mean(0) for name, f in fields.items()}
        return {f"{n}_offset": self.memory * old[n] + (1 - self.memory) * mean for n, mean in means.items()}

    @torch.no_grad()
    def validate(self, model: Any, batch: Batch) -> dict[str, Tensor]:
        """Negative pseudo-log-likelihood, free energy and squared reconstruction error of each row, given u."""
        y = model.condition.of(None, batch.y)
        error = (model.reconstruct(batch.x, y) - model.shaped(batch.x)).flatten(1).square().sum(1)
        found = {"free_energy": -model.score(batch.x, y), "reconstruction": error}
        try:
            every = -(-model.sizes[model.data] // SITES)
            return {"loss": -model.pseudo_likelihood(batch.x, y, every=every), **found}
        except Unsupported:
            return {"loss": error, **found}
