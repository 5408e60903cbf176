import dataclasses

import pytest
import torch

from genlatent.data.dataset import Dataset, Splits
from genlatent.errors import DataError


def tiny(x=None, **changes):
    x = torch.rand(10, 2, 3) if x is None else x
    parts = {"train": x[:6], "valid": x[6:8], "test": x[8:]}
    fields = {"shape": x.shape[1:], "support": "unit", "name": "tiny"}
    return Dataset(**{**parts, **fields, **changes})


def numbered(n):
    labels = torch.arange(n)
    return Splits(labels[: n - 4], labels[n - 4 : n - 2], labels[n - 2 :])


def refusal(**changes):
    with pytest.raises(DataError) as caught:
        tiny(**changes)
    return str(caught.value)


def test_fields_are_frozen_and_normalised():
    data = tiny(columns=tuple("012345"))
    assert isinstance(data.shape, torch.Size)
    assert data.columns == ("0", "1", "2", "3", "4", "5")
    with pytest.raises(dataclasses.FrozenInstanceError):
        data.name = "other"


def test_rows_lie_one_after_another_in_memory():
    x = torch.rand(3, 2, 10).permute(2, 1, 0)
    data = tiny(x)
    for part, rows in (("train", x[:6]), ("valid", x[6:8]), ("test", x[8:])):
        assert getattr(data, part).is_contiguous()
        assert torch.equal(getattr(data, part), rows)


@pytest.mark.parametrize("part", ["train", "valid", "test"])
def test_empty_set_is_refused(part):
    assert refusal(**{part: torch.empty(0, 2, 3)}) == f"tiny: the {part} set has no rows; give it at least one"


def test_shapes_must_agree():
    assert "rows of valid have shape (6,), the data set says (2, 3)" in refusal(valid=torch.rand(2, 6))


def test_values_must_lie_in_the_support():
    sentence = refusal(support="binary")
    assert "tiny (train)" in sentence
    assert "binarise" in sentence


def test_nan_needs_a_declaration():
    x = torch.rand(10, 2, 3)
    x[7, 1, 2] = torch.nan
    assert "tiny (valid): NaN in row 1, column 5, but no missing values were declared" in refusal(x=x)
    assert tiny(x, missing=True).missing


@pytest.mark.parametrize(
    ("x", "what"),
    [
        (torch.full((10, 2, 3), 0.25), "every training value is 0.25"),
        (torch.rand(1, 2, 3).repeat(10, 1, 1), "every training row is the same"),
    ],
)
def test_constant_data_are_refused(x, what):
    assert what in refusal(x=x)


def test_a_column_that_is_missing_everywhere_hides_no_constant():
    x = torch.ones(10, 2, 3)
    x[:, 0] = torch.nan
    assert "every training value is 1" in refusal(x=x, missing=True)
    assert "every training value is missing" in refusal(x=torch.full((10, 2, 3), torch.nan), missing=True)


def test_one_late_row_that_differs_is_enough():
    x = torch.zeros(300, 2)
    x[250, 1] = 1
    assert len(Dataset(x, x[:1], x[:1], x.shape[1:], "binary", "late").train) == 300


def test_only_floats():
    assert "torch.int64, not float32" in refusal(x=torch.arange(60).reshape(10, 2, 3), support="count")


def test_labels_go_row_for_row():
    labels = numbered(10)
    assert "5 labels for 6 rows of train" in refusal(labels=labels._replace(train=torch.arange(5)))
    assert "not int64" in refusal(labels=Splits(*(part.int() for part in labels)))
    assert "2 label names for 1 labels a row" in refusal(labels=labels, label_names=("one", "two"))
    assert "differ in shape" in refusal(labels=labels._replace(test=torch.zeros(2, 3, dtype=torch.int64)))


def test_columns_are_counted():
    assert "1 column names for 6 columns" in refusal(columns=("only",))


def test_one_support_for_each_column():
    x = torch.tensor([[0.0, 1.5], [1.0, -2.0], [1.0, 0.0]])
    data = Dataset(x, x, x, x.shape[1:], ["binary", "real"], "mixed")
    assert data.support == ("binary", "real")
    with pytest.raises(DataError, match=r"1.5 in row 0, column 1 is not unit"):
        Dataset(x, x, x, x.shape[1:], ("binary", "unit"), "mixed")


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ({}, "tiny, grey"),
        ({"support": "real"}, "tiny"),
        ({"binarisation": "dynamic", "support": "binary", "valid": torch.ones(2, 2, 3)}, "tiny, dynamic bits"),
    ],
)
def test_title_tells_the_binarisation(changes, title):
    assert tiny(**{"test": torch.ones(1, 2, 3), **changes}).title == title


