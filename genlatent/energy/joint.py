"""Classifiers that are densities of what they classify."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from genlatent.energy.neural import NeuralEnergy
from genlatent.errors import DataError, RecipeError
from genlatent.objectives.joint import JointContrast


class JointEnergy(NeuralEnergy):
    r"""A density of rows and their classes, told by a network that gives one number for each class.

    .. math:: p(x, y) = p(x) \, p(y \mid x), \qquad p(x) \propto e^{-E(x) / \tau}, \qquad
        E(x) = -\log \sum_y e^{f(x)_y} + \tfrac{\kappa}{2} |u|^2, \qquad p(y \mid x) = \mathrm{softmax}(f(x))_y

    What a classifier leaves open, the level of its logits, is the density of the rows. The rest is as in
    :class:`.NeuralEnergy`; `sample(n, given={"y": 3})` draws rows of a class.

    Args:
        event_shape: shape of one datum.
        classes: how many there are.
        network: any module from `(batch, *event_shape)` to `(batch, classes)`; an MLP unless given.
        confinement, support, spectral_norm: as in :class:`.NeuralEnergy`.

    References:
        Your Classifier is Secretly an Energy Based Model and You Should Treat it Like One (Grathwohl et al., 2020)

    >>> JointEnergy((2,), classes=3).predict_proba(torch.zeros(5, 2)).shape
    torch.Size([5, 3])
    """

    conditions = ("x", "y")

    def __init__(
        self,
        event_shape: Sequence[int],
        classes: int = 10,
        network: nn.Module | None = None,
        confinement: float = 0.1,
        support: str = "real",
        spectral_norm: float | None = None,
    ):
        if classes < 2:
            raise RecipeError(f"classes must be at least 2, got {classes}")
        object.__setattr__(self, "classes", classes)
        super().__init__(event_shape, network, confinement, support, spectral_norm)
        self.classes = classes

    def _outputs(self) -> int:
        return self.classes

    def objective(self) -> JointContrast:
        """Contrast for the rows, cross-entropy for their classes."""
        return JointContrast()

    def check_labels(self, train: Tensor | None, held_out: Tensor | None = None) -> None:
        """Refuse undeclared classes, and data without labels."""
        if train is None:
            raise DataError("JointEnergy learns rows with their classes, but the data have no labels")
        for y in (train, held_out):
            if y is not None and (y.dim() != 1 or bool(((y < -1) | (y >= self.classes) | (y != y.round())).any())):
                raise DataError(f"labels are class numbers from 0 to {self.classes - 1}, or -1 for unknown")

    def logits(self, x: Tensor) -> Float[Tensor, "batch classes"]:
        """What the network says of each class."""
        return self._network(self._standard(x))

    def _energy_of(self, outputs: Tensor) -> Float[Tensor, " batch"]:
        return -outputs.logsumexp(1)

    @torch.no_grad()
    def predict_proba(self, x: Tensor) -> Float[Tensor, "batch classes"]:
        """Probability of each class given a row."""
        return self.logits(self.check(x)).softmax(1)

    @torch.no_grad()
    def predict(self, x: Tensor) -> Int[Tensor, " batch"]:
        """The likeliest class of each row."""
        return self.predict_proba(x).argmax(1)

    def _given_energy(self, given: Mapping[str, Any]) -> Callable[[Tensor], Tensor]:
        if "y" not in given:
            return self.energy
        y = torch.as_tensor(given["y"], device=self.centre.device).reshape(-1)
        if not bool(((y >= 0) & (y < self.classes) & (y == y.round())).all()):
            raise DataError(f"given y: classes are whole numbers from 0 to {self.classes - 1}, got {y.tolist()[:5]}")
        y = y.long()

        def energy(x: Tensor) -> Tensor:
            if len(y) not in (1, len(x)):
                raise DataError(f"given y has {len(y)} classes for {len(x)} draws; give one, or one for each")
            return self.energy_of_pair(x, y.expand(len(x)))

        return energy

    def energy_of_pair(self, x: Tensor, y: Int[Tensor, " batch"]) -> Float[Tensor, " batch"]:
        r""":math:`-\tau \log p(x, y)` but for a constant; :meth:`energy` sums y out of it where :math:`\tau = 1`."""
        u = self._standard(x)
        logits = self._network(u)
        chosen = logits.log_softmax(1).gather(1, y.unsqueeze(1)).squeeze(1)
        return self.confinement / 2 * u.flatten(1).square().sum(1) + self._energy_of(logits) - self.temperature * chosen
