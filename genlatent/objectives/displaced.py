"""A machine as it would be with other parameters than its own."""

from typing import Any

from torch import Tensor

from genlatent.sampling.gibbs import BlockGibbs


class Displaced:
    """The same layers and units at parameters `theta`; everything else is asked of the machine itself.

    Chains of it are run while the machine's own parameters keep their gradients and stay where they are.
    """

    def __init__(self, machine: Any, theta: Any):
        self.machine, self._theta = machine, theta

    def __getattr__(self, name: str) -> Any:
        return getattr(self.machine, name)

    def theta(self) -> Any:
        """The parameters that stand in for the machine's own."""
        return self._theta

    def field(self, layer: str, state: Any, *, theta: Any = None, **knobs: Any) -> Tensor:
        """What a layer feels."""
        return self.machine.field(layer, state, theta=theta or self._theta, **knobs)

    def reduced_energy(self, state: Any, *, theta: Any = None, **knobs: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """Energy of the kept layers with the others summed out, and the others' fields."""
        return self.machine.reduced_energy(state, theta=theta or self._theta, **knobs)

    def gibbs(self) -> BlockGibbs:
        """Block Gibbs sampling at these parameters."""
        return BlockGibbs(self)


def parameters(machine: Any) -> dict[str, Tensor]:
    """Biases and couplings of a machine by the names of its parameters."""
    names = [f"{name}_bias" for name in machine.layers] + [f"{a}_{b}_weight" for a, b in machine.couplings]
    return {name: getattr(machine, name) for name in names}


def theta_of(machine: Any, values: dict[str, Tensor]) -> Any:
    """The machine's parameters with these values in the place of its own, which are symmetric within a layer."""
    biases = {name: values[f"{name}_bias"] for name in machine.layers}
    couplings = {(a, b): values[f"{a}_{b}_weight"] for a, b in machine.couplings}
    return machine.theta()._replace(biases=biases, couplings=couplings)


def current(machine: Any) -> dict[str, Tensor]:
    """What the machine's parameters amount to, by their names: symmetric within a layer, masked, without gradient."""
    theta = machine.theta()
    values = {f"{name}_bias": bias for name, bias in theta.biases.items()}
    values |= {f"{a}_{b}_weight": w for (a, b), w in theta.couplings.items()}
    return {name: value.detach() for name, value in values.items()}
