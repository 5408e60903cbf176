"""A machine of two deep modes, far apart, and chains that start in both of them."""

import torch

from genlatent.energy.rbm import RBM

CHAINS = 8


def two_modes(depth=1.4):
    """All units off, or all on: equal in energy but for a tilt, and far more than 20 nats apart in between."""
    machine = RBM(12, 6)
    with torch.no_grad():
        machine.W.fill_(depth)
        machine.b.fill_(-3 * depth + 0.08)
        machine.c.fill_(-6 * depth)
    return machine


def in_both_modes(machine):
    """Half of the chains in each mode."""
    on = torch.arange(CHAINS).remainder(2).float().unsqueeze(1).to(machine.b.device)
    return {name: on.expand(-1, size).clone() for name, size in machine.sizes.items()}


def share_on(state):
    return {"on": state.layers["visible"].mean(1)}
