"""Whether what a model draws and completes is recognised by a classifier that knows real rows alone."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from genlatent.autoencoders.classifier import Classifier
from genlatent.energy.machine import BoltzmannMachine
from genlatent.errors import DataError, RecipeError
from genlatent.evaluation.classification import wilson
from genlatent.networks.conditions import quadrants
from genlatent.networks.mlp import MLP
from genlatent.numerics.randomness import drawing_from, stream
from genlatent.reproduce.measured import Asked, Measure, Measured
from genlatent.reproduce.mistaken import PER_CENT
from genlatent.reproduce.two_sided import measure_of
from genlatent.training.fit import fit
from genlatent.training.optimizer import Optimizer

HALF = 2  # quadrants that are shown: the left ones


class Recognised:
    r"""Share of draws, and of images completed from their left half, that a classifier recognises, in per cent.

    A draw is recognised where one class has a probability of at least `sure`; a completion where that class is the
    image's own. The same shares stand beside for the real test rows; and for halves completed pixel by pixel from the
    frequencies of the training rows, which says what the shown half gives away. The rarest class among the draws tells
    whether they are all alike.

    The classifier, a perceptron trained on the training rows with their labels, shares nothing with the model.

    Args:
        draws: how many samples, and of how many test rows the halves are completed.
        steps: of the chain behind each draw or completion, where the model is a machine.
        sure: probability.
        hidden: layers of the classifier.
        epochs: of its training.
    """

    metric, unit, sign = "samples recognised", "%", 1

    def __init__(
        self,
        draws: int = 1000,
        steps: int = 1000,
        sure: float = 0.9,
        hidden: Sequence[int] = (500, 500),
        epochs: int = 10,
    ):
        if min(draws, steps, epochs) < 1 or not 0 < sure < 1:
            raise RecipeError("draws, steps and epochs are at least 1, and sure lies between 0 and 1")
        self.draws, self.steps, self.sure, self.hidden, self.epochs = draws, steps, sure, tuple(hidden), epochs

    def pieces(self, rows: int) -> int:
        """The classifier is trained once."""
        return 1

    def piece(self, asked: Asked, number: int) -> dict[str, Any]:
        """Everything at once."""
        if asked.y is None or asked.y.dim() != 1:
            raise DataError("these rows have no classes, which a classifier could recognise")
        judge, draws = self.classifier(asked), stream(asked.seed, asked.x.device, name="recognition")
        some = torch.randperm(len(asked.x), generator=draws, device=asked.x.device)[: self.draws]
        x, y = asked.x[some], asked.y[some]
        samples = self.told(judge, self.sampled(asked.model, draws))
        completed = self.told(judge, self.completed(asked.model, x, draws))
        by_chance = self.told(judge, by_frequencies(asked, x, draws))
        real = self.told(judge, asked.x)
        found = {
            self.metric: share(samples >= 0),
            "completions recognised": share(completed == y),
            "test rows recognised as some class": share(real >= 0),
            "test rows recognised as their class": share(real == asked.y),
            "halves completed by frequencies": share(by_chance == y),
            "rarest class among samples": rarest(samples, judge.classes),
        }
        method = f"perceptron {'-'.join(map(str, self.hidden))} on real rows, sure at {self.sure:g}"
        return Measured(found, True, "", method).plain()

    def classifier(self, asked: Asked) -> Classifier:
        """Trained on the real training rows alone."""
        labels = asked.known.labels
        assert labels is not None
        with drawing_from(stream(asked.seed, name="judge")):
            made = Classifier(asked.known.shape, int(labels.train.max()) + 1, MLP(self.hidden), self.hidden[-1])
        made = made.to(asked.x.device)
        fit(made, asked.known, optimizer=Optimizer(schedule="linear"), epochs=self.epochs, seed=asked.seed)
        return made

    def told(self, judge: Classifier, x: Tensor) -> Int[Tensor, " row"]:
        """The class of each row, -1 where the classifier is not sure."""
        best = judge.predict_proba(x).max(1)
        return torch.where(best.values >= self.sure, best.indices, -1)

    def sampled(self, model: Any, draws: torch.Generator) -> Tensor:
        """Fresh rows, each from a chain of its own where there are chains."""
        chain: dict[str, Any] = {"steps": self.steps} if isinstance(model, BoltzmannMachine) else {}
        return model.sample(self.draws, generator=draws, **chain)

    def completed(self, model: Any, x: Tensor, draws: torch.Generator) -> Tensor:
        """These rows with their right half drawn given the left one."""
        chain: dict[str, Any] = {"burn_in": self.steps} if isinstance(model, BoltzmannMachine) else {}
        return model.imputations(torch.where(left(x), x, torch.nan), 1, generator=draws, **chain)[0]

    def gathered(self, pieces: Sequence[dict[str, Any]]) -> Measured:
        """The one piece."""
        (only,) = pieces
        return Measured({k: measure_of(m) for k, m in only["measures"].items()}, True, "", only["method"])


def left(x: Tensor) -> Bool[Tensor, "..."]:
    """Which cells lie in the left half of an image."""
    return quadrants(x.shape[1:], HALF).to(x.device)


def by_frequencies(asked: Asked, x: Tensor, draws: torch.Generator) -> Tensor:
    """These rows with each cell of the right half drawn as often 1 as in the training rows."""
    noise = torch.rand(x.shape, generator=draws, device=x.device)
    return torch.where(left(x), x, (noise < asked.learned.mean(0)).to(x))


def share(right: Tensor) -> Measure:
    """Of those that are true, in per cent, with Wilson's interval.

    >>> share(torch.tensor([True, False])).value
    50.0
    """
    hits, rows = int(right.sum()), len(right)
    low, high = wilson(hits, rows)
    return Measure(PER_CENT * hits / rows, (PER_CENT * low, PER_CENT * high))


def rarest(told: Tensor, classes: int) -> Measure:
    """Share of the rarest class among the recognised rows, in per cent.

    >>> rarest(torch.tensor([0, 0, 1, 0, -1]), 2).value
    25.0
    """
    counts = told[told >= 0].bincount(minlength=classes)
    return Measure(PER_CENT * float(counts.min() / counts.sum().clamp(min=1)))
