"""What the swaps of a ladder add up to: acceptance between neighbours, round trips, and the flow of replicas."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genlatent.sampling.swaps import Exchange, permute


class Journeys(NamedTuple):
    """Counts since the ladder was last changed; rung 0 is the hottest, the last one the coldest."""

    accepted: Float[Tensor, "chain gap"]  # sum of the swap probabilities between neighbours
    proposed: Float[Tensor, "chain gap"]  # swaps tried
    heading: Float[
        Tensor, "chain rung"
    ]  # of the replica now there: 1 last saw the hottest rung, -1 the coldest, 0 none
    round_trips: Float[Tensor, " chain"]  # arrivals at the coldest rung from the hottest
    down: Float[Tensor, "chain rung"]  # visits of replicas that come from the hottest rung
    known: Float[Tensor, "chain rung"]  # visits of replicas that have seen either end

    @property
    def rates(self) -> Float[Tensor, " gap"]:
        """Mean swap probability between each rung and the next colder one, over all chains."""
        return self.accepted.sum(0) / self.proposed.sum(0).clamp(min=1)

    @property
    def barrier(self) -> Float[Tensor, ""]:
        r"""Sum of the rejection rates, :math:`\Lambda`: round trips take about :math:`2 + 2 \Lambda` steps at best.

        References:
            Non-Reversible Parallel Tempering: a Scalable Highly Parallel MCMC Scheme (Syed et al., 2022)
        """
        return (1 - self.rates).sum()

    @property
    def flow(self) -> Float[Tensor, " rung"]:
        """Share of visiting replicas that come from the hottest rung: from 1 down to 0, a straight line at best.

        References:
            Feedback-optimized parallel tempering Monte Carlo (Katzgraber et al., 2006)
        """
        return self.down.sum(0) / self.known.sum(0).clamp(min=1)


def start(like: Float[Tensor, "chain rung"]) -> Journeys:
    """Nothing seen yet."""
    gaps, rungs, chains = torch.zeros_like(like[:, 1:]), torch.zeros_like(like), torch.zeros_like(like[:, 0])
    return _label(Journeys(gaps, gaps, rungs, chains, rungs, rungs))


def extend(journeys: Journeys, partner: Int[Tensor, "chain rung"], done: Exchange) -> Journeys:
    """One round of swaps more."""
    rung = torch.arange(partner.shape[1], device=partner.device)
    tried = (partner == rung + 1)[:, :-1].to(journeys.accepted)
    arrived = permute(journeys.heading, done.order)
    moved = journeys._replace(
        accepted=journeys.accepted + tried * done.probability[:, :-1],
        proposed=journeys.proposed + tried,
        heading=arrived,
        round_trips=journeys.round_trips + (arrived[:, -1] > 0).to(arrived),
    )
    return _label(moved)


def _label(journeys: Journeys) -> Journeys:
    """Replicas at the ends turn round, and everybody's visit is counted."""
    rung = torch.arange(journeys.heading.shape[1], device=journeys.heading.device)
    heading = torch.where(rung == 0, 1.0, torch.where(rung == len(rung) - 1, -1.0, journeys.heading))
    down, known = (heading > 0).to(heading), (heading != 0).to(heading)
    return journeys._replace(heading=heading, down=journeys.down + down, known=journeys.known + known)
