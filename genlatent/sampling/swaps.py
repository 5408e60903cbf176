r"""Exchanging states between the rungs of a ladder: pure functions of tensors, which an objective may trace.

Energies are `(chain, rung)`: `own[c, r]` is the energy at rung r of the state that is there, `other[c, r]` the energy
that the same state has at its partner's rung.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor


class Exchange(NamedTuple):
    """What a round of swaps did."""

    order: Int[Tensor, "chain rung"]  # the rung from which the state of each rung came
    probability: Float[Tensor, "chain rung"]  # of the swap that each rung took part in; 1 for a rung left alone


def partners(num_rungs: int, parity: Int[Tensor, " chain"]) -> Int[Tensor, "chain rung"]:
    """Neighbours that may swap: (0, 1), (2, 3), ... where the parity is even, (1, 2), (3, 4), ... where it is odd.

    Taking turns instead of drawing the pairs lets states travel along the ladder without turning back at random.

    References:
        Non-Reversible Parallel Tempering: a Scalable Highly Parallel MCMC Scheme (Syed et al., 2022)

    >>> partners(5, torch.tensor([0, 1])).tolist()
    [[1, 0, 3, 2, 4], [0, 2, 1, 4, 3]]
    """
    rung = torch.arange(num_rungs, device=parity.device)
    other = torch.where((rung + parity.unsqueeze(1)) % 2 == 0, rung + 1, rung - 1)
    return torch.where((other < 0) | (other >= num_rungs), rung, other)


def exchange(
    own: Float[Tensor, "chain rung"],
    other: Float[Tensor, "chain rung"],
    partner: Int[Tensor, "chain rung"],
    uniform: Float[Tensor, "chain rung"],
) -> Exchange:
    r"""Accept or refuse each swap by Metropolis's rule.

    .. math:: \alpha_{rs} = \min\bigl(1, \exp[E_r(x_r) + E_s(x_s) - E_r(x_s) - E_s(x_r)]\bigr)

    The energies may belong to machines of any kind: other temperatures, other base rates, other parameters.

    >>> own, other = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.5, 9.0]])
    >>> exchange(own, other, torch.tensor([[1, 0]]), torch.rand(1, 2)).order.tolist()
    [[0, 1]]
    """
    rung = torch.arange(own.shape[1], device=own.device)
    lower = torch.minimum(partner, rung)  # both sides of a pair must read the same numbers, to the last bit
    gain = own - other
    ratio = (gain + gain.gather(1, partner)).gather(1, lower)
    accepted = uniform.gather(1, lower) < ratio.exp()
    return Exchange(torch.where(accepted, partner, rung), ratio.clamp(max=0).exp())


def permute(x: Tensor, order: Int[Tensor, "chain rung"]) -> Tensor:
    """States `(chain, rung, ...)` after the exchange.

    >>> permute(torch.tensor([[[1.0], [2.0]]]), torch.tensor([[1, 0]])).tolist()
    [[[2.0], [1.0]]]
    """
    return x[torch.arange(len(x), device=x.device).unsqueeze(1), order]
