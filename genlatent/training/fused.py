"""The fused update of torch's optimisers, called with everything it takes at hand."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Update = Callable[[list[Tensor]], None]


class FusedStep:
    """What `optimizer.step()` does, to the last bit, without sorting parameters and states anew at every step.

    The first step, and those of optimisers that are not fused, are torch's own; so is any step in which other
    parameters have gradients than in the one before.

    Args:
        optimizer: one of torch's, with one group of parameters; its states stay where it keeps them.
    """

    def __init__(self, optimizer: torch.optim.Optimizer):
        self.optimizer = optimizer
        self._update: Update | None = None
        self._moving: list[Tensor] = []
        self._idle: list[Tensor] = []
        optimizer.register_load_state_dict_post_hook(lambda _: self._begin_anew())

    @torch.no_grad()
    def __call__(self) -> None:
        """Move the parameters by their gradients."""
        gradients = [p.grad for p in self._moving if p.grad is not None]
        same = len(gradients) == len(self._moving) and all(p.grad is None for p in self._idle)
        if self._update is None or not same:
            self.optimizer.step()
            self._prepare()
        else:
            self._update(gradients)

    def _begin_anew(self) -> None:
        """States that were loaded are to lie in memory as their parameters do, which torch's fused updates trust."""
        self._update = None
        for p, state in self.optimizer.state.items():
            for name, value in state.items():
                if isinstance(value, Tensor) and value.shape == p.shape and value.stride() != p.stride():
                    state[name] = torch.empty_like(p, requires_grad=False).copy_(value)

    def _prepare(self) -> None:
        (group,) = self.optimizer.param_groups
        self._moving = [p for p in group["params"] if p.grad is not None]
        self._idle = [p for p in group["params"] if p.grad is None]
        kinds = {(p.device, p.dtype) for p in self._moving}
        make = UPDATES.get(type(self.optimizer))
        self._update = (
            make(self.optimizer, group, self._moving) if make and group["fused"] and len(kinds) == 1 else None
        )


def _adam(optimizer: Any, group: dict[str, Any], moving: list[Tensor], call: Any = None) -> Update:
    states = [optimizer.state[p] for p in moving]
    means, squares, steps = ([s[part] for s in states] for part in ("exp_avg", "exp_avg_sq", "step"))
    one, (beta1, beta2) = torch.ones_like(steps[0]), group["betas"]
    fixed = {name: group[name] for name in ("amsgrad", "maximize", "weight_decay", "eps")}
    call = call or torch._fused_adam_  # pyright: ignore[reportPrivateImportUsage]

    def update(gradients: list[Tensor]) -> None:
        torch._foreach_add_(steps, one)  # pyright: ignore[reportPrivateImportUsage]
        call(moving, gradients, means, squares, [], steps, lr=group["lr"], beta1=beta1, beta2=beta2, **fixed)

    return update


def _adamw(optimizer: Any, group: dict[str, Any], moving: list[Tensor]) -> Update:
    return _adam(optimizer, group, moving, torch._fused_adamw_)  # pyright: ignore[reportPrivateImportUsage]


def _sgd(optimizer: Any, group: dict[str, Any], moving: list[Tensor]) -> Update:
    momenta = [optimizer.state[p]["momentum_buffer"] for p in moving] if group["momentum"] else []
    fixed = {name: group[name] for name in ("weight_decay", "momentum", "dampening", "nesterov", "maximize")}
    call: Any = torch._fused_sgd_  # pyright: ignore[reportPrivateImportUsage]

    def update(gradients: list[Tensor]) -> None:
        call(moving, gradients, momenta, lr=group["lr"], is_first_step=False, **fixed)

    return update


UPDATES: dict[type, Callable[..., Update]] = {
    torch.optim.Adam: _adam,
    torch.optim.AdamW: _adamw,
    torch.optim.SGD: _sgd,
}
