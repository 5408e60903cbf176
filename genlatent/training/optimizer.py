"""Which optimiser moves the parameters, and how fast."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import nn

from genlatent.components import Component
from genlatent.errors import RecipeError
from genlatent.registry import nearest
from genlatent.training import schedule as schedules

FUSED = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD, "adagrad": torch.optim.Adagrad}
NAMES = (*FUSED, "rmsprop", "lbfgs")


class Optimizer(Component):
    """An optimiser of torch by name, with a learning-rate schedule over the whole training.

    Args:
        method: `adam`, `adamw`, `sgd`, `adagrad`, `rmsprop` or `lbfgs` (full batches only).
        learning_rate: the largest rate of the schedule.
        schedule: `constant`, `linear` (to zero), `cosine`, `exponential`.
        warmup, hold: fractions of all steps over which the rate rises, and then stays, before it falls.
        final: the last rate, as a fraction of the largest.
        momentum, weight_decay, betas: as in torch, where the optimiser has them.

    >>> Optimizer("sgd", learning_rate=0.5, schedule="linear").rate(0.5)
    0.25
    """

    def __init__(
        self,
        method: str = "adam",
        learning_rate: float = 1e-3,
        schedule: str = "constant",
        warmup: float = 0.0,
        hold: float = 0.0,
        final: float = 0.0,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        betas: Sequence[float] = (0.9, 0.999),
    ):
        if method not in NAMES:
            raise RecipeError(f"no optimizer is called {method!r}; {nearest(method, list(NAMES))}")
        if schedule not in schedules.SHAPES:
            raise RecipeError(f"no schedule is called {schedule!r}; {nearest(schedule, list(schedules.SHAPES))}")
        if learning_rate <= 0:
            raise RecipeError(f"learning_rate must be above 0, got {learning_rate}")
        if warmup < 0 or hold < 0 or warmup + hold >= 1:
            raise RecipeError(
                f"warmup and hold are fractions of the training below 1 together, got {warmup} and {hold}"
            )
        self.method = method
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.warmup = warmup
        self.hold = hold
        self.final = final
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.betas = tuple(betas)

    @property
    def needs_closure(self) -> bool:
        """Whether one step evaluates the loss several times."""
        return self.method == "lbfgs"

    def rate(self, progress: float) -> float:
        """The learning rate at a fraction of the training."""
        factor = schedules.factor(self.schedule, progress, warmup=self.warmup, hold=self.hold, final=self.final)
        return self.learning_rate * factor

    def make(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """The torch optimiser, in its fused form where torch has one."""
        parameters = list(parameters)
        if self.method == "lbfgs":
            return torch.optim.LBFGS(parameters, lr=self.learning_rate, line_search_fn="strong_wolfe")
        options: dict[str, Any] = {"lr": self.learning_rate, "weight_decay": self.weight_decay}
        if self.method in ("adam", "adamw"):
            options["betas"] = self.betas
        if self.method in ("sgd", "rmsprop"):
            options["momentum"] = self.momentum
        if self.method == "rmsprop":
            return torch.optim.RMSprop(parameters, **options)
        return FUSED[self.method](parameters, fused=all(p.is_floating_point() for p in parameters), **options)
