"""What every model promises, whatever its family."""

import functools
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from genlatent import registry
from genlatent.components import refuse_fractions
from genlatent.errors import DataError, Diverged, RecipeError, Unsupported

# Where the run folder is known: a room that knows models, so that it is imported only when it is asked for.
SAVE, LOAD = "genlatent.training.checkpoint:save", "genlatent.training.checkpoint:load"

LARGEST = 1e30  # a float32 that sums of thousands do not exceed
ADVICE = "weights or rows are too large for its numbers: scale the rows, or go back to a checkpoint"

# What torch says of parameters that no distribution has.
OUTSIDE = (r"Expected parameter (\w+) .* of distribution (\w+)", r"(probability) tensor contains either")

# What answers with numbers, which a weight that is not finite would spoil in silence.
LOGARITHMS = ("score", "log_prob", "log_weights", "bound", "pseudo_likelihood")  # of probabilities, which may be 0
PICTURES = ("sample", "encode", "decode", "reconstruct", "denoise", "impute", "imputations")
VERBS = (*LOGARITHMS, *PICTURES, "trace", "predict", "predict_proba")


def not_finite(named: Iterable[tuple[str, Tensor]]) -> str | None:
    """The first tensor that holds NaN or an infinity, in words, or None: one pass of sums unless there is one.

    Tensors that are only being traced have no numbers to look at.

    >>> not_finite([("b", torch.zeros(2)), ("W", torch.tensor([[1.0, torch.nan]]))])
    'W holds nan at (0, 1)'
    """
    floats = [(n, t) for n, t in named if t.is_floating_point() and type(t).__name__ != "FakeTensor"]
    sums: dict[torch.device, list[Tensor]] = {}
    for _, tensor in floats:
        sums.setdefault(tensor.device, []).append(tensor.detach().sum(dtype=torch.float32))
    if all(math.isfinite(float(torch.stack(found).sum())) for found in sums.values()):
        return None
    return next((f"{name} {where}" for name, tensor in floats if (where := _where(tensor))), None)


def _where(tensor: Tensor) -> str | None:
    """What is not finite in a tensor, and where; None where a sum alone was too large."""
    bad = (~tensor.detach().isfinite()).nonzero()
    if not len(bad):
        return None
    place = tuple(bad[0].tolist())
    return f"holds {float(tensor.detach()[place]):g} at {place}" if place else f"is {float(tensor.detach()):g}"


def _of_sound_numbers(verb: Callable[..., Any]) -> Callable[..., Any]:
    """A verb that neither asks weights that are not finite nor gives such an answer; minus infinity is the log of 0."""

    @functools.wraps(verb)
    def asked(self: "Model", *given: Any, **named: Any) -> Any:
        self.check_weights()
        who = f"{type(self).__name__}.{verb.__name__}"
        with within_numbers(who):
            answer = verb(self, *given, **named)
        if isinstance(answer, Tensor):
            seen = answer.clamp(min=-LARGEST) if verb.__name__ in LOGARITHMS else answer
            if found := not_finite([("the answer", seen)]):
                raise Diverged(f"{who}: {found}; {ADVICE}")
        return answer

    return asked


@contextmanager
def within_numbers(who: str) -> Iterator[None]:
    """Say in one sentence what a distribution was made of that it cannot be: a scale of 0, a mean that is NaN."""
    try:
        yield
    except (ValueError, RuntimeError) as error:
        found = next((f for pattern in OUTSIDE if (f := re.match(pattern, str(error)))), None)
        if found is None:
            raise
        raise Diverged(f"{who}: {' of a '.join(found.groups())} distribution is out of range; {ADVICE}") from error


