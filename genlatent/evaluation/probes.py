"""How much a few labels make of the codes: simple classifiers on a frozen model."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor

from genlatent.data.dataset import Dataset
from genlatent.errors import DataError, RecipeError
from genlatent.evaluation.classification import wilson
from genlatent.evaluation.codes import Codes, Labels, Part, Rows, codes_of
from genlatent.evaluation.record import Record
from genlatent.numerics.randomness import stream

COUNTS = (10, 100, 1000, None)  # labels that are shown; None shows all
KNOWING = "the model has learned from labels itself, which may be more than were shown"


class Probe:
    """A classifier of codes with one setting, which is chosen by the accuracy on a validation part.

    A new one says in :meth:`values` what is tried, the smallest of equals being taken, and in :meth:`rule` what is
    trained.
    """

    chosen: Any = None

    def values(self, rows: int) -> Sequence[Any]:
        """The settings that are tried when so many rows are learned from."""
        raise NotImplementedError

    def rule(self, value: Any) -> Any:
        """An untrained classifier with this setting."""
        raise NotImplementedError

    @property
    def method(self) -> str:
        """What it is, with the chosen setting."""
        raise NotImplementedError

    def fit(self, train: Part, valid: Part) -> "Probe":
        """Learn from the first part, with the setting that is best on the second."""
        if len(train.labels.unique()) < 2:
            raise DataError("a probe needs labels of at least two classes")
        learn, judge = (tuple(t.numpy(force=True) for t in part) for part in (train, valid))
        values = self.values(len(train.labels))
        rules = [self.rule(value).fit(*learn) for value in values]
        scores = [rule.score(*judge) if len(valid.labels) else 0.0 for rule in rules]
        best = max(range(len(values)), key=scores.__getitem__)
        self.fitted, self.chosen = rules[best], values[best]
        return self

    def predict(self, codes: Rows) -> Labels:
        """The class of each row."""
        return torch.from_numpy(self.fitted.predict(codes.numpy(force=True))).to(codes.device)


class LinearProbe(Probe):
    r"""Multinomial logistic regression on codes,

    .. math:: \min_{V, a} \; \tfrac{1}{2} \|V\|^2 - C \sum_n \log \mathrm{softmax}(V z_n + a)_{y_n}

    References:
        Understanding intermediate layers using linear classifier probes (Alain and Bengio, 2016)

    Args:
        strengths: values of C that are tried.

    >>> part = Part(torch.tensor([[-1.0], [1.0]]), torch.tensor([3, 7]))
    >>> LinearProbe().fit(part, part).predict(torch.tensor([[0.5], [-2.0]]))
    tensor([7, 3])
    """

    def __init__(self, strengths: Sequence[float] = (0.01, 0.1, 1.0, 10.0, 100.0)):
        if not strengths or min(strengths) <= 0:
            raise RecipeError(f"strengths must be above 0, got {strengths!r}")
        self.strengths = tuple(sorted(strengths))

    def values(self, rows: int) -> Sequence[float]:
        """All of them."""
        return self.strengths

    def rule(self, value: float) -> LogisticRegression:
        """Logistic regression with this C."""
        return LogisticRegression(C=value, max_iter=2000)

    @property
    def method(self) -> str:
        """What it is, with the chosen C."""
        return f"logistic regression, C = {self.chosen:g}"


class KNNProbe(Probe):
    """The class that most of the k nearest codes have.

    Args:
        neighbours: values of k that are tried, as far as there are as many rows.
    """

    def __init__(self, neighbours: Sequence[int] = (1, 3, 5, 10)):
        if not neighbours or min(neighbours) < 1:
            raise RecipeError(f"neighbours must be at least 1, got {neighbours!r}")
        self.neighbours = tuple(sorted(neighbours))

    def values(self, rows: int) -> Sequence[int]:
        """Those that are not above the number of rows."""
        return [k for k in self.neighbours if k <= rows] or [1]

    def rule(self, value: int) -> KNeighborsClassifier:
        """The vote of so many neighbours."""
        return KNeighborsClassifier(value)

    @property
    def method(self) -> str:
        """What it is, with the chosen k."""
        return f"{self.chosen} nearest neighbour{'s' if self.chosen > 1 else ''}"


PROBES: dict[str, Callable[[], Probe]] = {"linear probe": LinearProbe, "nearest neighbours": KNNProbe}


class Efficiency(NamedTuple):
    """What one probe makes of so many labels."""

    labels: int
    probe: str
    record: Record


def label_efficiency(
    model: Any, data: Dataset, counts: Sequence[int | None] = COUNTS, *, seed: int = 0
) -> list[Efficiency]:
    """Test accuracy of a linear and of a nearest-neighbour probe by the number of labels shown.

    Smaller sets of labels lie within larger ones and hold as many of each class as they can. A probe's own setting is
    chosen on validation rows, no more of them than labels shown; counts above the number of rows are left out. Of a
    model that predicts labels itself the records say `doubtful`: its codes may know more labels than were shown.

    Args:
        model: anything that encodes.
        data: with one class for each row.
        counts: of labels; None shows all.
        seed: of which rows are shown.
    """
    codes = codes_of(model, data)
    every, held = (balanced(part.labels, seed) for part in (codes.train, codes.valid))
    wanted = sorted({len(every) if count is None else count for count in counts})
    if wanted and wanted[0] < 2:
        raise RecipeError(f"counts of labels must be at least 2, got {wanted[0]}")
    found = []
    for count in (count for count in wanted if count <= len(every)):
        few = Codes(_rows(codes.train, every[:count]), _rows(codes.valid, held[:count]), codes.test)
        records = {name: _judged(name, make(), few, data, hasattr(model, "predict")) for name, make in PROBES.items()}
        found += [Efficiency(count, name, record) for name, record in records.items()]
    return found


def _judged(name: str, probe: Probe, codes: Codes, data: Dataset, knowing: bool) -> Record:
    predicted = probe.fit(codes.train, codes.valid).predict(codes.test.codes)
    hits, rows = int((predicted == codes.test.labels).sum()), len(predicted)
    shown = len(codes.train.labels)
    return Record(
        f"accuracy, {name}, {shown} labels",
        hits / rows,
        f"{probe.method} on standardised codes, chosen on {len(codes.valid.labels)} validation rows",
        interval=wilson(hits, rows),
        rows=rows,
        data=data.title,
        binarisation=data.binarisation,
        verdict="doubtful" if knowing else "ok",
        reason=KNOWING if knowing else "one choice of labels" if shown < len(data.train) else "",
    )


def balanced(labels: Labels, seed: int = 0) -> Labels:
    """Row numbers in an order whose every beginning holds the classes as evenly as they can be.

    >>> labels = torch.tensor([0, 0, 0, 1, 1, 2])
    >>> sorted(labels[balanced(labels)[:3]].tolist())
    [0, 1, 2]
    """
    order = torch.randperm(len(labels), generator=stream(seed, name="labels shown")).to(labels.device)
    kinds = labels[order].unique(return_inverse=True)[1]
    turn = torch.nn.functional.one_hot(kinds).cumsum(0).gather(1, kinds[:, None])[:, 0]
    return order[turn.argsort(stable=True)]


def _rows(part: Part, chosen: Tensor) -> Part:
    return Part(part.codes[chosen], part.labels[chosen])
