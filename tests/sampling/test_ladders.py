import pytest
import torch

from genlatent.errors import RecipeError
from genlatent.sampling import ladders
from genlatent.sampling.ladders import Rungs, positions, respace
from genlatent.sampling.tempering import ParallelTempering
from tests.machines import rbm

BAD = [
    ((1.5, 3.0), "temperature", 1.0, "lacks the target temperature 1; add it"),
    ((1.0, 3.0), "temperature", torch.tensor([1.0, 2.0]), "lacks the target temperature 2; add it"),
    ((0.0, 0.5), "base", 1.0, "lacks 1, the machine itself; add it"),
    ((0.0, 1.5, 1.0), "base", 1.0, "lie between 0 and 1"),
    ((1.0, 0.0), "temperature", 1.0, "must be above 0"),
    ((1.0, 1.0), "base", 1.0, "each rung of a ladder is there once"),
    (1, "base", 1.0, "at least 2 rungs, got 1"),
    (5, "sideways", 1.0, "path must be one of base, temperature, got 'sideways'"),
]


@pytest.mark.parametrize(("ladder", "path", "temperature", "reason"), BAD)
def test_ladders_that_are_refused(ladder, path, temperature, reason, device):
    with pytest.raises(RecipeError, match=reason):
        ParallelTempering(rbm().to(device), ladder, temperature=temperature, path=path)


def test_rungs_run_from_hot_to_cold_whatever_the_order_given(device):
    rungs = ladders.build((1.0, 4.0, 2.0), "temperature", torch.tensor([2.0, 1.0], device=device))
    assert rungs.beta.tolist() == [[0.25, 0.5, 1.0]] * 2
    assert rungs.target.tolist() == [1, 2]
    assert (rungs.lam == 1).all()


def test_a_number_of_rungs_ends_at_each_chain_s_temperature(device):
    temperature = torch.tensor([0.5, 4.0], device=device)
    by_temperature, by_base = (ladders.build(5, path, temperature) for path in ("temperature", "base"))
    assert torch.equal(by_temperature.beta[:, -1], 1 / temperature)
    assert torch.equal(by_temperature.beta[:, 0], torch.zeros(2, device=device))
    assert torch.equal(by_base.beta, (1 / temperature).unsqueeze(1).expand(2, 5))
    assert by_base.lam.tolist() == [[0, 0.25, 0.5, 0.75, 1]] * 2


def test_new_places_share_the_rejections_evenly(device):
    rejection = torch.tensor([0.4, 0.1, 0.3, 0.2], device=device)
    place = positions(rejection, [])
    height = torch.cat((torch.zeros(1, device=device), rejection.cumsum(0)))
    below = place.floor().long().clamp(max=3)
    reached = height[below] + (place - below) * rejection[below]
    assert torch.allclose(reached, torch.linspace(0, 1, 5, device=device), atol=1e-6)


def test_pinned_rungs_stay(device):
    place = positions(torch.tensor([0.4, 0.1, 0.3, 0.2], device=device), [2])
    assert place[[0, 2, 4]].tolist() == [0, 2, 4]
    assert place[1].item() == pytest.approx(0.625)


def test_gaps_that_refuse_nothing_keep_their_rungs_apart(device):
    place = positions(torch.tensor([0.0, 0.0, 0.5, 0.0], device=device), [])
    assert (place.diff() > 0).all()
    assert torch.equal(positions(torch.zeros(3, device=device), []), torch.arange(4.0, device=device))


def test_rungs_move_along_straight_lines(device):
    rungs = Rungs(
        torch.tensor([[0.0, 1.0, 2.0]], device=device),
        torch.ones(1, 3, device=device),
        torch.tensor([2], device=device),
    )
    assert respace(rungs, torch.tensor([0.0, 0.5, 2.0], device=device)).beta.tolist() == [[0, 0.5, 2]]
