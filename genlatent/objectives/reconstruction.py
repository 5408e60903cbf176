"""Reconstruction: a deterministic model gives back what it was shown."""

import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from genlatent.networks.wiring import at_rest
from genlatent.objectives.base import Batch, Loss, Objective
from genlatent.objectives.penalties import CODE, Layer, LayerPenalty, Penalty, Seen, watching

ROWS = 4096  # training rows that penalties start from


class Reconstruction(Objective):
    r"""Loss of the rows rebuilt from their codes, plus penalties.

    .. math:: \frac{1}{B} \sum_b \ell(x_b, g(f(\tilde x_b))) + \sum_r r(x, f(\tilde x))

    where :math:`\tilde x` is x after the model's corruption, in training only.

    References:
        Extracting and composing robust features with denoising autoencoders (Vincent et al., 2008)

    Args:
        penalties: objects called as `penalty(model, x, code)`, which give a value for each row or a scalar, and those
            on layers of the encoder (`SparsityKL`, `L1`). A penalty's metric is named after its class or function.
        may_copy: whether nothing is said of a code that may just copy its input, because that is wanted.
    """

    needs = ("corruption", "encoded", "params")

    def __init__(
        self,
        penalties: Sequence[LayerPenalty | Penalty | Callable[[Any, Tensor, Tensor], Tensor]] = (),
        may_copy: bool = False,
    ):
        self.penalties, self.may_copy = tuple(penalties), may_copy

    def init(self, model: Any, x: Tensor, share: float = 1.0) -> dict[str, Tensor]:
        """What penalties carry from step to step; penalties that do not suit the model are refused here."""
        self._warn_of_copying(model)
        with at_rest(model):
            rows, _ = model.split(x[:ROWS])
            seen, _ = self._encoded(model, rows)
            state = {}
            for name, penalty in self.named_penalties():
                if isinstance(penalty, Penalty):
                    penalty.check(model, rows)
                elif isinstance(penalty, LayerPenalty):
                    state |= _prefixed(name, penalty.start({layer: seen[layer] for layer in penalty.layers}))
        return state

    def __call__(self, model: Any, batch: Batch, state: dict[str, Tensor]) -> Loss:
        """The scalar to minimise, and what it consists of."""
        x, observed = model.split(batch.x)
        corrupted = x if model.corruption is None else model.corruption(x)
        seen, code = self._encoded(model, corrupted)
        rows = model.loss.loss(model.params(code), x, observed)
        parts, after = {}, {}
        for name, penalty in self.named_penalties():
            if isinstance(penalty, LayerPenalty):
                own = {key.removeprefix(f"{name}/"): s for key, s in state.items() if key.startswith(f"{name}/")}
                value, own = penalty({layer: seen[layer] for layer in penalty.layers}, own)
                after |= _prefixed(name, own)
            else:
                value = penalty(model, corrupted, code)
            parts[name] = value.mean()
        value = rows.mean() + sum(parts.values())
        metrics = {"loss": rows.detach().mean(), **{name: part.detach() for name, part in parts.items()}}
        return Loss(value, metrics, after)

    def validate(self, model: Any, batch: Batch) -> dict[str, Tensor]:
        """The loss of each row, seen without corruption."""
        x, observed = model.split(batch.x)
        return {"loss": model.loss.loss(model.params(model.encoded(x)), x, observed).detach()}

    def named_penalties(self) -> list[tuple[str, Any]]:
        """Each penalty and the name of its metric, numbered where several have the same."""
        names = [getattr(p, "__name__", type(p).__name__).lower() for p in self.penalties]
        count, met = Counter(names), Counter()
        found = []
        for name, penalty in zip(names, self.penalties):
            met[name] += 1
            found.append((f"{name}_{met[name]}" if count[name] > 1 else name, penalty))
        return found

    def _encoded(self, model: Any, x: Tensor) -> tuple[Seen, Tensor]:
        """What the penalised layers of the encoder give, and the code."""
        layers: list[Layer] = [n for p in self.penalties if isinstance(p, LayerPenalty) for n in p.layers]
        with watching(model.encoder, layers) as seen:
            code = model.encoded(x)
        return {**seen, CODE: code.flatten(1)}, code

    def _warn_of_copying(self, model: Any) -> None:
        """Say so where nothing keeps the code from being a copy of x; what has no strength keeps it from nothing."""
        units, values = model.latent_shape.numel(), model.event_shape.numel()
        penalised = any(getattr(penalty, "weight", 1.0) != 0 for penalty in self.penalties)
        corrupted = model.corruption is not None and not getattr(model.corruption, "idle", False)
        held_back = model.code is not None and not model.code.idle(units)
        if units > values and not (self.may_copy or penalised or corrupted or held_back):
            warnings.warn(
                f"a code of {units} units for {values} values may just copy its input; "
                "add a penalty, a corruption or a code operation, or make latent smaller",
                stacklevel=2,
            )


def _prefixed(name: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{name}/{key}": value for key, value in state.items()}