class Model(nn.Module):
    """A model of data of one `event_shape`: it trains by `fit`, and answers the verbs its family knows.

    A family implements :meth:`objective` and whichever of `sample, encode, decode, reconstruct, score` it has;
    the rest refuse by name. Verbs take no gradients and move no weight.
    """

    family: str = "model"
    event_shape: torch.Size
    support: Any = "real"
    conditions: tuple[str, ...] = ()  # the names that `given` may hold
    missing: bool = False  # whether NaN stands for a missing value
    refusals: Mapping[str, str] = {}  # of verbs that it lacks, why, where there is more to say than that
    conditional: bool = False  # whether verbs about rows need to be told their labels or conditions, y
    prepared: bool = False  # whether a training has begun from the data before

    def __new__(cls, *given: Any, **named: Any):  # a checker of annotations in tests knows no Self
        """Refuse half a unit by name, whichever model it is asked of, before the model is made."""
        refuse_fractions(cls, *given, **named)
        return super().__new__(cls)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Let no verb of a model answer from weights that are not finite, or with such numbers."""
        super().__init_subclass__(**kwargs)
        for name in VERBS:
            if callable(verb := vars(cls).get(name)):
                setattr(cls, name, _of_sound_numbers(verb))

    def check_weights(self) -> None:
        """Refuse to answer from weights that are not finite, naming the first."""
        found = not_finite((*self.named_parameters(), *self.named_buffers()))
        if found is not None:
            raise Diverged(f"{type(self).__name__}: {found}, so it can answer nothing; go back to a checkpoint")

    def objective(self) -> Any:
        """What `fit` minimises unless told otherwise."""
        raise Unsupported(f"{type(self).__name__} has no objective of its own; pass one to fit")

    def prepare(self, x: Tensor) -> None:
        """Set what the data decide before the first step: output biases, base rates."""

    def begin(self, x: Tensor) -> None:
        """:meth:`prepare`, before the first training only: another `fit` goes on with what was learned."""
        if not self.prepared:
            self.prepare(x)
            self.prepared = True

    def check_labels(self, train: Tensor | None, held_out: Tensor | None = None) -> None:
        """Refuse labels that this model cannot learn from; asked by `fit` before the first step."""

    def unsound(self) -> str | None:
        """Why training should stop though every number is finite, in words, or None; asked now and then by `fit`."""
        return None

    def sample(
        self, n: int, *, given: Mapping[str, Any] | None = None, generator: torch.Generator | None = None
    ) -> Tensor:
        """`n` draws of x, shaped `(n, *event_shape)`; `given` names what is held fixed."""
        raise self._unsupported("sample")

    def encode(self, x: Tensor) -> Tensor:
        """The code of each row: a point estimate (mean of q(z|x), of p(h|x), or the code itself)."""
        raise self._unsupported("encode")

    def encoded(self, x: Tensor) -> Tensor:
        """The code of each row, differentiable and unchecked, for training on; gaps must be filled."""
        raise Unsupported(f"{type(self).__name__} has no code with a derivative, so its encoder cannot be trained on")

    def decode(self, z: Tensor) -> Tensor:
        """The mean of x given a code."""
        raise self._unsupported("decode")

    def reconstruct(self, x: Tensor) -> Tensor:
        """The mean of x given its own code."""
        return self.decode(self.encode(x))

    def score(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """One number for each row, higher where the model finds it more typical; see the model for its unit."""
        raise self._unsupported("score")

    def impute(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """Rows with every NaN replaced by what the model expects there; observed values stay untouched."""
        raise self._unsupported("impute")

    def shaped(self, x: Tensor) -> Tensor:
        """Rows as this model sees them; another shape with as many elements is reshaped."""
        if x[0].numel() != self.event_shape.numel():
            takes, got = tuple(self.event_shape), tuple(x.shape[1:])
            raise DataError(f"{type(self).__name__} takes rows of shape {takes}, the data has rows of shape {got}")
        return x.reshape(len(x), *self.event_shape)

    def check_count(self, n: int) -> None:
        """Refuse to draw fewer than one row."""
        if n < 1:
            raise RecipeError(f"n, the number of draws, must be at least 1, got {n}")

    def refuse_unknown(self, given: Mapping[str, Any] | None) -> dict[str, Any]:
        """`given` as a dict, or one sentence naming the condition that this model was not trained with."""
        for name in given or {}:
            if name not in self.conditions:
                known = f"it knows: {', '.join(self.conditions)}" if self.conditions else "it knows none"
                raise RecipeError(f"{type(self).__name__} cannot be conditioned on {name!r}; {known}")
        return dict(given or {})

    def save_pretrained(self, folder: str | Path) -> None:
        """Write description and weights into a new folder; `genlatent.save` by another name."""
        registry.load(SAVE)(self, folder)

    @classmethod
    def from_pretrained(cls, folder: str | Path, **how: Any) -> Any:
        """The model of a folder, which must be of this class; see `genlatent.load` for the arguments."""
        model = registry.load(LOAD)(folder, **how)
        if not isinstance(model, cls):
            raise RecipeError(f"{folder} holds a {type(model).__name__}, not a {cls.__name__}")
        return model

    def extra_repr(self) -> str:
        """Shape of a row and number of parameters, as they stand in the printed model."""
        count = sum(parameter.numel() for parameter in self.parameters())
        return f"rows of shape {tuple(self.event_shape)}, {count:,} parameters"

    def _unsupported(self, verb: str) -> Unsupported:
        return Unsupported(f"{type(self).__name__} {self.refusals.get(verb, f'has no {verb!r}')}")
