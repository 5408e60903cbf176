"""Chains of a machine that go on as long as somebody looks at them."""

import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from genlatent.energy.conditional import ConditionalRBM
from genlatent.energy.machine import METHODS, BoltzmannMachine
from genlatent.energy.neural import METHODS as SLOPE_METHODS
from genlatent.energy.neural import NeuralEnergy
from genlatent.errors import DataError, RecipeError, Unsupported
from genlatent.explorer import wishes
from genlatent.explorer.player import REFUSALS, Player
from genlatent.explorer.watching import Watch
from genlatent.numerics.randomness import stream
from genlatent.sampling.gibbs import BlockGibbs
from genlatent.sampling.kernels import Adaptive

SLICE = 0.15  # seconds after which chains let others ask
SHOWN = 25  # energies of each chain in one answer, at the most
TUNING = 60  # steps in which a kernel finds its step size or its ladder
DIRECTIONS = 4  # of the data, along which chains should agree


def methods_of(model: Any) -> tuple[str, ...]:
    """How chains of this kind of model can be moved; none where it has no chains."""
    if isinstance(model, BoltzmannMachine):
        return tuple(METHODS)
    return tuple(SLOPE_METHODS) if isinstance(model, NeuralEnergy) else ()


def methods_that_work(player: Player, condition: list[float] | None) -> list[str]:
    """Those of them that move this very model: each is tried."""
    found = []
    for method in methods_of(player.model):
        try:
            Chains(player, wishes.Started(number=2, method=method, condition=condition)).advance(1)
        except REFUSALS:
            continue
        found.append(method)
    return found


class Chains:
    """Parallel chains at one temperature, with some values held; either may change while they run.

    Args:
        player: the model and its view.
        wish: how many, how they move, and what they start with.
    """

    def __init__(self, player: Player, wish: wishes.Started):
        methods = methods_of(player.model)
        if not methods:
            raise Unsupported(f"{type(player.model).__name__} has no chains")
        if wish.method and wish.method not in methods:
            raise RecipeError(f"no method of sampling is called {wish.method!r}; known: {', '.join(methods)}")
        self.player, self.number, self.method = player, wish.number, wish.method or methods[0]
        self.generator = stream(wish.seed, player.device, name="chains")
        self.steps = 0
        self._asked: tuple[Any, ...] = ()
        self._runner: Any = None
        self._directions = directions(player.rows, player.model.event_shape.numel()).to(player.device)
        self.aim(wish.temperature, wish.given, wish.condition)

    @torch.no_grad()
    def aim(self, temperature: float, given: Sequence[float | None] | None, condition: Sequence[float] | None) -> None:
        """Let the chains go on from where they are to another target; what was watched so far no longer counts."""
        asked = (temperature, None if given is None else tuple(given), None if condition is None else tuple(condition))
        if asked == self._asked:
            return
        machine, held = self._held(given, condition)
        kernel = machine.kernel(self.method, held, temperature)
        fixed = getattr(kernel, "fixed", None)
        if fixed is not None and fixed(machine.data):
            raise DataError("every pixel is held, so nothing is left to draw: erase some")
        state = self._start(machine, kernel)
        self._machine, self._runner = machine, kernel.runner(self._tuned(kernel, state), self.generator)
        self._asked, self.watch = asked, Watch()

    def _tuned(self, kernel: Any, state: Any) -> Any:
        if not isinstance(kernel, Adaptive):
            return state
        tuning = kernel.adapting(state, TUNING, self.generator)
        tuning.advance(TUNING)
        return tuning.state

    def _held(self, given: Any, condition: Any) -> tuple[Any, dict[str, Any]]:
        """The machine under a condition, and what its kernel is given."""
        player, held = self.player, {}
        if given is not None and any(value is not None for value in given):
            held["x"] = player.view.read(given).to(player.device)
        y = player.told.read(condition, 1)
        if isinstance(player.model, ConditionalRBM):
            return player.model.under(player.model.told(y)), held
        return player.model, held | ({} if y is None else {"y": y})

    def _start(self, machine: Any, kernel: Any) -> Any:
        """Where the chains are, with the held values in place; from scratch where a kernel has states of its own."""
        now = None if self._runner is None else {n: s.clone() for n, s in self._runner.state.layers.items()}
        if isinstance(machine, NeuralEnergy):
            return machine.start(kernel, self.number if now is None else machine.inside(now["x"]), self.generator)
        state = kernel.init(self.number, self.generator)
        if now is None or not isinstance(kernel, BlockGibbs):
            return state
        held = {name: torch.where(value.isnan(), now[name], value) for name, value in kernel.given.items()}
        return state._replace(layers=now | held)

    @torch.no_grad()
    def advance(self, steps: int) -> dict[str, Any]:
        """So many steps on, or as many as there is time for: states, energies on the way, and whether chains agree."""
        thin, until, energies = max(1, steps // SHOWN), time.monotonic() + SLICE, []
        done = 0
        while done < steps and (done == 0 or time.monotonic() < until):
            part = min(thin, steps - done)
            self._runner.advance(part)
            done += part
            seen = self._machine.observe(self._runner.state)
            energies.append(seen["energy"].float())
            self.watch.add({"energy": seen["energy"], **self._looked_at(seen["x"])})
        self.steps += done
        return self.plain(energies, done)

    def plain(self, energies: Sequence[Tensor] = (), done: int = 0) -> dict[str, Any]:
        """Where the chains are."""
        seen = self._machine.observe(self._runner.state)
        traces = torch.stack(list(energies), 1) if energies else seen["energy"].float().unsqueeze(1)
        shown = self.player.view.show(seen["x"])
        found = {"energies": [[round(e, 3) for e in chain] for chain in traces.tolist()], "done": done}
        return shown | found | {"steps": self.steps, "watch": self.watch.plain()}

    def _looked_at(self, x: Tensor) -> dict[str, Tensor]:
        """Summaries along which chains that know only a part of the distribution differ."""
        flat = x.reshape(len(x), -1)
        return {"mean": flat.mean(1), "directions": flat @ self._directions}


def directions(rows: Tensor, size: int) -> Tensor:
    """The leading principal directions of rows, `(size, directions)`."""
    flat = rows.detach().cpu().reshape(len(rows), -1).nan_to_num().double()
    if len(flat) < 2 or flat.shape[1] != size:
        return torch.zeros(size, 1)
    found = torch.linalg.svd(flat - flat.mean(0), full_matrices=False)[2]
    return found[:DIRECTIONS].T.contiguous().to(torch.get_default_dtype())
