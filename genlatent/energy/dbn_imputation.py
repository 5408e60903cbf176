"""Filling gaps with a deep belief net."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from genlatent.errors import RecipeError


@torch.no_grad()
def imputed(
    net: Any,
    rows: Tensor,
    *,
    draws: int = 200,
    burn_in: int = 100,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Rows with NaN replaced by its mean over the chains of :func:`completing`.

    Args:
        net: `up`, `log_generation`, `log_recognition`, `top`, `generation` and `units` of a deep belief net.
        rows: states of the visible layer, NaN where they are not known.
        draws: steps that are averaged over.
        burn_in: steps before.
        generator: the random stream.
    """
    if draws < 1 or burn_in < 0:
        raise RecipeError(f"draws must be at least 1 and burn_in at least 0, got {draws} and {burn_in}")
    total = torch.zeros_like(rows)
    for step, (_, field) in zip(range(burn_in + draws), completing(net, rows, generator)):
        if step >= burn_in:
            total += net.units[0].mean(field)
    return torch.where(rows.isnan(), total / draws, rows)


@torch.no_grad()
def completing(net: Any, rows: Tensor, generator: torch.Generator | None = None) -> Iterator[tuple[Tensor, Tensor]]:
    r"""States of Markov chains that leave :math:`p(v_{gap}, h \mid v_{seen})` unchanged, with what v feels from above.

    Recognition proposes all hidden layers at once, and Metropolis and Hastings accept by the weights
    :math:`p(v, h) / q(h \mid v)`; then the gaps are drawn from :math:`p(v \mid h^1)`.

    References:
        Leveraging the Exact Likelihood of Deep Latent Variable Models (Mattei and Frellsen, 2018)
    """
    gaps, unit, below = rows.isnan(), net.units[0], net.generation[0]
    v = torch.where(gaps, unit.sample(below.get_parameter("bias").expand_as(rows), generator), rows)
    hidden = net.up(v, generator)[0][1:]
    while True:
        hidden = _accepted(net, v, hidden, net.up(v, generator)[0][1:], generator)
        field = below(hidden[0])
        v = torch.where(gaps, unit.sample(field, generator), rows)
        yield v, field


def _accepted(
    net: Any, v: Tensor, now: list[Tensor], proposed: list[Tensor], generator: torch.Generator | None
) -> list[Tensor]:
    ratio = _log_weight(net, [v, *proposed]) - _log_weight(net, [v, *now])
    chance = torch.rand(ratio.shape, generator=generator, dtype=ratio.dtype, device=ratio.device)
    take = (chance.log() < ratio).unsqueeze(1)
    return [torch.where(take, new, old) for new, old in zip(proposed, now)]


def _log_weight(net: Any, states: list[Tensor]) -> Tensor:
    return net.log_generation(states) - net.top.free_energy(states[-1]) - net.log_recognition(states)
