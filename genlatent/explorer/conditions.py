"""What a model is told beside its rows, as the page asks for it: classes to choose, or numbers to set."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from genlatent.errors import DataError
from genlatent.explorer.subject import Subject
from genlatent.networks.conditions import Labels, Values

MOST = 64  # numbers or labels of one condition


class Told:
    """The conditions of one model: `classes` of each label, or as many `values`; neither where it takes none.

    >>> from genlatent.latent.conditional import ConditionalVAE
    >>> Told(Subject("", ConditionalVAE((1, 4, 4), 3, latent=2), {})).plain()["classes"]
    [{'name': 'class', 'texts': ['0', '1', '2']}]
    """

    def __init__(self, subject: Subject):
        self.model: Any = subject.model
        self.counts = counts_of(subject.model)
        condition = getattr(subject.model, "condition", None)
        self.num_values = condition.num_features if isinstance(condition, Values) else 0
        self.names = _names(subject, max(len(self.counts), self.num_values))
        self.about, self.labels = subject.about, subject.labels

    @property
    def required(self) -> bool:
        """Whether rows are understood only together with their condition."""
        return bool(self.model.conditional)

    @property
    def clear(self) -> bool:
        """Whether the page can ask for it."""
        return self.num_values <= MOST and (bool(self.counts or self.num_values) or not self.required)

    def plain(self) -> dict[str, Any]:
        """What the page shows to choose from."""
        texts = self.about.get("categories", {})
        classes = [
            {"name": name, "texts": [str(text) for text in texts.get(name, range(count))]}
            for name, count in zip(self.names, self.counts)
        ]
        return {"classes": classes, "values": self._values() if self.num_values else [], "required": self.required}

    def _values(self) -> list[dict[str, Any]]:
        rows = torch.tensor([[0.0], [1.0]]).expand(2, self.num_values) if self.labels is None else self.labels
        rows = rows.reshape(len(rows), -1).float()
        ends = zip(self.names, rows.amin(0).tolist(), rows.mean(0).tolist(), rows.amax(0).tolist())
        return [{"name": name, "low": low, "start": mean, "high": high} for name, low, mean, high in ends]

    def read(self, asked: Sequence[float] | None, rows: int) -> Tensor | None:
        """The condition of each of these rows; None where nothing is asked for."""
        device = next(self.model.parameters()).device
        if asked is None:
            if self.required:
                raise DataError("choose a class first" if self.counts else "set the condition first")
            return None
        if len(asked) != (len(self.counts) or self.num_values) or not asked:
            raise DataError(f"a condition has {len(self.counts) or self.num_values} values here, got {len(asked)}")
        if self.num_values:
            return torch.tensor([list(asked)], device=device).expand(rows, -1)
        if any(value != int(value) or not 0 <= value < count for value, count in zip(asked, self.counts)):
            raise DataError(f"classes are whole numbers from 0 to {', '.join(str(c - 1) for c in self.counts)}")
        whole = torch.tensor([int(value) for value in asked], device=device)
        return whole.expand(rows, -1) if len(whole) > 1 else whole.expand(rows)

    def example(self, index: int) -> list[float] | None:
        """The condition of one of the examples, as the page would ask for it."""
        if self.labels is None or not (self.counts or self.num_values):
            return None
        found = [float(value) for value in self.labels[index].reshape(-1).tolist()]
        return found if len(found) == (len(self.counts) or self.num_values) and min(found) >= 0 else None


def counts_of(model: Any) -> tuple[int, ...]:
    """How many classes each label has that draws can be asked for."""
    condition = getattr(model, "condition", None)
    if isinstance(condition, Labels):
        return condition.counts
    return (int(model.classes),) if "y" in model.conditions and isinstance(getattr(model, "classes", None), int) else ()


def _names(subject: Subject, number: int) -> list[str]:
    known = [str(name) for name in subject.about.get("label_names") or []]
    if len(known) == number:
        return known
    return ["class"] if number == 1 else [f"label {i + 1}" for i in range(number)]
