import pytest
import torch

from genlatent.numerics import bits


@pytest.mark.parametrize("low", bits.LOWS)
@pytest.mark.parametrize("count", [1, 7, 8, 9, 40])
def test_what_was_packed_comes_back(low, count):
    x = torch.where(torch.rand(3, 2, count, generator=torch.Generator().manual_seed(count)) < 0.4, 1.0, low)
    packed = bits.pack(x)
    assert packed.nbytes == 6 * -(-count // 8)
    assert torch.equal(bits.unpack(packed, count, low), x)


@pytest.mark.parametrize(
    ("values", "low"),
    [
        ([0.0, 1.0], 0.0),
        ([-1.0, 1.0], -1.0),
        ([0.0, 0.0], 0.0),
        ([1.0, 1.0], 1.0),
        ([-1.0, 0.0], None),
        ([-1.0, 0.0, 1.0], None),
        ([0.0, 2.0], None),
        ([0.5, 1.0], None),
        ([0.0, float("nan")], None),
        ([0.0, float("inf")], None),
    ],
)
def test_the_lower_value(values, low):
    assert bits.low_of(torch.tensor(values)) == low
