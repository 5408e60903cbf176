import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.fx.experimental.proxy_tensor import make_fx

from genlatent.sampling import journeys
from genlatent.sampling.swaps import Exchange, exchange, partners, permute


@pytest.mark.parametrize("rungs", [2, 3, 6])
@pytest.mark.parametrize("parity", [0, 1])
def test_partners_are_mutual_and_next_to_each_other(rungs, parity, device):
    partner = partners(rungs, torch.tensor([parity], device=device))[0]
    assert torch.equal(partner[partner], torch.arange(rungs, device=device))
    assert (partner - torch.arange(rungs, device=device)).abs().max() <= 1
    assert [r for r in range(rungs) if partner[r] == r + 1] == list(range(parity, rungs - 1, 2))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), rungs=st.integers(2, 7), parity=st.integers(0, 1))
def test_no_state_is_lost_or_doubled(device, seed, rungs, parity):
    generator = torch.Generator(device).manual_seed(seed)
    own, other = 1e4 * torch.rand(2, 50, rungs, generator=generator, device=device)
    partner = partners(rungs, torch.full((50,), parity, device=device))
    other = torch.where(partner == torch.arange(rungs, device=device), own, own + (other - 5e3) / 1e4)
    done = exchange(own, other, partner, torch.rand(50, rungs, generator=generator, device=device))
    assert torch.equal(done.order.sort(1).values, torch.arange(rungs, device=device).expand(50, -1))


def test_swaps_happen_as_often_as_metropolis_says(device):
    own = torch.tensor([[1.0, 2.0]], device=device).expand(40_000, 2)
    other = torch.tensor([[1.5, 2.2]], device=device).expand(40_000, 2)
    partner = torch.tensor([[1, 0]], device=device).expand(40_000, 2)
    done = exchange(own, other, partner, torch.rand(40_000, 2, device=device))
    expected = torch.tensor(1.0 + 2.0 - 1.5 - 2.2, device=device).exp()
    assert torch.allclose(done.probability, expected)
    assert abs((done.order[:, 0] == 1).double().mean() - expected) < 4.3 * 0.5 / 200


def test_a_swap_that_lowers_the_energy_is_certain(device):
    done = exchange(
        torch.tensor([[3.0, 3.0]], device=device),
        torch.zeros(1, 2, device=device),
        torch.tensor([[1, 0]], device=device),
        torch.tensor([[0.999, 0.0]], device=device),
    )
    assert done.order.tolist() == [[1, 0]]
    assert done.probability.tolist() == [[1, 1]]


def test_swaps_can_be_traced(device):
    def swap(x, own, other, parity):
        partner = partners(own.shape[1], parity)
        return permute(x, exchange(own, other, partner, torch.rand_like(own)).order)

    inputs = (
        torch.randn(4, 5, 3, device=device),
        torch.randn(4, 5, device=device),
        torch.randn(4, 5, device=device),
        torch.tensor([0, 1, 0, 1], device=device),
    )
    traced = make_fx(swap)(*inputs)
    for parity in (inputs[3], 1 - inputs[3]):
        torch.manual_seed(3)
        expected = swap(*inputs[:3], parity)
        torch.manual_seed(3)
        assert torch.equal(traced(*inputs[:3], parity), expected)


def test_a_round_trip_is_counted_when_it_ends(device):
    swap, stay = torch.tensor([[1, 0]], device=device), torch.tensor([[0, 1]], device=device)
    seen = journeys.start(torch.zeros(1, 2, device=device))
    trips = []
    for order in (stay, swap, stay, swap, swap):
        seen = journeys.extend(seen, swap, Exchange(order, torch.full((1, 2), 0.25, device=device)))
        trips.append(seen.round_trips.item())
    assert trips == [0, 1, 1, 2, 3]
    assert seen.rates.tolist() == [0.25]
    assert seen.barrier == 0.75
    assert seen.flow.tolist() == [1, 0]


def test_flow_counts_where_visitors_come_from(device):
    seen = journeys.start(torch.zeros(1, 3, device=device))
    partner = torch.tensor([[1, 0, 2]], device=device)
    seen = journeys.extend(seen, partner, Exchange(partner, torch.ones(1, 3, device=device)))
    assert seen.heading.tolist() == [[1, 1, -1]]
    assert seen.known.tolist() == [[2, 1, 2]]
    assert seen.down.tolist() == [[2, 1, 0]]
    assert seen.proposed.tolist() == [[1, 0]]
