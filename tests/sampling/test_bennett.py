import math

import pytest
import torch
from torch.nn.functional import logsigmoid

from genlatent.errors import DataError
from genlatent.sampling.bennett import bennett, overlap, solve


def crooks(device, difference, spread, forward, reverse, seed=0):
    """Log-weights of the two directions as normal variables that obey Crooks' relation exactly."""
    generator = torch.Generator(device).manual_seed(seed)
    f, r = (
        spread * torch.randn(n, generator=generator, dtype=torch.float64, device=device) for n in (forward, reverse)
    )
    return f + difference - spread**2 / 2, r - difference - spread**2 / 2


@pytest.mark.parametrize(("forward", "reverse"), [(4000, 4000), (4000, 1000), (500, 4000)])
@pytest.mark.parametrize("spread", [0.5, 2.0, 4.0])
def test_it_finds_the_difference_of_two_normal_directions(spread, forward, reverse, device):
    found = bennett(*crooks(device, 7.0, spread, forward, reverse))
    assert found.wide[0] < 7.0 < found.wide[1]
    assert found.wide[0] < found.interval[0] < found.value < found.interval[1] < found.wide[1]


def test_its_95_percent_interval_holds_the_truth_about_that_often(device):
    held = [bennett(*crooks(device, 3.0, 2.0, 100, 100, seed)).interval for seed in range(200)]
    count = sum(low <= 3.0 <= high for low, high in held)
    assert count >= 178  # of 200 with a chance of 0.95 each, fewer happen once in a thousand times


def test_the_root_is_that_of_the_equation_even_where_the_directions_never_met(device):
    for spread in (0.1, 3.0, 20.0, 60.0):
        forward, reverse = crooks(device, -5.0, spread, 60, 90)
        x = solve(forward.unsqueeze(0), reverse.unsqueeze(0))[0]
        m = math.log(60 / 90)
        left, right = (logsigmoid(side).logsumexp(0) for side in (forward - m - x, reverse + m + x))
        assert float(left - right) == pytest.approx(0, abs=1e-6)


def test_turning_both_directions_round_turns_the_sign(device):
    forward, reverse = crooks(device, 2.0, 1.5, 300, 200)
    one, other = solve(forward.unsqueeze(0), reverse.unsqueeze(0)), solve(reverse.unsqueeze(0), forward.unsqueeze(0))
    assert float(one) == pytest.approx(-float(other), abs=1e-9)


def test_overlap_is_one_for_equal_work_and_nothing_for_directions_that_never_met(device):
    same = torch.full((5,), 2.0, device=device)
    assert overlap(same, -same, 2.0) == 1.0
    assert overlap(*crooks(device, 0.0, 10.0, 500, 500), 0.0) < 1e-3


def test_one_run_is_too_few(device):
    with pytest.raises(DataError, match="at least 2 runs"):
        bennett(torch.zeros(1, device=device), torch.zeros(5, device=device))
