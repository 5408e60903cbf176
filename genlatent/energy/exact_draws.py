"""Independent draws of a machine that is small enough to be listed: exact, where chains only come close."""

import torch
from torch import Tensor

from genlatent.energy.enumeration import CHUNK, every_state, listed
from genlatent.energy.layers import Layers
from genlatent.errors import RecipeError


@torch.no_grad()
def draw_exactly(
    machine: Layers, n: int, *, temperature: float = 1.0, generator: torch.Generator | None = None
) -> dict[str, Tensor]:
    r"""`n` independent draws of all layers, by name.

    The states of the listed layers (at most 25 units) are drawn by their probabilities :math:`e^{-F(s)} / Z` in
    float64, the other layers given them.

    >>> from genlatent import RBM
    >>> {name: tuple(s.shape) for name, s in draw_exactly(RBM(visible=30, hidden=4), 5).items()}
    {'hidden': (5, 4), 'visible': (5, 30)}
    """
    if n < 1:
        raise RecipeError(f"there must be at least 1 draw, got {n}")
    if not temperature > 0:
        raise RecipeError(f"temperature must be above 0, got {temperature}")
    layers, theta, beta = listed(machine), machine.theta().double(), 1 / temperature
    widths = [machine.sizes[name] for name in layers]
    size = max(CHUNK // sum(machine.sizes.values()), 1)
    best, found = None, torch.empty(0)
    for chunk in every_state(machine, layers, size):
        kept = dict(zip(layers, chunk.split(widths, dim=1)))
        energy, _ = machine.reduced_energy(kept, beta=beta, theta=theta)
        best, found = _keep(best, found, -energy, chunk, n, generator)
    kept = dict(zip(layers, found.split(widths, dim=1)))
    rest = [name for name in machine.layers if name not in kept]
    fields = {name: machine.field(name, kept, beta=beta, theta=theta).expand(n, -1) for name in rest}
    kept |= {name: machine.units[name].sample(field, generator) for name, field in fields.items()}
    return {name: s.to(getattr(machine, f"{name}_bias")) for name, s in kept.items()}


def _keep(
    total: Tensor | None, found: Tensor, log_weights: Tensor, chunk: Tensor, n: int, generator: torch.Generator | None
) -> tuple[Tensor, Tensor]:
    """Every draw moves into the new chunk with the chance that belongs to it, and stays where it is otherwise."""
    own = log_weights.logsumexp(0)
    share = torch.softmax(log_weights, 0).cumsum(0)
    place = torch.rand(n, generator=generator, dtype=share.dtype, device=share.device) * share[-1]
    new = chunk[torch.searchsorted(share, place, right=True).clamp_max(len(share) - 1)]
    if total is None:
        return own, new
    both = torch.logaddexp(total, own)
    moves = torch.rand(n, generator=generator, dtype=share.dtype, device=share.device) < (own - both).exp()
    return both, torch.where(moves.unsqueeze(1), new, found)