def test_colour_images_are_not_called_grey():
    assert tiny(torch.rand(10, 3, 2, 2)).title == "tiny, colour"


def test_fingerprint_sees_values_shape_dtype_and_labels():
    x = torch.rand(10, 2, 3)
    same, data = tiny(x.clone(), name="another"), tiny(x)
    changed = x.clone()
    changed[9, 1, 2] += 1e-6
    others = [tiny(changed), tiny(x.double()), data.reshaped((6,)), tiny(x, labels=numbered(10))]
    assert same.fingerprint == data.fingerprint
    assert len({data.fingerprint, *(other.fingerprint for other in others)}) == 5


def test_fingerprint_is_the_same_in_every_process():
    x = torch.arange(20.0).reshape(10, 2)
    assert tiny(x, support="real").fingerprint == "cf4eb7328dcc2eb1c68044c28a94fb9e"


def test_reshaped_keeps_values_and_labels():
    data = tiny(labels=numbered(10)).reshaped((6,))
    assert data.train.shape == (6, 6)
    assert data.shape == (6,)
    assert torch.equal(data.labels.test, torch.tensor([8, 9]))


def test_to_keeps_everything(device):
    data = tiny(labels=numbered(10))
    moved = data.to(device)
    assert {moved.train.device.type, moved.test.device.type, moved.labels.valid.device.type} == {device.type}
    assert (moved.fingerprint, moved.title, moved.shape) == (data.fingerprint, data.title, data.shape)
    assert torch.equal(moved.train.cpu(), data.train)


def test_rows_that_do_not_fit_on_the_device_stream(monkeypatch, device):
    data = tiny(labels=numbered(10))
    monkeypatch.setattr("genlatent.data.memory.fits", lambda x, device: False)
    moved = data.to(device)
    block = next(iter(moved.blocks(torch.Generator().manual_seed(0))))
    assert not isinstance(moved.train, torch.Tensor)
    assert torch.equal(block.rows.cpu(), data.train)
    assert torch.equal(block.labels.cpu(), data.labels.train)


def test_an_epoch_is_one_block_that_visits_every_row_once(device):
    data = tiny(torch.rand(50, 2, 3), labels=None).to(device)
    (block,) = data.blocks(torch.Generator().manual_seed(3))
    (again,) = data.blocks(torch.Generator().manual_seed(3))
    assert block.rows is data.train
    assert sorted(block.order.tolist()) == list(range(6))
    assert block.order.device.type == device.type
    assert torch.equal(block.order, again.order)


def test_observe_is_the_identity_unless_dynamic():
    data = tiny()
    assert data.observe(data.train) is data.train


def test_observe_draws_fresh_bits_with_the_right_mean(device):
    x = torch.tensor([[0.0, 0.1, 0.5, 1.0]]).repeat(20_000, 1)
    bits = (x > 0.5).float()
    grey = torch.rand(10, 4)
    data = Dataset(grey, bits, bits, x.shape[1:], "binary", "grey", binarisation="dynamic")
    x = x.to(device)
    one, two = data.observe(x), data.observe(x)
    p = x[0].double()
    bound = 4.27 * (p * (1 - p) / len(x)).sqrt()  # false alarm 2e-5 for each mean
    assert set(one.unique().tolist()) == {0.0, 1.0}
    assert ((one.double().mean(0) - p).abs() <= bound).all()
    assert not torch.equal(one, two)


def test_observe_keeps_missing_values():
    x = torch.rand(10, 4)
    x[:, 0] = torch.nan
    bits = x.round()
    data = Dataset(x, bits, bits, x.shape[1:], "binary", "gaps", binarisation="dynamic", missing=True)
    seen = data.observe(x)
    assert seen[:, 0].isnan().all()
    assert not seen[:, 1:].isnan().any()


def test_observe_can_be_traced():
    from torch.fx.experimental.proxy_tensor import make_fx

    x = torch.rand(5, 3)
    data = Dataset(x, x.round(), x.round(), x.shape[1:], "binary", "traced", binarisation="dynamic")
    traced = make_fx(lambda x: data.observe(x), tracing_mode="fake")(x)
    state = torch.get_rng_state()
    expected = data.observe(x)
    torch.set_rng_state(state)
    assert torch.equal(traced(x), expected)


def test_a_glimpse_is_evenly_spaced():
    data = tiny(torch.arange(100.0).unsqueeze(1), train=torch.arange(100.0).unsqueeze(1), support="real")
    assert data.glimpse(10)[:, 0].tolist() == list(range(0, 100, 10))
    assert len(data.glimpse()) == 100


def test_what_it_says_of_itself():
    assert repr(tiny()) == "Dataset('tiny, grey': 6 + 2 + 2 rows of shape (2, 3), unit)"
