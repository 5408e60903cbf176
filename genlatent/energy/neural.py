"""Energies that are networks."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call

from genlatent.distributions.supports import check
from genlatent.energy import spectral
from genlatent.energy.reflection import fold, heading
from genlatent.errors import DataError, RecipeError
from genlatent.model import Model
from genlatent.networks.base import Network, size
from genlatent.networks.mlp import MLP
from genlatent.objectives.base import Objective
from genlatent.objectives.langevin import ContrastiveLangevin
from genlatent.sampling.draws import Draws
from genlatent.sampling.driver import Progress, average, trace, warm_up
from genlatent.sampling.hmc import HMC
from genlatent.sampling.kernels import chosen
from genlatent.sampling.langevin import Langevin
from genlatent.sampling.mala import MALA
from genlatent.sampling.slopes import SlopeState, slope

METHODS = {"mala": MALA, "hmc": HMC, "langevin": Langevin}
SUPPORTS = ("real", "unit")
STRIDE = 0.1  # first step of a kernel, in standard deviations of the data


class NeuralEnergy(Model):
    r"""A density told by a network that gives one number.

    .. math:: p(x) = \frac{1}{Z} e^{-E(x) / \tau}, \qquad
        E(x) = f(u) + \tfrac{\kappa}{2} |u|^2, \quad u = (x - m) / s

    with the mean m of the data and their overall spread s. The temperature :math:`\tau` is 1 unless the energy was
    learned from chains with less noise than Langevin's own, which sampled another one: it is the one at which the
    energy fits its data, and temperatures that verbs are told are multiples of it. Z is not known;
    :func:`.log_partition` anneals. On `unit` data the density lives in the box
    from 0 to 1, whose walls reflect: chains move freely under :math:`E(\mathrm{fold}(x))`, which is even about every
    wall, and their folded places sample the density in the box exactly.

    It is learned by contrast with Langevin chains unless another objective is given (score matching, denoising).

    Args:
        event_shape: shape of one datum.
        network: any module from `(batch, *event_shape)` to one number for each row; an MLP unless given. Score matching
            needs a smooth one.
        confinement: the :math:`\kappa`, which makes an energy on the whole space one that has a Z.
        support: `real`, or `unit` for values from 0 to 1.
        spectral_norm: the largest singular value that each weight matrix is scaled down to; no limit unless given.

    References:
        A Tutorial on Energy-Based Learning (LeCun et al., 2006);
        Spectral Normalization for Generative Adversarial Networks (Miyato et al., 2018)

    >>> NeuralEnergy((2,)).sample(5, steps=10).shape
    torch.Size([5, 2])
    """

    family = "energy"
    conditions = ("x",)
    data = "x"  # the layer of its chains that holds the data
    centre: Tensor
    spread: Tensor
    temperature: Tensor

    def __init__(
        self,
        event_shape: Sequence[int],
        network: nn.Module | None = None,
        confinement: float = 0.1,
        support: str = "real",
        spectral_norm: float | None = None,
    ):
        super().__init__()
        if confinement < 0:
            raise RecipeError(f"confinement must not be negative, got {confinement}")
        if support not in SUPPORTS:
            raise RecipeError(f"support must be one of {', '.join(SUPPORTS)}, got {support!r}")
        if spectral_norm is not None and spectral_norm <= 0:
            raise RecipeError(f"spectral_norm must be above 0, got {spectral_norm}")
        self.event_shape = size(event_shape, "event_shape")
        self.network = MLP((128, 128), "silu") if network is None else network
        self.confinement = confinement
        self.support = support
        self.spectral_norm = spectral_norm
        if isinstance(self.network, Network):
            self.network.bind(self.event_shape, self._outputs())
        self.register_buffer("centre", torch.zeros(self.event_shape))
        self.register_buffer("spread", torch.ones(()))
        self.register_buffer("temperature", torch.ones(()))

    def _outputs(self) -> int:
        return 1

    @property
    def layers(self) -> dict[str, torch.Size]:
        """The one layer of its chains, and its shape."""
        return {self.data: self.event_shape}

    @property
    def sizes(self) -> dict[str, int]:
        """How many values that layer has."""
        return {self.data: self.event_shape.numel()}

    def objective(self) -> Objective:
        """Contrast with persistent Langevin chains."""
        return ContrastiveLangevin()

    @torch.no_grad()
    def prepare(self, x: Tensor) -> None:
        """Measure from the mean of the data, in units of their overall spread."""
        rows = self.shaped(x)
        self.centre.copy_(rows.mean(0))
        self.temperature.fill_(1.0)
        self.spread.copy_((rows - self.centre).square().mean().sqrt().clamp(min=1e-3))

    def energy(self, x: Tensor) -> Float[Tensor, " batch"]:
        """E of each row, at temperature 1."""
        u = self._standard(x)
        return self._energy_of(self._network(u)) + self.confinement / 2 * u.flatten(1).square().sum(1)

    def free_energy(self, x: Tensor) -> Float[Tensor, " batch"]:
        """The energy: there is nothing to sum out."""
        return self.energy(x)

    def _energy_of(self, outputs: Tensor) -> Float[Tensor, " batch"]:
        if outputs.numel() != len(outputs):
            raise DataError(f"an energy is one number for each row, but the network gives {tuple(outputs.shape)}")
        return outputs.reshape(len(outputs))

    def _standard(self, x: Tensor) -> Tensor:
        return (self.inside(x) - self.centre) / self.spread

    def _network(self, u: Tensor) -> Tensor:
        if self.spectral_norm is None:
            return self.network(u)
        return functional_call(self.network, spectral.limited(self.network, self.spectral_norm), (u,))

    def inside(self, x: Tensor) -> Tensor:
        """Where the walls of the support reflect x to."""
        return fold(x) if self.support == "unit" else x

    def heading(self, x: Tensor) -> Tensor:
        """The slope of :meth:`inside`, 1 or -1 for each value."""
        return heading(x) if self.support == "unit" else torch.ones_like(x)

    @torch.no_grad()
    def score(self, x: Tensor, *, generator: torch.Generator | None = None) -> Float[Tensor, " batch"]:
        r""":math:`-E(x) / \tau`: the log-density but for a constant that is the same for every row."""
        return -self.energy(self.check(x)) / self.temperature

    @torch.no_grad()
    def reconstruct(self, x: Tensor, *, noise: float = 0.1) -> Tensor:
        r"""What x is expected to have been before noise, :math:`x - \sigma^2 \nabla E(x) / \tau`.

        Exact (Miyasawa's or Tweedie's formula) where E is the energy of data with that noise.

        Args:
            x: rows of data.
            noise: the :math:`\sigma`, in standard deviations of the data.
        """
        rows = self.check(x)
        shift = (noise * self.spread).square() / self.temperature
        return self.inside(rows - shift * slope(self.energy, rows)[1])

    def kernel(
        self,
        method: str = "mala",
        given: Mapping[str, Any] | None = None,
        temperature: float | Tensor = 1.0,
        **how: Any,
    ) -> Any:
        """What moves chains of this energy; start them by :meth:`start`.

        Args:
            method: `mala` or `hmc`, exact; or `langevin`, without correction.
            given: `x`, with NaN for "sample me"; one row for all chains, or a row for each.
            temperature: one for all chains, or one for each, in units of the model's own.
            how: further arguments of that kernel, such as `size` or `leaps`.
        """
        made = chosen(METHODS, method, how)
        known = self.refuse_unknown(given)
        rows = self.check(torch.as_tensor(known["x"]), missing=True) if "x" in known else None
        spread = float(self.spread)
        how = {"size": STRIDE**2 / 2 * spread**2 if method == "langevin" else STRIDE * spread} | how
        how |= {"given": rows, "temperature": temperature * float(self.temperature)}
        return made(self._given_energy(known), self.event_shape, **how)

    def _given_energy(self, given: Mapping[str, Any]) -> Callable[[Tensor], Tensor]:
        return self.energy

    def start(self, kernel: Any, chains: int | Tensor, generator: torch.Generator | None = None) -> SlopeState:
        """Chains from noise as broad as the data, or from the rows that are given."""
        if isinstance(chains, Tensor):
            return kernel.at(self.check(chains))
        if chains < 1:
            raise RecipeError(f"there must be at least 1 chain, got {chains}")
        shape, like = (chains, *self.event_shape), self.centre
        drawn = torch.randn(shape, generator=generator, dtype=like.dtype, device=like.device)
        return kernel.at(self.inside(self.centre + self.spread * drawn))

    @torch.no_grad()
    def sample(
        self,
        n: int,
        *,
        given: Mapping[str, Any] | None = None,
        steps: int = 1000,
        temperature: float | Tensor = 1.0,
        method: str = "mala",
        start: Tensor | None = None,
        generator: torch.Generator | None = None,
        progress: Progress | None = None,
    ) -> Tensor:
        """The last states of `n` chains; the first of their steps tune the step size.

        Args:
            n: how many.
            given: what is held fixed, as in :meth:`kernel`.
            steps: steps of each chain.
            temperature: one for all chains, or one for each.
            method: what moves the chains, as in :meth:`kernel`.
            start: `n` rows where they start, such as the training's replay buffer; noise unless given.
            generator: the random stream.
            progress: called with steps done and steps in all.
        """
        if start is not None and len(start) != n:
            raise DataError(f"start has {len(start)} rows for {n} draws; give one row for each draw")
        kernel = self.kernel(method, given, temperature)
        state = self.start(kernel, n if start is None else start, generator)
        state = warm_up(kernel, state, steps, generator=generator, progress=progress)
        return self.inside(state.layers["x"])

    @torch.no_grad()
    def trace(
        self,
        draws: int = 1000,
        *,
        chains: int = 4,
        burn_in: int = 500,
        thin: int = 1,
        given: Mapping[str, Any] | None = None,
        temperature: float | Tensor = 1.0,
        method: str = "mala",
        start: Tensor | None = None,
        observe: Callable[[Any], Mapping[str, Tensor]] | None = None,
        generator: torch.Generator | None = None,
        progress: Progress | None = None,
    ) -> Draws:
        """The chains themselves: by default `x` and the energy of each state; arguments as in :meth:`sample`."""
        kernel = self.kernel(method, given, temperature)
        state = self.start(kernel, chains if start is None else start, generator)
        how = {"burn_in": burn_in, "thin": thin, "generator": generator, "progress": progress}
        return trace(kernel, state, draws, observe=observe or self.observe, **how)[1]

    def observe(self, state: SlopeState) -> dict[str, Tensor]:
        """Everything there is to see of a state: `x`, and the energy at temperature 1."""
        return {"x": self.inside(state.layers["x"]), "energy": state.energy}

    @torch.no_grad()
    def impute(
        self, x: Tensor, *, draws: int = 100, burn_in: int = 100, generator: torch.Generator | None = None
    ) -> Tensor:
        """The rows with NaN replaced by its conditional mean, averaged over a clamped chain for each row."""
        rows = self.check(x, missing=True)
        if not bool(rows.isnan().any()):
            return self.shaped(x)
        kernel = self.kernel(given={"x": rows})
        state = self.start(kernel, len(rows), generator)
        mean = average(kernel, state, draws, self._place, burn_in=burn_in, generator=generator)
        return torch.where(rows.isnan(), mean, rows)

    def _place(self, state: SlopeState) -> Tensor:
        return self.inside(state.layers["x"])

    def flat(self, x: Tensor) -> Tensor:
        """Rows of data as the energy takes them."""
        return self.shaped(x)

    def check(self, x: Tensor, *, missing: bool = False) -> Tensor:
        """Rows of data in the shape of events, values outside the support refused."""
        rows = self.shaped(x if x.dim() > len(self.event_shape) else x.unsqueeze(0))
        check(rows, self.support, f"{type(self).__name__} on {self.support} values", missing=missing)
        return rows.to(self.centre)
