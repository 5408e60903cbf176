import torch

from genlatent.numerics import integers


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_a_product_is_that_of_the_rounded_couplings():
    w, s = drawn(90, 33), drawn(17, 90, seed=1).sign() * (drawn(17, 90, seed=2) > 0)
    found = integers.halves(w).product(integers.doubled(s), torch.empty(17, 33, dtype=torch.int32))
    expected = s @ (integers.rounded(w) / integers.halves(w).step)
    assert torch.equal(found.double(), expected.round())
    assert (expected - expected.round()).abs().max() < 1e-6


def test_no_coupling_is_off_by_more_than_half_a_step():
    w = drawn(300, 40)
    assert (integers.rounded(w) - w).abs().max() <= w.abs().max() / (2 * integers.LARGEST) * (1 + 1e-9)


def test_the_largest_values_do_not_overflow():
    w, s = torch.full((3000, 2), -1.0), torch.full((1, 3000), -1.0)
    out = integers.halves(w).product(integers.doubled(s), torch.empty(1, 2, dtype=torch.int32))
    assert out.tolist() == [[3000 * integers.LARGEST] * 2]


def test_couplings_of_zero_stay_zero():
    assert integers.rounded(torch.zeros(2, 3)).abs().max() == 0
    assert integers.halves(torch.zeros(2, 3)).bytes.abs().max() == 0


def test_a_processor_without_such_products_is_found_out(monkeypatch):
    def refused(*_, **__):
        raise NotImplementedError

    monkeypatch.setattr(integers, "byte_product", refused)
    integers.worthwhile.cache_clear()
    try:
        assert not integers.worthwhile()
    finally:
        integers.worthwhile.cache_clear()
