"""The restricted Boltzmann machine of rows and their classes."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genlatent.energy.machine import BoltzmannMachine, Knob, Theta
from genlatent.energy.units import Categorical, Unit
from genlatent.errors import DataError
from genlatent.networks.conditions import refuse_undeclared
from genlatent.objectives.classification import Classification


class ClassificationRBM(BoltzmannMachine):
    r"""Visible units and a class, both coupled to the same hidden units.

    .. math:: E(v, y, h) = -b^\top v - d_y - c^\top h - v^\top W h - U_{y:} h

    With :math:`F(v, y) = -b^\top v - d_y - \sum_j \log(1 + e^{c_j + v^\top W_{:j} + U_{yj}})` (for Bernoulli units),

    .. math:: p(y \mid v) = \frac{e^{-F(v, y)}}{\sum_{y'} e^{-F(v, y')}}

    exactly. It is trained by :class:`~genlatent.objectives.classification.Classification`: as a model of the pairs, as
    a classifier, or as both. Rows without a label are marked -1.

    Args:
        visible: number of visible units, or the shape of one datum.
        hidden: number of hidden units.
        classes: how many there are.
        visible_units: kind of visible unit; `Bernoulli` by default.
        hidden_units: kind of hidden unit; `Bernoulli` by default.
        label_names: what the data call the label, so that `sample(given={"digit": 3})` knows it.

    References:
        Classification using discriminative restricted Boltzmann machines (Larochelle and Bengio, 2008)

    >>> machine = ClassificationRBM(visible=(1, 2, 2), hidden=3, classes=4)
    >>> machine.sample(5, given={"y": 2}, steps=10).shape, machine.predict_proba(torch.zeros(6, 1, 2, 2)).shape
    (torch.Size([5, 1, 2, 2]), torch.Size([6, 4]))
    """

    visible_units: Unit
    hidden_units: Unit

    def __init__(
        self,
        visible: int | Sequence[int] = 784,
        hidden: int = 500,
        classes: int = 10,
        visible_units: Unit | None = None,
        hidden_units: Unit | None = None,
        label_names: Sequence[str] = (),
    ):
        units = {"visible": visible_units, "label": Categorical(classes), "hidden": hidden_units}
        layers = {"visible": visible, "label": classes, "hidden": hidden}
        super().__init__(layers, [("visible", "hidden"), ("label", "hidden")], units)
        self.visible, self.hidden, self.classes = self.layers["visible"], hidden, classes
        self.label_names = tuple(label_names)
        self.conditions = (*self.conditions, "y", *self.label_names)

    def objective(self) -> Classification:
        """A classifier that is a model of the pairs as well, with a tenth of the weight."""
        return Classification()

    def class_energies(
        self, v: Float[Tensor, "rows visible"], *, beta: Knob = None, lam: Knob = None, theta: Theta | None = None
    ) -> tuple[Float[Tensor, "rows classes"], Float[Tensor, "rows classes hidden"]]:
        """F(v, y) of every class, and the fields of the hidden units under it; v is multiplied by W once."""
        theta, told = theta or self.theta(), {"beta": beta, "lam": lam, "theta": theta or self.theta()}
        share = _column(1.0 if beta is None else beta) * _column(1.0 if lam is None else lam)
        below = self.field("hidden", {"visible": v}, **told)
        fields = below.unsqueeze(-2) + _column(share) * theta.couplings["label", "hidden"]
        alone = (v * self.field("visible", {}, **told)).sum(-1)
        own = self.visible_units.base_energy(v) - alone
        summed = self.field("label", {}, **told) + self.hidden_units.cumulant(fields).sum(-1)
        return own.unsqueeze(-1) - summed, fields

    def free_energy(
        self, v: Float[Tensor, "rows visible"], *, beta: Knob = None, lam: Knob = None, theta: Theta | None = None
    ) -> Float[Tensor, " rows"]:
        r"""Energy of v with class and hidden units summed out, :math:`-\log \sum_y e^{-F(v, y)}`."""
        return -(-self.class_energies(v, beta=beta, lam=lam, theta=theta)[0]).logsumexp(-1)

    @torch.no_grad()
    def predict_proba(self, x: Tensor) -> Float[Tensor, "batch classes"]:
        """p(y | x), exactly."""
        return (-self.class_energies(self.check(x))[0]).softmax(-1)

    def predict(self, x: Tensor) -> Int[Tensor, " batch"]:
        """The likeliest class of each row."""
        return self.predict_proba(x).argmax(-1)

    @torch.no_grad()
    def encode(self, x: Tensor) -> Float[Tensor, "batch hidden"]:
        r"""Mean of the hidden units, :math:`\sum_y p(y \mid x) \mathbb{E}[h \mid x, y]`."""
        energies, fields = self.class_energies(self.check(x))
        return ((-energies).softmax(-1).unsqueeze(-1) * self.hidden_units.mean(fields)).sum(1)

    @torch.no_grad()
    def decode(self, z: Float[Tensor, "batch hidden"]) -> Tensor:
        r"""Mean of the visible units given hidden ones, :math:`\sigma(b + W h)` for Bernoulli units."""
        return self.visible_units.mean(self.field("visible", {"hidden": z})).reshape(len(z), *self.event_shape)

    def check_labels(self, train: Tensor | None, held_out: Tensor | None = None) -> None:
        """Refuse undeclared classes, and data without a single label."""
        if train is None or bool((train < 0).all()):
            raise DataError(f"{type(self).__name__} learns from labels, and all are missing; without any, use RBM")
        for y in (train, held_out):
            if y is not None:
                refuse_undeclared(y.reshape(len(y), -1), (self.classes,), unlabelled=True)

    def _given(self, given: Mapping[str, Any] | None) -> dict[str, Tensor]:
        """The class may be given as a number, for all chains or one for each: `{"y": 3}`, `{"digit": [3, 5]}`."""
        held = self.refuse_unknown(given)
        for name in ("y", *self.label_names):
            if name in held:
                held["label"] = self._one_hot(name, held.pop(name))
        return super()._given(held)

    def _one_hot(self, name: str, value: Any) -> Tensor:
        like = self.theta().biases["label"]
        y = torch.as_tensor(value, device=like.device).reshape(-1)
        if y.is_floating_point() and bool(y.isnan().any()):
            raise DataError(f"given {name} has NaN; leave it out where the class is to be drawn")
        refuse_undeclared(y.unsqueeze(1), (self.classes,))
        return torch.eye(self.classes, dtype=like.dtype, device=like.device)[y.long()]


def _column(knob: Tensor | float) -> Any:
    """A number for each row, beside what it scales there."""
    return knob.unsqueeze(-1) if isinstance(knob, Tensor) and knob.dim() else knob
