"""Contrastive divergence: lower the free energy of the data, raise that of chains run by the model."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from genlatent.errors import RecipeError, Unsupported
from genlatent.objectives.base import Batch, Loss, Objective
from genlatent.objectives.centring import centred
from genlatent.sampling.gibbs import GibbsState
from genlatent.sampling.mean_field import mean_field, settled, spread, variational_free_energy

POSITIVE = ("mean-field", "gibbs")
SITES = 64  # sites of a row that validation looks at; all of them would cost more than the epoch before
SITES_COUPLED = 8  # the same where each site costs an inference of its own

State = dict[str, Tensor]  # layer name -> (row, units)


class Positive(NamedTuple):
    """The positive phase of a batch."""

    layers: State  # what is given, and the other layers that have no closed sum
    beliefs: State  # means or draws of the latter
    draws: State = {}  # of all layers that are not given, where these are coupled and chains or beliefs need them
    spread: Tensor | float = 0.0  # (row,) what the energy of `layers` has above the free energy


class ContrastiveDivergence(Objective):
    r"""Difference of free energy between data and chains,

    .. math:: L = \langle F(v) \rangle_{data} - \langle F(v) \rangle_{chains}

    whose gradient is the log-likelihood's when the chains are in equilibrium. The value itself says little: it
    hovers about zero while the model learns.

    Layers that have a closed sum given all others are summed out (those of an RBM: :math:`F` is exact). Where hidden
    layers are coupled to each other, the others are in the positive phase either means of the factorised
    distribution, which makes :math:`L` the gradient of a lower bound on the likelihood, or draws with the data
    clamped, whose gradient is the likelihood's once they have forgotten their start. Chains run over all layers.

    The held-out `loss` is the negative pseudo-log-likelihood in nats; where the model has none, the squared error of
    the reconstruction.

    Args:
        steps: Gibbs steps between two updates.
        persistent: chains go on from where they were (PCD); otherwise they start at the batch (CD-k), which biases
            the gradient towards raising the energy near the data only. On 4x4 bars and stripes CD-1 ends 0.26 nat from
            the data in KL(data || model), where chains that persist for 10 steps at a time end at 0.05; where they mix
            within a step it costs nothing: 0.0003 nat of the likelihood of a machine of 6 + 4 units.
        chains: number of persistent chains.
        centred: measure statistics about the mean of the data and moving averages of the hidden layers' means.
        memory: how much of the moving averages is kept at each step.
        positive: `mean-field` or `gibbs`, for coupled hidden layers.
        sweeps: over the hidden layers in the positive phase, where they are coupled.
        warm_up: Gibbs steps of persistent chains before the first update, for a machine that has been trained before.

    References:
        Training Restricted Boltzmann Machines using Approximations to the Likelihood Gradient (Tieleman, 2008)

        Deep Boltzmann Machines (Salakhutdinov and Hinton, 2009)
    """

    needs = ("reduced_energy",)

    def __init__(
        self,
        steps: int = 1,
        persistent: bool = True,
        chains: int = 500,
        centred: bool = True,
        memory: float = 0.99,
        positive: str = "mean-field",
        sweeps: int = 10,
        warm_up: int = 0,
    ):
        if min(steps, chains, sweeps) < 1:
            raise RecipeError(f"steps, chains and sweeps must be at least 1, got {steps}, {chains} and {sweeps}")
        if warm_up < 0:
            raise RecipeError(f"warm_up must not be negative, got {warm_up}")
        if not 0 <= memory <= 1:
            raise RecipeError(f"memory must lie between 0 and 1, got {memory}")
        if positive not in POSITIVE:
            raise RecipeError(f"positive must be one of {', '.join(POSITIVE)}, got {positive!r}")
        self.steps = steps
        self.persistent = persistent
        self.chains = chains
        self.centred = centred
        self.memory = memory
        self.positive = positive
        self.sweeps = sweeps
        self.warm_up = warm_up

    def rows(self, model: Any, batch_size: int) -> int:
        """Two products for each row of data, and two more a step for each chain, where there and back takes three."""
        chains = self.chains if self.persistent else batch_size
        return (2 * batch_size + 2 * (self.steps + 1) * chains) // 3

    def init(self, model: Any, x: Tensor, share: float = 1.0) -> dict[str, Tensor]:
        """Persistent chains, `warm_up` steps from the base rates of the data."""
        if not self.persistent:
            return {}
        layers = model.gibbs().init(max(1, round(self.chains * share))).layers
        chains = {name: layers[name] for name in carried(model)}
        return {_key(model, n): s for n, s in run(model.gibbs(), chains, self.warm_up).items()}

    def __call__(self, model: Any, batch: Batch, state: dict[str, Tensor]) -> Loss:
        """Free-energy difference of one batch; both free energies come from one product."""
        positive = self.clamp(model, batch)
        chains = self.advance(model, self.start(model, positive, state))
        loss = self.difference(model, positive, chains)
        return loss._replace(state={_key(model, n): s for n, s in chains.items()} if self.persistent else {})

    def clamp(self, model: Any, batch: Batch) -> Positive:
        """What the layers without a closed sum are like while the data are clamped; no gradient goes through it."""
        given = model.clamped(batch.x)
        unknown = [name for name in model.layers if name not in given and name not in model.summed]
        if not unknown:
            return Positive(given, {})
        with torch.no_grad():
            gibbs = self.positive == "gibbs"
            q = mean_field(model, given, 1 if gibbs else self.sweeps)
            needed = q.fields if gibbs or not self.persistent else {}
            draws = {name: model.units[name].sample(f) for name, f in needed.items()}
            if gibbs:
                draws = run(model.gibbs().holding(*given), given | draws, self.sweeps)
                beliefs = {name: draws[name] for name in unknown}
                return Positive(given | beliefs, beliefs, draws)
        beliefs = {name: q.means[name] for name in unknown}
        return Positive(given | beliefs, beliefs, draws, spread(model, q, tuple(unknown)))

    def start(self, model: Any, positive: Positive, state: dict[str, Tensor]) -> State:
        """Where the chains of this step start."""
        if self.persistent:
            return {name: state[_key(model, name)] for name in carried(model)}
        return {name: (positive.layers | positive.draws)[name] for name in carried(model)}

    @torch.no_grad()
    def advance(self, model: Any, chains: State) -> State:
        """The same layers of the chains, `steps` Gibbs steps on."""
        return run(model.gibbs(), chains, self.steps)

    def difference(self, model: Any, positive: Positive, chains: State) -> Loss:
        """The loss, given both phases."""
        theta = centred(model.theta(), model.offsets()) if self.centred else model.theta()
        rows = len(next(iter(positive.layers.values())))
        both = {name: torch.cat((s, chains[name])) for name, s in positive.layers.items()}
        energy, fields = model.reduced_energy(both, theta=theta)
        on_data, on_chains = energy[:rows].mean(), energy[rows:].mean()
        free_energy = (energy[:rows] - positive.spread).mean()
        value = on_data - on_chains + _gradient_of(free_energy - on_data)
        metrics = {"gap": value.detach(), "free_energy": free_energy.detach()}
        buffers = self._move_offsets(model, {name: f[:rows] for name, f in fields.items()}, positive.beliefs)
        return Loss(value, metrics, {}, buffers)

    @torch.no_grad()
    def _move_offsets(self, model: Any, fields: State, beliefs: State) -> dict[str, Tensor]:
        """Moving averages of the hidden means; the data's own mean was set once, from all of them."""
        if not self.centred:
            return {}
        old = model.offsets()
        means = {name: model.units[name].mean(f).mean(0) for name, f in fields.items()}
        means |= {name: s.mean(0) for name, s in beliefs.items()}
        return {f"{n}_offset": self.memory * old[n] + (1 - self.memory) * mean for n, mean in means.items()}

    @torch.no_grad()
    def validate(self, model: Any, batch: Batch) -> dict[str, Tensor]:
        """Negative pseudo-log-likelihood, free energy and squared reconstruction error of each row.

        In wide layers the pseudo-log-likelihood looks at some sites of each row, other ones in the next row. The free
        energy is the variational one where hidden layers are coupled.
        """
        given = model.clamped(batch.x)
        q = settled(model, given, most=100) if len(given) < len(model.layers) else None
        rows = {"free_energy": _free_energy(model, given, q)}
        if q is not None:
            v = model.units[model.data].mean(model.field(model.data, {**given, **q.means}))
            rows["reconstruction"] = (v - given[model.data]).square().sum(1)
        pseudo = _pseudo_likelihood(model, batch.x)
        return {"loss": rows["reconstruction"] if pseudo is None else -pseudo, **rows}


