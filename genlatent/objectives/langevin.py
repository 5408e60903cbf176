"""Contrastive learning of differentiable energies: chains are Langevin's, and a replay buffer keeps them."""

from typing import Any

import torch
from torch import Tensor

from genlatent.errors import RecipeError, Unsupported
from genlatent.objectives.base import Batch, Loss, Objective
from genlatent.objectives.denoising import noise_error
from genlatent.objectives.score_matching import differentiable_slope
from genlatent.sampling.langevin import langevin_step

JUDGED = 0.1  # noise that validation adds, in standard deviations of the data


class ContrastiveLangevin(Objective):
    r"""Difference of energy between data and Langevin chains,

    .. math:: L = \langle F(x) \rangle_{data} - \langle F(x) \rangle_{chains}
        + \alpha \bigl\langle F(x)^2 \bigr\rangle + \gamma \bigl\langle |\nabla F(x)|^2 \bigr\rangle

    with both penalties over data and chains. Persistent chains lie in a buffer from which each step draws some, moves
    them and puts them back; a share of them starts anew from noise as broad as the data. Short-run chains all start
    from noise at every step: what they learn is a sampler of that many steps rather than a density. On a skewed density
    of the plane persistent chains came within 0.02 nat of it, short runs of 30 steps no nearer than 3 nats.

    True Langevin noise is :math:`\sqrt{2 \epsilon}` for a step of :math:`\epsilon`; then the bias is that of the step
    size. Noise of another size :math:`\sigma` samples the temperature :math:`\tau = \sigma^2 / 2 \epsilon`, in fewer
    steps a colder one, and the energy learned is flatter by as much: a :class:`.NeuralEnergy` is told its :math:`\tau`,
    and is a density at that temperature. The value hovers about zero while the model learns; the held-out `loss` is the
    error of denoising (see :class:`.DenoisingScoreMatching`) at noise of a tenth of the data's spread, no likelihood.

    Args:
        steps: Langevin steps between two updates.
        size: the step :math:`\epsilon`, in units of the data's variance.
        noise: standard deviation of the noise in each step, in standard deviations of the data; Langevin's own unless
            given.
        chains: how many are moved in each step.
        buffer: how many are kept; as many as are moved unless given.
        persistent: whether chains go on from where they were, or start from noise (short-run).
        restart: share of the persistent chains that start from noise.
        blur: standard deviation of noise that is added to the data, in units of their own; it smooths their density,
            which rows of few grey levels need.
        penalty: the :math:`\alpha` on the size of energies, which fixes their level.
        slope_penalty: the :math:`\gamma` on slopes.

    References:
        Implicit Generation and Modeling with Energy-Based Models (Du and Mordatch, 2019);
        Learning Non-Convergent Non-Persistent Short-Run MCMC Toward Energy-Based Model (Nijkamp et al., 2019)
    """

    def __init__(
        self,
        steps: int = 20,
        size: float = 0.01,
        noise: float | None = None,
        chains: int = 500,
        buffer: int | None = None,
        persistent: bool = True,
        restart: float = 0.02,
        blur: float = 0.0,
        penalty: float = 0.0,
        slope_penalty: float = 0.0,
    ):
        if min(steps, chains) < 1 or not size > 0:
            raise RecipeError(f"steps and chains must be at least 1 and size above 0, got {steps}, {chains} and {size}")
        if buffer is not None and buffer < chains:
            raise RecipeError(f"a buffer of {buffer} cannot give {chains} chains; make it at least as large")
        if not 0 <= restart <= 1 or min(noise or 0, blur, penalty, slope_penalty) < 0:
            raise RecipeError("restart is a share; noise, blur, penalty and slope_penalty must not be negative")
        self.steps = steps
        self.size = size
        self.noise = noise
        self.chains = chains
        self.buffer = buffer
        self.persistent = persistent
        self.restart = restart
        self.blur = blur
        self.penalty = penalty
        self.slope_penalty = slope_penalty

    def init(self, model: Any, x: Tensor, share: float = 1.0) -> dict[str, Tensor]:
        """Chains at noise about as broad as the data, whose mean and spread are kept for later starts."""
        if model.support not in ("real", "unit"):
            name, support = type(model).__name__, model.support
            raise Unsupported(f"Langevin chains move real values, the data of this {name} are {support}")
        rows = model.flat(x)
        centre = rows.mean(0)
        spread = (rows - centre).square().mean().sqrt().clamp(min=1e-3)
        state = {"centre": centre, "spread": spread}
        if not self.persistent:
            return state
        number = max(1, round((self.buffer or self.chains) * share))
        return state | {"chains": _noise(model, number, centre, spread)}

    def __call__(self, model: Any, batch: Batch, state: dict[str, Tensor]) -> Loss:
        """Energy difference of one batch."""
        data = model.flat(batch.x)
        if self.blur:
            data = inside(model, data + self.blur * state["spread"] * torch.randn_like(data))
        chains, kept = self._chains(model, state)
        told = self._temperature(model)
        return self.difference(model, data, chains)._replace(state=state | kept, buffers=told)

    def _temperature(self, model: Any) -> dict[str, Tensor]:
        """The temperature that the chains sample, for a model that keeps one; without any noise there is none."""
        known = getattr(model, "temperature", None)
        if not self.noise or not isinstance(known, Tensor):
            return {}
        return {"temperature": torch.full_like(known, self.noise**2 / (2 * self.size))}

    def difference(self, model: Any, data: Tensor, chains: Tensor) -> Loss:
        """The loss, given where the chains are."""
        both = torch.cat((data, chains)).detach()
        if self.slope_penalty:
            both.requires_grad_()
        energy = model.free_energy(both)
        on_data, on_chains = energy[: len(data)].mean(), energy[len(data) :].mean()
        value = on_data - on_chains
        metrics = {"gap": value.detach(), "energy": on_data.detach()}
        if self.penalty:
            value = value + self.penalty * energy.square().mean()
        if self.slope_penalty:
            slope = differentiable_slope(model, both)
            value = value + self.slope_penalty * slope.flatten(1).square().sum(1).mean()
        return Loss(value, metrics)

    def _chains(self, model: Any, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Chains after their steps, and the buffer with them in it."""
        if not self.persistent:
            start = _noise(model, self.chains, state["centre"], state["spread"])
            return self.advance(model, start, state["spread"]), {}
        buffer = state["chains"]
        number = max(1, round(len(buffer) * self.chains / (self.buffer or self.chains)))
        index = torch.rand(len(buffer), device=buffer.device).argsort()[:number]
        x = buffer.index_select(0, index)
        if self.restart:
            again = torch.rand((number, *([1] * (x.dim() - 1))), device=x.device) < self.restart
            x = torch.where(again, _noise(model, number, state["centre"], state["spread"]), x)
        x = self.advance(model, x, state["spread"])
        return x, {"chains": buffer.index_copy(0, index, x)}

    def advance(self, model: Any, x: Tensor, spread: Tensor) -> Tensor:
        """The chains so many Langevin steps on."""
        noise = (2 * self.size) ** 0.5 if self.noise is None else self.noise
        for _ in range(self.steps):
            x = inside(model, langevin_step(model.free_energy, x, self.size * spread**2, noise * spread))
        return x

    def validate(self, model: Any, batch: Batch) -> dict[str, Tensor]:
        """Error of denoising, and the energy, of each row."""
        x = model.flat(batch.x)
        spread = float((x - x.mean(0)).square().mean().sqrt().clamp(min=1e-3))  # never traced
        with torch.no_grad():
            energy = model.free_energy(x)
        return {"loss": noise_error(model, x, (JUDGED * spread,)).detach(), "energy": energy}


def inside(model: Any, x: Tensor) -> Tensor:
    """Where a model's support has edges, the place that they reflect x to."""
    return model.inside(x) if hasattr(model, "inside") else x


def _noise(model: Any, number: int, centre: Tensor, spread: Tensor) -> Tensor:
    drawn = torch.randn((number, *centre.shape), dtype=centre.dtype, device=centre.device)
    return inside(model, centre + spread * drawn)
