"""Contrastive divergence: lower the free energy of the data, raise that of chains run by the model."""

from typing import Any

import torch
from torch import Tensor

from genlatent.errors import RecipeError
from genlatent.objectives.base import Batch, Loss, Objective
from genlatent.objectives.centring import centred
from genlatent.sampling.gibbs import BlockGibbs, GibbsState

SITES = 64  # sites of a row that validation looks at; all of them would cost more than the epoch before


class ContrastiveDivergence(Objective):
    r"""Difference of free energy between data and chains,

    .. math:: L = \langle F(v) \rangle_{data} - \langle F(v) \rangle_{chains}

    whose gradient is the log-likelihood's when the chains are in equilibrium. The value itself says little: it
    hovers about zero while the model learns. The held-out `loss` is the negative pseudo-log-likelihood in nats.

    Args:
        steps: Gibbs steps between two updates.
        persistent: chains go on from where they were (PCD); otherwise they start at the batch (CD-k), which biases
            the gradient towards raising the energy near the data only.
        chains: number of persistent chains.
        centred: measure statistics about the mean of the data and a moving average of the hidden means.
        memory: how much of the moving average is kept at each step.

    References:
        Training Restricted Boltzmann Machines using Approximations to the Likelihood Gradient (Tieleman, 2008)
    """

    def __init__(
        self, steps: int = 1, persistent: bool = True, chains: int = 500, centred: bool = True, memory: float = 0.99
    ):
        if min(steps, chains) < 1:
            raise RecipeError(f"steps and chains must be at least 1, got {steps} and {chains}")
        if not 0 <= memory <= 1:
            raise RecipeError(f"memory must lie between 0 and 1, got {memory}")
        self.steps = steps
        self.persistent = persistent
        self.chains = chains
        self.centred = centred
        self.memory = memory

    def init(self, model: Any, x: Tensor, share: float = 1.0) -> dict[str, Tensor]:
        """Persistent chains at the base rates of the data."""
        if not self.persistent:
            return {}
        chains = max(1, round(self.chains * share))
        return {"chains": BlockGibbs(model).init(chains).layers[model.data]}

    def __call__(self, model: Any, batch: Batch, state: dict[str, Tensor]) -> Loss:
        """Free-energy difference of one batch; both free energies come from one product."""
        data = model.flat(batch.x)
        chains = self.advance(model, state["chains"] if self.persistent else data)
        theta = centred(model.theta(), model.offsets()) if self.centred else model.theta()
        energy, fields = model.reduced_energy({model.data: torch.cat((data, chains))}, theta=theta)
        on_data, on_chains = energy[: len(data)].mean(), energy[len(data) :].mean()
        value = on_data - on_chains
        metrics = {"gap": value.detach(), "free_energy": on_data.detach()}
        buffers = self._move_offsets(model, {name: f[: len(data)] for name, f in fields.items()})
        return Loss(value, metrics, {"chains": chains} if self.persistent else {}, buffers)

    @torch.no_grad()
    def advance(self, model: Any, v: Tensor) -> Tensor:
        """Visible states of the chains, `steps` Gibbs steps on."""
        gibbs = BlockGibbs(model)
        state = GibbsState({model.data: v})
        for _ in range(self.steps):
            state, _ = gibbs.step(state)
        return state.layers[model.data]

    @torch.no_grad()
    def _move_offsets(self, model: Any, fields: dict[str, Tensor]) -> dict[str, Tensor]:
        """Moving averages of the hidden means; the data's own mean was set once, from all of them."""
        if not self.centred:
            return {}
        old = model.offsets()
        means = {name: model.units[name].mean(f).mean(0) for name, f in fields.items()}
        return {f"{n}_offset": self.memory * old[n] + (1 - self.memory) * mean for n, mean in means.items()}

    @torch.no_grad()
    def validate(self, model: Any, batch: Batch) -> dict[str, Tensor]:
        """Negative pseudo-log-likelihood, free energy and squared reconstruction error of each row.

        In wide layers the pseudo-log-likelihood looks at some sites of each row, other ones in the next row.
        """
        v = model.flat(batch.x)
        every = -(-v.shape[1] // SITES)
        error = (model.reconstruct(batch.x) - model.shaped(batch.x)).flatten(1).square().sum(1)
        pseudo = model.pseudo_likelihood(batch.x, every=every)
        return {"loss": -pseudo, "free_energy": model.free_energy(v), "reconstruction": error}
