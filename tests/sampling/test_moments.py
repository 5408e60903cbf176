import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from genlatent.sampling.moments import merged, of, pooled

NUMBERS = st.lists(st.floats(-100, 100), min_size=2, max_size=30)


@given(NUMBERS, st.integers(1, 29))
def test_joined_moments_are_those_of_all_values(device, values, cut):
    cut = min(cut, len(values) - 1)
    x = torch.tensor(values, dtype=torch.float64, device=device)
    found = merged(of(x[:cut]), of(x[cut:]))
    away = x - x.mean()
    assert found.count == len(x)
    assert torch.allclose(found.mean, x.mean(), atol=1e-12)
    for power, sum_ in ((2, found.m2), (3, found.m3), (4, found.m4)):
        assert float(sum_) == pytest.approx(float((away**power).sum()), rel=1e-9, abs=1e-9 * 100**power)


def test_equal_values_have_no_spread_to_the_last_bit(device):
    x = torch.full((1000,), 0.1, dtype=torch.float64, device=device)
    assert float(of(x).m2) == 0
    assert float(pooled([of(part) for part in x.split(7)]).m2) == 0


def test_a_large_mean_costs_no_digits(device):
    x = torch.randn(1000, dtype=torch.float64, device=device)
    found = pooled([of(part) for part in (x + 1e6).split(1)])
    assert float(found.m2) == pytest.approx(float(of(x).m2), rel=1e-6)
