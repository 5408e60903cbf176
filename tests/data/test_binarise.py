import pytest
import torch

from genlatent.data.binarise import binarised, parse
from genlatent.data.dataset import Dataset
from genlatent.errors import DataError, RecipeError

Z = 4.27  # false alarm 2e-5


def grey(n=3000, **changes):
    x = torch.rand(n, 4, generator=torch.Generator().manual_seed(5))
    x[:, 0], x[:, 1], x[0, 2] = 0.0, 1.0, 0.5
    return Dataset(
        **{
            "train": x,
            "valid": x[:1000],
            "test": x[1000:2000],
            "shape": x.shape[1:],
            "support": "unit",
            "name": "grey",
            **changes,
        }
    )


@pytest.mark.parametrize(
    ("text", "seed", "expected"),
    [
        ("none", 1, "none"),
        ("threshold", 1, "threshold"),
        ("static", 7, "static(7)"),
        ("static(3)", 7, "static(3)"),
        (" static( 3 ) ", 7, "static(3)"),
        ("dynamic", 1, "dynamic"),
    ],
)
def test_texts(text, seed, expected):
    assert str(parse(text, seed)) == expected


@pytest.mark.parametrize("text", ["dynamic(3)", "static(x)", "", "statik", "threshold(0.5)"])
def test_other_texts_are_refused(text):
    with pytest.raises(RecipeError, match="is not one of none, threshold, static"):
        parse(text)
    if text == "statik":
        with pytest.raises(RecipeError, match="did you mean 'static'"):
            parse(text)


def test_none_changes_nothing():
    data = grey()
    assert binarised(data, "none") is data


def test_threshold_takes_one_half_as_one():
    data = grey()
    bits = binarised(data, "threshold")
    assert torch.equal(bits.train, (data.train >= 0.5).float())
    assert bits.train[0, 2] == 1
    assert (bits.support, bits.title) == ("binary", "grey, threshold bits")


def test_static_bits_have_the_grey_values_as_mean():
    data = grey(40_000)
    bits = binarised(data, "static(3)")
    p = data.train.double()
    bound = Z * ((p * (1 - p)).sum(0)).sqrt() / len(p)
    assert ((bits.train.double().mean(0) - p.mean(0)).abs() <= bound).all()
    assert bits.title == "grey, static(3) bits"


def test_static_bits_depend_on_the_seed_alone():
    data = grey()
    torch.manual_seed(1)
    one = binarised(data, "static", seed=3)
    torch.manual_seed(2)
    same, other = binarised(data, "static(3)"), binarised(data, "static", seed=4)
    assert one.fingerprint == same.fingerprint != other.fingerprint
    assert not torch.equal(one.train[:1000], one.valid)  # equal rows, bits of their own


def test_dynamic_keeps_grey_for_training_and_draws_the_rest_once():
    data = grey()
    one, two = binarised(data, "dynamic", seed=1), binarised(data, "dynamic", seed=2)
    assert torch.equal(one.train, data.train)
    assert set(one.valid.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(one.valid, two.valid)
    assert torch.equal(one.test, two.test)
    assert (one.support, one.title) == ("binary", "grey, dynamic bits")


def test_missing_values_stay_missing():
    x = torch.rand(20, 3)
    x[:, 1] = torch.nan
    data = Dataset(x, x, x, x.shape[1:], "unit", "gaps", missing=True)
    for how in ("threshold", "static", "dynamic"):
        bits = binarised(data, how)
        assert bits.valid[:, 1].isnan().all()
        assert not bits.valid[:, 0].isnan().any()


def test_bits_and_real_numbers_are_refused():
    data = grey()
    with pytest.raises(DataError, match="grey, threshold bits: these are bits already"):
        binarised(binarised(data, "threshold"), "static")
    with pytest.raises(DataError, match="needs values between 0 and 1, these are real"):
        binarised(grey(support="real"), "dynamic")
