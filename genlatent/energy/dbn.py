"""Deep belief nets."""

import copy
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from genlatent.autoencoders.autoencoder import Autoencoder
from genlatent.autoencoders.classifier import Classifier
from genlatent.distributions.supports import check
from genlatent.energy import layout, unrolled
from genlatent.energy.dbn_imputation import completing, imputed
from genlatent.energy.machine import BoltzmannMachine
from genlatent.energy.rbm import RBM
from genlatent.energy.units import Bernoulli, Unit
from genlatent.errors import DataError, RecipeError
from genlatent.model import Model
from genlatent.objectives.wake_sleep import WakeSleep
from genlatent.sampling.driver import Progress, run

SMALL = 0.01  # standard deviation of the weights before training


class DeepBeliefNet(Model):
    r"""A restricted Boltzmann machine on top of directed layers that lead down to the data.

    .. math::

        p(v, h^1, \dots, h^L) = p(v \mid h^1) \cdots p(h^{L-2} \mid h^{L-1}) \, p_{RBM}(h^{L-1}, h^L), \qquad
        q(h^1, \dots, h^{L-1} \mid v) = q(h^1 \mid v) \cdots q(h^{L-1} \mid h^{L-2})

    Every conditional distribution is that of independent units. The layers can be trained greedily, each an RBM of
    the codes below it (`genlatent.training.pretraining.pretrain`, or `pretrain:` in a recipe); `fit` goes on with all
    of them together by the up-down algorithm, which lets recognition and generation weights part.

    Args:
        visible: number of visible units, or the shape of one datum.
        hidden: number of units of each hidden layer, from the data upwards.
        visible_units: kind of visible unit; `Bernoulli` by default. Hidden units are binary.

    References:
        A Fast Learning Algorithm for Deep Belief Nets (Hinton, Osindero and Teh, 2006)

    >>> net = DeepBeliefNet((1, 2, 2), hidden=(3, 2))
    >>> net.sample(5, steps=10).shape
    torch.Size([5, 1, 2, 2])
    """

    family = "energy"
    conditions = ("x",)

    def __init__(
        self,
        visible: int | Sequence[int] = 784,
        hidden: Sequence[int] = (500, 500, 2000),
        visible_units: Unit | None = None,
    ):
        super().__init__()
        if len(hidden) < 1 or min(hidden) < 1:
            raise RecipeError(f"hidden lists the units of each hidden layer, such as (500, 2000), got {hidden!r}")
        self.visible = visible if isinstance(visible, int) else tuple(visible)
        self.hidden = tuple(hidden)
        self.event_shape = layout.shape(self.visible)
        self.sizes = (self.event_shape.numel(), *self.hidden)
        self.recognition = nn.ModuleList(_linear(a, b) for a, b in pairwise(self.sizes[:-1]))
        self.generation = nn.ModuleList(_linear(b, a) for a, b in pairwise(self.sizes[:-1]))
        below = self.visible if len(self.hidden) == 1 else self.hidden[-2]
        self.top = RBM(below, self.hidden[-1], visible_units if len(self.hidden) == 1 else None)
        self.visible_units = visible_units or (self.top.visible_units if len(self.hidden) == 1 else Bernoulli())
        self.visible_units.bind(self.sizes[0], "visible")
        self.support = self.visible_units.support
        self._tie()

    @torch.no_grad()
    def _tie(self) -> None:
        """Before any training recognition is generation transposed."""
        for up, down in zip(self.recognition, self.generation):
            unrolled.affine(up)[0].copy_(unrolled.affine(down)[0].mT)

    @property
    def units(self) -> tuple[Unit, ...]:
        """The kind of unit of the visible layer and of every hidden one below the top RBM's hidden layer."""
        return (self.visible_units, *[self.top.visible_units] * (len(self.hidden) - 1))

    def objective(self) -> WakeSleep:
        """The up-down algorithm, a contrastive form of wake-sleep."""
        return WakeSleep()

    def prepare(self, x: Tensor) -> None:
        """Let the visible biases start from the mean of the data."""
        if len(self.hidden) == 1:
            self.top.prepare(x)
        else:
            rows = self.flat(x)
            self.visible_units.prepare(rows)
            self._start_from(rows.mean(0))

    @torch.no_grad()
    def _start_from(self, mean: Tensor) -> None:
        bias = self.generation[0].get_parameter("bias")
        if not bias.any():
            bias.copy_(self.visible_units.link(mean))

    def flat(self, x: Tensor) -> Float[Tensor, "batch visible"]:
        """Rows of data as rows of the visible layer."""
        return self.shaped(x).reshape(len(x), -1)

    def check(self, x: Tensor, *, missing: bool = False) -> Float[Tensor, "batch visible"]:
        """The same, values outside the units' support refused."""
        rows = self.flat(x)
        check(rows, self.support, f"{type(self).__name__} with {self.support} units", missing=missing)
        return rows.to(self.top.visible_bias)

    def up(self, v: Tensor, generator: torch.Generator | None = None) -> tuple[list[Tensor], list[Tensor]]:
        """One draw of every layer below the top RBM's hidden one, the data first, and the fields of those drawn."""
        states, fields = [v], []
        for layer, unit in zip(self.recognition, self.units[1:]):
            fields.append(layer(states[-1]))
            states.append(unit.sample(fields[-1], generator))
        return states, fields

    def down(self, h: Tensor, generator: torch.Generator | None = None) -> list[Tensor]:
        """One draw of the same layers from the upper one downwards; in the order of :meth:`up`."""
        states = [h]
        for layer, unit in zip(reversed(self.generation), reversed(self.units[:-1])):
            states.append(unit.sample(layer(states[-1]), generator))
        return states[::-1]

    def log_generation(self, states: Sequence[Tensor]) -> Tensor | float:
        r""":math:`\log p(v \mid h^1) + \dots + \log p(h^{L-2} \mid h^{L-1})` of each row."""
        lower = zip(self.units, states, self.generation, states[1:])
        return sum((log_prob(unit, s, layer(above)) for unit, s, layer, above in lower), start=0.0)

    def log_recognition(self, states: Sequence[Tensor]) -> Tensor | float:
        r""":math:`\log q(h^1 \mid v) + \dots + \log q(h^{L-1} \mid h^{L-2})` of each row."""
        upper = zip(self.units[1:], states[1:], self.recognition, states)
        return sum((log_prob(unit, s, layer(below)) for unit, s, layer, below in upper), start=0.0)

    def entropy(self, fields: Sequence[Tensor]) -> Tensor | float:
        """Entropy of the layers that recognition draws, given what was drawn below each; nats."""
        return sum((unit_entropy(unit, f) for unit, f in zip(self.units[1:], fields)), start=0.0)

    @torch.no_grad()
    def encode(self, x: Tensor) -> Float[Tensor, "batch hidden"]:
        """Means of the top layer, each layer's means taken for its states."""
        return self.encoded(self.check(x))

    def encoded(self, x: Tensor) -> Float[Tensor, "batch hidden"]:
        """The same of rows that are not checked, differentiable."""
        h = self.flat(x)
        for layer, unit in zip(self.recognition, self.units[1:]):
            h = unit.mean(layer(h))
        return self.top.hidden_units.mean(self.top.field("hidden", {"visible": h}))

    @torch.no_grad()
    def decode(self, z: Float[Tensor, "batch hidden"]) -> Tensor:
        """Means of the visible layer on the way down, each layer's means taken for its states."""
        h = self.top.visible_units.mean(self.top.field("visible", {"hidden": z}))
        for layer, unit in zip(reversed(self.generation), reversed(self.units[:-1])):
            h = unit.mean(layer(h))
        return h.reshape(len(z), *self.event_shape)

    @torch.no_grad()
    def sample(
        self,
        n: int,
        *,
        given: Mapping[str, Any] | None = None,
        steps: int = 1000,
        generator: torch.Generator | None = None,
        progress: Progress | None = None,
    ) -> Tensor:
        """`n` draws: Gibbs steps of the top RBM, then one way down; with pixels given, see :func:`.completing`.

        Args:
            n: how many.
            given: `x`, one row for all or a row for each, with NaN for "sample me".
            steps: Gibbs steps of each of `n` chains.
            generator: the random stream.
            progress: called with steps done and steps in all.
        """
        held = self.refuse_unknown(given)
        if n < 1 or steps < 1:
            raise RecipeError(f"n and steps must be at least 1, got {n} and {steps}")
        if "x" in held:
            return self._completed(self._rows(held["x"], n), steps, generator, progress)
        kernel = self.top.gibbs()
        state = run(kernel, kernel.init(n, generator), steps, generator=generator, progress=progress)
        return self.down(state.layers["visible"], generator)[0].reshape(n, *self.event_shape)

    def _rows(self, given: Any, n: int) -> Float[Tensor, "draws visible"]:
        """Given pixels as a row of the visible layer for each draw."""
        x = torch.as_tensor(given, device=self.top.visible_bias.device)
        rows = self.check(x if x.numel() > self.sizes[0] else x.reshape(1, *self.event_shape), missing=True)
        if not bool(rows.isnan().any()):
            raise DataError("given x leaves nothing to sample; put NaN where values are to be drawn")
        if len(rows) not in (1, n):
            raise DataError(f"given x has {len(rows)} rows for {n} draws; give one row, or one for each")
        return rows.expand(n, -1)

    def _completed(
        self, rows: Tensor, steps: int, generator: torch.Generator | None, progress: Progress | None
    ) -> Tensor:
        if len(self.hidden) == 1:
            how = {"steps": steps, "generator": generator, "progress": progress}
            return self.top.sample(len(rows), given={"x": rows}, **how)
        chain, v = completing(self, rows, generator), rows
        for done in range(1, steps + 1):
            v, _ = next(chain)
            if progress is not None:
                progress(done, steps)
        return v.reshape(len(rows), *self.event_shape)

    def impute(
        self, x: Tensor, *, draws: int = 200, burn_in: int = 100, generator: torch.Generator | None = None
    ) -> Tensor:
        """The rows with NaN replaced by its conditional mean, averaged over a chain for each row.

        Args:
            x: rows of data, NaN where they are not known.
            draws: steps of each chain that are averaged over.
            burn_in: steps before.
            generator: the random stream.
        """
        if len(self.hidden) == 1:
            return self.top.impute(x, draws=draws, burn_in=burn_in, generator=generator)
        rows = self.check(x, missing=True)
        return imputed(self, rows, draws=draws, burn_in=burn_in, generator=generator).reshape(x.shape)

    @torch.no_grad()
    def score(
        self, x: Tensor, *, generator: torch.Generator | None = None, samples: int = 20
    ) -> Float[Tensor, " batch"]:
        r"""An unbiased estimate of a lower bound on the log-probability, ln Z of the top RBM above it.

        .. math:: \mathbb{E}_q\bigl[\log p(v \mid h^1) + \dots - F_{RBM}(h^{L-1})\bigr] + H(q)

        Args:
            x: rows of data.
            generator: the random stream.
            samples: draws of the hidden layers for each row.
        """
        v = self.check(x)
        return torch.stack([self._bound(v, generator) for _ in range(samples)]).mean(0)

    def _bound(self, v: Tensor, generator: torch.Generator | None) -> Tensor:
        states, fields = self.up(v, generator)
        return self.log_generation(states) + self.entropy(fields) - self.top.free_energy(states[-1])

    def bound(self, x: Tensor, *, generator: torch.Generator | None = None, samples: int = 20) -> Tensor:
        """:meth:`score` less ln Z, in nats, where the top RBM is small enough to list its states."""
        return self.score(x, generator=generator, samples=samples) - self.top.log_partition_exact()

    def stack(self) -> list[RBM]:
        """Fresh RBMs, to be trained greedily from the data upwards and then adopted."""
        sizes = (self.visible, *self.hidden)
        kinds = [copy.deepcopy(self.visible_units), *[None] * (len(self.hidden) - 1)]
        return [RBM(below, above, unit) for (below, above), unit in zip(zip(sizes, self.hidden), kinds)]

    @torch.no_grad()
    def adopt(self, layers: Sequence[BoltzmannMachine]) -> None:
        """Take over the parameters of a trained :meth:`stack`: the last RBM stays one, the others become directed."""
        *lower, top = layers
        for rbm, up, down in zip(lower, self.recognition, self.generation, strict=True):
            W, b, c = (rbm.get_parameter(name) for name in ("visible_hidden_weight", "visible_bias", "hidden_bias"))
            for mine, learned in zip((*unrolled.affine(up), *unrolled.affine(down)), (W.mT, c, W, b)):
                mine.copy_(learned)
        self.top.load_state_dict(top.state_dict())
        if lower:
            self.visible_units.load_state_dict(lower[0].units["visible"].state_dict())

    def unroll(self) -> Autoencoder:
        """A deep autoencoder with this net's weights: up with means, down with means; to be fine-tuned by `fit`.

        Of held-out digits of 8x8 bits a net of 128, 64 and 16 units, trained greedily, leaves a squared error of 5.88,
        and 3.19 after 500 epochs of fine-tuning; from random weights these end at 3.56 (one seed, epochs and rate
        chosen on these rows). Sixteen principal components leave 2.30: their codes are real numbers without bounds,
        where these lie between 0 and 1.

        References:
            Reducing the dimensionality of data with neural networks (Hinton and Salakhutdinov, 2006)
        """
        return unrolled.autoencoder(self.event_shape, self.support, self._upwards(), self._downwards())

    def classifier(self, classes: int) -> Classifier:
        """A network with this net's recognition weights and a softmax layer on top, to be fine-tuned by `fit`."""
        made = Classifier(
            self.event_shape, classes, unrolled.encoder(self.event_shape, self._upwards()), self.hidden[-1]
        )
        return made.to(self.top.W)

    def _upwards(self) -> list[unrolled.Affine]:
        return [*map(unrolled.affine, self.recognition), (self.top.W.mT, self.top.c)]

    def _downwards(self) -> list[unrolled.Affine]:
        return [(self.top.W, self.top.b), *map(unrolled.affine, reversed(self.generation))]


def log_prob(unit: Unit, s: Tensor, field: Tensor) -> Tensor:
    r""":math:`\log p(s \mid f) = f^\top s - U(s) - \sum_i K(f_i)` of each row."""
    return (field * s).sum(-1) - unit.base_energy(s) - unit.cumulant(field).sum(-1)


def unit_entropy(unit: Unit, field: Tensor) -> Tensor:
    r"""Entropy of units of listed values, :math:`\sum_i K(f_i) - f_i m_i`, of each row."""
    return unit.cumulant(field).sum(-1) - (field * unit.mean(field)).sum(-1)


def _linear(inputs: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, std=SMALL)
    nn.init.zeros_(layer.bias)
    return layer