def carried(model: Any) -> tuple[str, ...]:
    """The layers that a chain is made of: all but those that a step draws before it looks at them."""
    return tuple(name for name in model.layers if name not in model.summed or name not in model.blocks[0])


def run(kernel: Any, layers: State, steps: int) -> State:
    """The same layers so many Gibbs steps on."""
    state = GibbsState(layers)
    for _ in range(steps):
        state, _ = kernel.step(state)
    return {name: state.layers[name] for name in layers}


def _gradient_of(x: Tensor) -> Tensor:
    """Zero, with the gradient of x."""
    return x - x.detach()


def _free_energy(model: Any, given: State, q: Any) -> Tensor:
    return model.reduced_energy(given)[0] if q is None else variational_free_energy(model, given, q)


def _pseudo_likelihood(model: Any, x: Tensor) -> Tensor | None:
    """Of the sites that there is time for, or None where the model has none."""
    if not hasattr(model, "pseudo_likelihood"):
        return None
    coupled = any(a not in model.clamped(x) and b not in model.clamped(x) for a, b in model.couplings)
    sites = model.sizes[model.data]
    try:
        return model.pseudo_likelihood(x, every=-(-sites // (SITES_COUPLED if coupled else SITES)))
    except Unsupported:
        return None


def kept(model: Any, chains: State) -> dict[str, Tensor]:
    """Layers of chains by the names under which the trainer keeps them."""
    return {_key(model, name): s for name, s in chains.items()}


def _key(model: Any, layer: str) -> str:
    """The name under which the trainer keeps a layer of the chains."""
    return "chains" if layer == model.data else f"chains_{layer}"
