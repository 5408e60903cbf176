"""Runners for kernels whose fastest way through many steps is one step after another."""

from typing import Any

import torch

from genlatent.errors import Diverged


class StepRunner:
    """A kernel's own steps, with a look at every `advance` whether the numbers are still finite."""

    def __init__(self, kernel: Any, state: Any, generator: torch.Generator | None = None):
        self.kernel = kernel
        self.state = state
        self.generator = generator

    def advance(self, steps: int) -> None:
        """So many steps on."""
        for _ in range(steps):
            self.step()
        refuse_infinite(self.kernel, self.state)

    def step(self) -> dict[str, torch.Tensor]:
        """One step on, and what there is to say about it."""
        self.state, info = self.kernel.step(self.state, self.generator)
        return info


def refuse_infinite(kernel: Any, state: Any) -> None:
    """Stop chains that have left the finite numbers."""
    for name, value in state.layers.items():
        if not bool(value.isfinite().all()):
            advice = "take a smaller step" if hasattr(state, "step") else "go back to a checkpoint"
            raise Diverged(f"{type(kernel).__name__}: {name} is not finite any more; {advice}")
