"""Deep Boltzmann machines."""

import copy
from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.autoencoders.classifier import Classifier
from genlatent.energy import layout, mean_field
from genlatent.energy.doubled import DoubledRBM
from genlatent.energy.machine import BoltzmannMachine, Knob, Theta
from genlatent.energy.mean_field_network import MeanFieldNetwork
from genlatent.energy.rbm import RBM
from genlatent.energy.units import Unit
from genlatent.errors import RecipeError, Unsupported
from genlatent.model import Model
from genlatent.objectives.contrastive import ContrastiveDivergence
from genlatent.sampling.mean_field import MeanField, settled


class DeepBoltzmannMachine(BoltzmannMachine):
    r"""A visible layer and any number of hidden ones, each coupled to its neighbours.

    .. math:: E(v, h^1, \dots, h^L) = -b^\top v - \sum_l c_l^\top h^l - v^\top W_1 h^1 - \sum_{l>1} h^{l-1\top} W_l h^l

    Odd layers are drawn at once given the even ones, and the other way round. The hidden layers given the data are
    inferred by mean field, which bounds the likelihood from below:

    .. math:: \log p(v) \ge -F_q(v) - \log Z, \qquad q(h \mid v) = \prod_{li} q(h^l_i \mid v)

    It learns all layers jointly with the centred gradient of this bound; layers that were trained greedily before
    (`genlatent.training.pretraining.pretrain`) may be taken over by :meth:`adopt`.

    Args:
        visible: number of visible units, or the shape of one datum.
        hidden: number of units of each hidden layer, from the data upwards.
        visible_units: kind of visible unit; `Bernoulli` by default, or that of `lowest`.
        hidden_units: kind of hidden unit; `Bernoulli` by default, or that of `lowest`.
        lowest: a trained machine, an RBM or a shallower deep machine, as which the lowest layers begin; the couplings
            above them are small, so that at first the whole is hardly another model. It is copied, and not kept.
        frozen: how many of the couplings, from the data upwards, stay as they are, with the biases of the layers below
            them; a machine that began as another learns its new layers so before it learns all of them.

    References:
        Deep Boltzmann Machines (Salakhutdinov and Hinton, 2009)

        Deep Boltzmann Machines and the Centering Trick (Montavon and Müller, 2012)

    >>> machine = DeepBoltzmannMachine((1, 2, 2), hidden=(3, 2))
    >>> machine.blocks
    (('hidden_1',), ('visible', 'hidden_2'))
    >>> machine.sample(5, steps=10).shape
    torch.Size([5, 1, 2, 2])
    """

    def __init__(
        self,
        visible: int | Sequence[int] = 784,
        hidden: Sequence[int] = (500, 1000),
        visible_units: Unit | None = None,
        hidden_units: Unit | None = None,
        lowest: BoltzmannMachine | None = None,
        frozen: int = 0,
    ):
        self.check_depth(hidden)
        if not 0 <= frozen < len(hidden):
            raise RecipeError(f"frozen must leave one of {len(hidden)} couplings to be learned, got {frozen}")
        if lowest is not None:
            self._check_lowest(lowest, visible, hidden)
            first, second, *_ = lowest.units.values()
            visible_units, hidden_units = visible_units or copy.deepcopy(first), hidden_units or second
        names = [f"hidden_{number + 1}" for number in range(len(hidden))]
        units = {"visible": visible_units} | {name: copy.deepcopy(hidden_units) for name in names}
        layers = {"visible": visible} | dict(zip(names, hidden))
        super().__init__(layers, list(pairwise(layers)), units)
        self.visible = self.layers["visible"]
        self.hidden = tuple(hidden)
        self.lowest: BoltzmannMachine | None = None
        self.frozen = frozen
        if lowest is not None:
            self._begin_as(lowest)
        for below, above in self.couplings[:frozen]:
            self.get_parameter(f"{below}_{above}_weight").requires_grad_(False)
            self.get_parameter(f"{below}_bias").requires_grad_(False)
            self.units[below].requires_grad_(False)

    @staticmethod
    def _check_lowest(lowest: BoltzmannMachine, visible: int | Sequence[int], hidden: Sequence[int]) -> None:
        sizes = (layout.shape(visible).numel(), *hidden)
        own = tuple(lowest.sizes.values())
        if lowest.couplings != tuple(pairwise(lowest.layers)) or own != sizes[: len(own)]:
            raise RecipeError(
                f"lowest must be a machine of the lowest layers of {sizes}, each coupled to the next, got one of {own}"
            )

    @torch.no_grad()
    def _begin_as(self, lowest: BoltzmannMachine) -> None:
        """What the layer above adds to the field of the one below it in the mean is taken from that one's biases."""
        layers = dict(zip(lowest.layers, self.layers))
        for of, name in layers.items():
            for kept in ("bias", "offset", "base"):
                getattr(self, f"{name}_{kept}").copy_(getattr(lowest, f"{of}_{kept}"))
            self.units[name].load_state_dict(lowest.units[of].state_dict())
        for a, b in lowest.couplings:
            own = self.get_parameter(f"{layers[a]}_{layers[b]}_weight")
            own.copy_(lowest.get_parameter(f"{a}_{b}_weight"))
        for top, above in self.couplings[len(lowest.couplings) :][:1]:
            felt = self.get_parameter(f"{top}_{above}_weight") @ self.get_buffer(f"{above}_offset")
            self.get_parameter(f"{top}_bias").sub_(felt)

    @staticmethod
    def check_depth(hidden: Sequence[int]) -> None:
        """Refuse a machine without hidden layers."""
        if len(hidden) < 1:
            raise RecipeError(f"hidden lists the units of each hidden layer, such as (500, 1000), got {hidden!r}")

    @property
    def hidden_layers(self) -> tuple[str, ...]:
        """Names of the hidden layers, from the data upwards."""
        return tuple(self.layers)[1:]

    @property
    def hidden_units(self) -> Unit:
        """The kind of hidden unit."""
        return self.units[self.hidden_layers[0]]

    def objective(self) -> ContrastiveDivergence:
        """Persistent contrastive divergence of the mean-field bound, centred in every layer."""
        return ContrastiveDivergence()

    @torch.no_grad()
    def posterior(self, x: Tensor) -> MeanField:
        """The factorised distribution of all hidden layers given rows of data."""
        return mean_field.posterior(self, self.check(x))

    def encode(self, x: Tensor) -> Float[Tensor, "batch hidden"]:
        """Mean-field means of the top layer."""
        return self.posterior(x).means[self.hidden_layers[-1]]

    @torch.no_grad()
    def decode(self, z: Float[Tensor, "batch hidden"]) -> Tensor:
        """Mean-field means of the visible layer, given states or means of the top layer."""
        q = settled(self, {self.hidden_layers[-1]: z}, tolerance=mean_field.TOLERANCE)
        return q.means["visible"].reshape(len(z), *self.event_shape)

    @torch.no_grad()
    def reconstruct(self, x: Tensor) -> Tensor:
        """Mean of the visible layer given the mean-field means of the first hidden layer."""
        means = {name: m for name, m in self.posterior(x).means.items() if name == "hidden_1"}
        return self.units["visible"].mean(self.field("visible", means)).reshape(len(x), *self.event_shape)

    def free_energy(
        self, v: Float[Tensor, "batch visible"], *, beta: Knob = None, lam: Knob = None, theta: Theta | None = None
    ) -> Float[Tensor, " batch"]:
        """Variational free energy :math:`F_q(v)`; the free energy itself where there is one hidden layer."""
        if len(self.hidden) == 1:
            return super().free_energy(v, beta=beta, lam=lam, theta=theta)
        if (beta, lam, theta) != (None, None, None):
            raise Unsupported("the mean field of a deep machine is written for its own parameters at temperature 1")
        return mean_field.free_energy(self, v)

    @torch.no_grad()
    def score(self, x: Tensor, *, generator: torch.Generator | None = None) -> Float[Tensor, " batch"]:
        """Minus the variational free energy: ln Z below it lies a lower bound on the log-probability."""
        return -self.free_energy(self.check(x))

    @torch.no_grad()
    def bound(self, x: Tensor) -> Float[Tensor, " batch"]:
        """Lower bound on the log-probability of each row in nats, where :meth:`log_partition_exact` can be had."""
        return mean_field.bound(self, self.check(x))

    @torch.no_grad()
    def pseudo_likelihood(self, x: Tensor, *, every: int = 1) -> Float[Tensor, " batch"]:
        """Sum over sites of the log-probability of each given the others, by mean field: no bound, see there.

        Args:
            x: rows of data.
            every: look at every n-th site only, each row starting one site further, and count each n times over.
        """
        if len(self.hidden) == 1:
            return super().pseudo_likelihood(x, every=every)
        return mean_field.pseudo_likelihood(self, self.check(x), every)

    def classifier(self, classes: int) -> Classifier:
        """A network that starts as this machine, with a softmax layer on top, to be fine-tuned by `fit`.

        Beside the data, each of its layers sees the mean-field means of the layer above; see `MeanFieldNetwork`.
        """
        made = Classifier(self.event_shape, classes, MeanFieldNetwork(self), self.hidden[-1])
        return made.to(self.get_parameter("visible_bias"))

    def stack(self) -> list[Model]:
        """Fresh machines of two layers, to be trained greedily from the data upwards and then adopted.

        Alone, a layer misses what it will get from its other neighbour. So the bottom one sees the data twice, the top
        one has its hidden layer twice, and those between learn couplings of twice the size.
        """
        sizes, units = (self.visible, *self.hidden), [copy.deepcopy(unit) for unit in self.units.values()]
        if len(self.hidden) == 1:
            return [RBM(sizes[0], self.hidden[0], *units)]
        pairs = list(zip(sizes, self.hidden, units, units[1:]))
        bottom, *middle, top = pairs
        return [
            DoubledRBM(*bottom[:2], "visible", *bottom[2:]),
            *(RBM(*pair) for pair in middle),
            DoubledRBM(*top[:2], "hidden", *top[2:]),
        ]

    @torch.no_grad()
    def adopt(self, layers: Sequence[BoltzmannMachine]) -> None:
        r"""Take over the parameters of a trained :meth:`stack`.

        Couplings of the ordinary machines in the middle are halved; an inner layer, which belongs to two of them,
        gets the mean of its two biases, as :math:`\tfrac12 (2 v^\top W_1 + c_1) + \tfrac12 (2 W_2 h^2 + b_2)` would.
        """
        for (below, above), layer in zip(self.couplings, layers, strict=True):
            share = 0.5 if len(layers) > 1 and isinstance(layer, RBM) else 1.0
            learned = share * layer.get_parameter("visible_hidden_weight")
            self.get_parameter(f"{below}_{above}_weight").copy_(learned)
        for name, (below, above) in zip(self.layers, pairwise((None, *layers, None))):
            told = [(below, "hidden")] if below else []
            told += [(above, "visible")] if above else []
            biases = [layer.get_parameter(f"{side}_bias").detach() for layer, side in told]
            self.get_parameter(f"{name}_bias").copy_(torch.stack(biases).mean(0))
            layer, side = told[0]
            self.get_buffer(f"{name}_offset").copy_(layer.get_buffer(f"{side}_offset"))
