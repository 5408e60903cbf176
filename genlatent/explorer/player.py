"""The model's answers, in the page's terms."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from genlatent.data.corruptions import Corruption, GaussianNoise, SaltAndPepper
from genlatent.errors import DataError, Unsupported
from genlatent.explorer import wishes
from genlatent.explorer.axes import Axes
from genlatent.explorer.conditions import Told
from genlatent.explorer.means import means
from genlatent.explorer.subject import Subject
from genlatent.explorer.views import Images, View, view_of
from genlatent.numerics import devices
from genlatent.numerics.randomness import drawing_from, stream

STEPS = 200  # of chains that make draws, unless asked for otherwise
EXAMPLES = 300  # rows that are encoded to find out where codes lie
REACH = 2.5  # of the coordinates of a code, at the least
ROW_VERBS = ("reconstruct", "encode", "denoise", "impute", "predict_proba", "score")

# What a model may answer to a question that it does not know, or not in this way.
REFUSALS = (ValueError, NotImplementedError, TypeError, RuntimeError, LookupError)


class Player:
    """One model, asked by the page; every method is called by the one thread that works.

    Args:
        subject: the model, and what is known of it.
    """

    def __init__(self, subject: Subject):
        self.subject = subject
        self.model: Any = subject.model
        self.model.eval()
        self.told = Told(subject)
        self.device = devices.of(self.model)
        self.draws = self._can(lambda: self._drawn(2, self.first_condition(), {"steps": 1}, 0))
        self.means = self._can(lambda: self._means(wishes.Sample(number=2, condition=self.first_condition())))
        self.rows = self._examples()
        self.view: View = view_of(subject, self.rows)
        self.verbs = [verb for verb in ROW_VERBS if self._knows(verb)]
        self.axes = self._axes()

    def sample(self, wish: wishes.Sample) -> dict[str, Any]:
        """Draws."""
        if not self.draws:
            raise Unsupported(f"{type(self.model).__name__} has no distribution to draw from")
        how = {"steps": wish.steps or STEPS, "temperature": wish.temperature}
        if wish.means:
            return self.view.show(self._means(wish))
        return self.view.show(self._drawn(wish.number, wish.condition, how, wish.seed))

    def decode(self, wish: wishes.Place) -> dict[str, Any]:
        """The row at a place among the codes, and the code."""
        z = self._known_axes().code(wish.place, wish.origin)
        return self.view.show(self._decoded(z, self._chosen(wish, 1))) | {"code": _numbers(z)}

    def classes(self, wish: wishes.Place) -> dict[str, Any]:
        """The row at a place among the codes, in each of the classes."""
        if len(self.told.counts) != 1:
            raise Unsupported(f"{type(self.model).__name__} is not told one of several classes")
        z = self._known_axes().code(wish.place, wish.origin)
        every = torch.arange(self.told.counts[0], device=self.device)
        return self.view.show(self._decoded(z.expand(len(every), *z.shape[1:]), every))

    def plane(self, wish: wishes.Plane) -> dict[str, Any]:
        """The rows of a grid of codes."""
        axes = self._known_axes()
        codes = axes.codes(axes.grid(wish.place, wish.first, wish.second, wish.size), wish.origin)
        return self.view.show(self._decoded(codes, self._chosen(wish, len(codes)))) | {"size": wish.size}

    def answer(self, wish: wishes.Drawn) -> dict[str, Any]:
        """Everything that the model has to say about one row."""
        row = self.view.read(wish.row).to(self.device)
        y, gaps = self.told.read(wish.condition, 1), row.isnan()
        if self.told.required and y is None:
            raise DataError("choose a class first")
        generator = stream(wish.seed, self.device, name="answer")
        whole = self._whole(row, y, generator)
        found: dict[str, Any] = {"gaps": int(gaps.sum()), "known": self.view.show(whole)}
        if bool(gaps.any()) and "impute" in self.verbs:
            found["impute"] = self.view.show(self._ask("impute", row, y, generator))
        if "reconstruct" in self.verbs:
            found["reconstruct"] = self.view.show(self._ask("reconstruct", whole, y))
        if "encode" in self.verbs:
            found["encode"] = self._code(self._ask("encode", whole, y))
        if "denoise" in self.verbs:
            noisy = self.noisy(whole, wish.noise, generator)
            found |= {"noisy": self.view.show(noisy), "denoise": self.view.show(self._denoised(noisy, y))}
        if "predict_proba" in self.verbs:
            found["classes"] = [round(p, 4) for p in self._ask("predict_proba", whole, None)[0].tolist()]
        if "score" in self.verbs:
            found["score"] = round(float(self._ask("score", whole, y, generator)[0]), 4)
        return found

    def examples(self) -> dict[str, Any]:
        """Held-out rows as they are, with their conditions, and where their codes lie."""
        number = min(EXAMPLES, len(self.rows))
        shown = self.view.show(self.rows[:number])
        labels = None if self.subject.labels is None else self.subject.labels[:number]
        classes = labels.tolist() if labels is not None and labels.dim() == 1 and not labels.is_floating_point() else []
        places = [] if self.axes is None else [[round(v, 4) for v in row] for row in self.axes.places.tolist()]
        told = [self.told.example(i) for i in range(number)] if self.subject.labels is not None else []
        return shown | {"classes": classes, "places": places, "conditions": told, "held": self.subject.rows is not None}

    def noisy(self, x: Tensor, amount: float, generator: torch.Generator) -> Tensor:
        """A row with noise on it: values at the ends of their range where there are two, Gaussian noise elsewhere."""
        low, high = float(self.view.low.min()), float(self.view.high.max())
        two = all(kind in ("binary", "spin") for kind in self.view.kinds)
        noise: Corruption = SaltAndPepper(amount, low, high) if two else GaussianNoise(amount * (high - low))
        with drawing_from(generator):
            return self.view.inside(noise(x))

    def _code(self, z: Tensor) -> dict[str, Any]:
        values = z.detach().cpu().reshape(-1).float()
        found: dict[str, Any] = {"code": [round(v, 4) for v in values.tolist()[:512]], "size": len(values)}
        if self.axes is not None:
            found |= {"origin": values.tolist(), "place": self.axes.place(z)[0].tolist()}
        return found

    def _denoised(self, noisy: Tensor, y: Tensor | None) -> Tensor:
        verb = "denoise" if hasattr(self.model, "denoise") else "reconstruct"
        return self._ask(verb, noisy, y)

    def _whole(self, row: Tensor, y: Tensor | None, generator: torch.Generator) -> Tensor:
        """A row without gaps: completed where the model can, at the low end of the range where it cannot."""
        if not bool(row.isnan().any()):
            return row
        if "impute" in self.verbs:
            guess = self._ask("impute", row, y, generator)
        else:
            guess = self.view.low.to(row).reshape(row.shape).expand_as(row)
        return self.view.inside(torch.where(row.isnan(), guess.to(row), row))

    def _drawn(self, number: int, condition: Sequence[float] | None, how: Mapping[str, Any], seed: int) -> Tensor:
        y = None if condition is None else self.told.read(condition, number)
        known = parameters(self.model, "sample")
        taken = {name: value for name, value in how.items() if name in known and value is not None}
        given = None if y is None else {"y": y}
        return self.model.sample(number, given=given, generator=stream(seed, self.device, name="sample"), **taken)

    def _means(self, wish: wishes.Sample) -> Tensor:
        """The mean of x given each code that was drawn, instead of a draw of x."""
        y = None if wish.condition is None else self.told.read(wish.condition, wish.number)
        return means(self.model, wish.number, y, stream(wish.seed, self.device, name="sample"))

    def _chosen(self, wish: wishes.Place, rows: int) -> Tensor | None:
        return self.told.read(wish.condition, rows) if wish.condition is not None or self.told.required else None

    @torch.no_grad()
    def _decoded(self, z: Tensor, y: Tensor | None) -> Tensor:
        told = {"y": y} if y is not None and "y" in parameters(self.model, "decode") else {}
        return self.model.decode(z.to(self.device), **told)

    @torch.no_grad()
    def _ask(self, verb: str, x: Tensor, y: Tensor | None, generator: torch.Generator | None = None) -> Tensor:
        known = parameters(self.model, verb)
        how: dict[str, Any] = {"y": y} if y is not None and self.told.required and "y" in known else {}
        how |= {"generator": generator} if generator is not None and "generator" in known else {}
        return getattr(self.model, verb)(x, **how)

    def _known_axes(self) -> Axes:
        if self.axes is None:
            raise Unsupported(f"the codes of a {type(self.model).__name__} cannot be moved by hand")
        return self.axes

    def _examples(self) -> Tensor:
        """Held-out rows, or draws where there are none, or nothing but zeros."""
        if self.subject.rows is not None:
            return self.subject.rows.to(self.device)
        if self.draws:
            return self._drawn(wishes.MOST_DRAWS, self.first_condition(), {"steps": STEPS}, 0)
        return torch.zeros(2, *self.model.event_shape, device=self.device)

    def first_condition(self) -> list[float] | None:
        """A condition to start from; None for a model that needs none."""
        if not self.told.required:
            return None
        example = self.told.example(0)
        return example if example is not None else [0.0] * (len(self.told.counts) or self.told.num_values)

    def _knows(self, verb: str) -> bool:
        """Whether the model has an answer to that question about a row."""
        if verb == "denoise":
            return isinstance(self.view, Images) and "reconstruct" in self._methods()
        row = self.rows[:1].reshape(1, *self.model.event_shape)
        row = self.view.inside(row.nan_to_num())
        if verb == "impute":
            row = row.clone()
            row.view(-1)[row.numel() // 2 :] = torch.nan
        return hasattr(self.model, verb) and self._can(lambda: self._ask(verb, row, self._told_first()))

    def _methods(self) -> set[str]:
        return {verb for verb in ("reconstruct",) if self._knows(verb)}

    def _told_first(self) -> Tensor | None:
        return self.told.read(self.first_condition(), 1)

    def _axes(self) -> Axes | None:
        """The axes of the codes, where what is encoded can be decoded."""
        if "encode" not in self.verbs or not self.told.clear:
            return None
        rows = self.view.inside(self.rows[:EXAMPLES].reshape(-1, *self.model.event_shape).nan_to_num())
        try:
            codes = self._ask("encode", rows, self._labels_of(len(rows)))
            latent, seen = (
                self.model.family == "latent",
                len(codes) > 1 and (self.subject.rows is not None or self.draws),
            )
            axes = Axes(codes, REACH if latent else 0.0, collapsible=latent and seen)
            self._decoded(axes.code(axes.plain()["start"]), self._told_first())
        except REFUSALS:
            return None
        return axes

    def _labels_of(self, number: int) -> Tensor | None:
        if not self.told.required:
            return None
        if self.subject.labels is not None:
            return self.subject.labels[:number].to(self.device)
        return self.told.read(self.first_condition(), number)

    def _can(self, ask: Callable[[], Any]) -> bool:
        try:
            ask()
        except REFUSALS:
            return False
        return True


def parameters(model: Any, verb: str) -> set[str]:
    """What a verb takes, through every class that passes the rest of its arguments on.

    >>> from genlatent.latent.vae import VAE
    >>> sorted(parameters(VAE(3, latent=2), "decode"))
    ['z']
    """
    known: set[str] = set()
    for kind in (kind for kind in type(model).__mro__ if verb in vars(kind)):
        found = inspect.signature(vars(kind)[verb]).parameters.values()
        known |= {one.name for one in found if one.kind is not one.VAR_KEYWORD}
        if all(one.kind is not one.VAR_KEYWORD for one in found):
            break
    return known - {"self"}


def _numbers(z: Tensor) -> list[float]:
    return [round(v, 4) for v in z.reshape(-1).float().tolist()[:512]]
