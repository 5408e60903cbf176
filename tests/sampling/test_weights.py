import math

import pytest
import torch

from genlatent.errors import DataError
from genlatent.sampling.weights import log_mean, log_mean_inverse, percentiles, resampled


def normal(device, spread, n, generator):
    """Log-weights whose weights have mean 1."""
    return spread * torch.randn(n, generator=generator, dtype=torch.float64, device=device) - spread**2 / 2


@pytest.mark.parametrize(("spread", "least_95", "least_99"), [(0.5, 178, 191), (1.5, 170, 185), (2.0, 160, 178)])
def test_intervals_hold_the_truth_also_where_heavy_weights_are_rare(spread, least_95, least_99, device):
    generator = torch.Generator(device).manual_seed(1)
    found = [log_mean(normal(device, spread, 300, generator), generator) for _ in range(200)]
    assert sum(low <= 0 <= high for low, high in (e.interval for e in found)) >= least_95
    assert sum(low <= 0 <= high for low, high in (e.wide for e in found)) >= least_99


def test_value_and_effective_runs_are_those_of_the_weights(device):
    w = torch.tensor([0.0, math.log(3.0)], device=device)
    found = log_mean(w)
    assert found.value == pytest.approx(math.log(2.0))
    assert found.ess == pytest.approx(16 / 10)
    assert found.spread == pytest.approx(float(w.double().std()))


def test_the_inverse_is_turned_round_and_a_shift_moves_everything(device):
    w = normal(device, 1.0, 100, torch.Generator(device).manual_seed(0))
    one = log_mean(w, torch.Generator(device).manual_seed(1))
    other = log_mean_inverse(w, torch.Generator(device).manual_seed(1)).shifted(2.0)
    assert other.value == pytest.approx(2.0 - one.value)
    assert other.interval == pytest.approx((2.0 - one.interval[1], 2.0 - one.interval[0]))
    assert other.wide == pytest.approx((2.0 - one.wide[1], 2.0 - one.wide[0]))
    assert one.wide[0] < one.interval[0] < one.value < one.interval[1] < one.wide[1]


def test_float32_weights_of_a_thousand_nats_lose_nothing(device):
    assert log_mean(torch.full((10,), 1000.0, device=device)).value == 1000.0


def test_percentiles_are_those_of_the_replicates(device):
    (low, high), (lowest, highest) = percentiles(torch.arange(1001.0, dtype=torch.float64, device=device))
    assert (low, high, lowest, highest) == pytest.approx((25, 975, 5, 995))


def test_runs_are_drawn_by_their_weights_as_evenly_as_can_be(device):
    share = torch.tensor([0.5, 0.3, 0.2], device=device)
    which = resampled(share.log(), 100, torch.Generator(device).manual_seed(2))
    assert torch.bincount(which, minlength=3).tolist() == pytest.approx([50, 30, 20], abs=1)


def test_one_run_has_no_interval(device):
    with pytest.raises(DataError, match="at least 2 runs"):
        log_mean(torch.zeros(1, device=device))
