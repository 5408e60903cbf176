import numpy as np
import pytest
import torch

from genlatent.data.mapped import MappedRows
from genlatent.data.sources import load_data
from genlatent.errors import DataError


def epoch(rows, seed=0):
    return list(rows.blocks(torch.Generator().manual_seed(seed)))


def test_every_row_comes_once_and_none_that_was_set_aside():
    source = np.arange(103.0)[:, None]
    aside = np.array([0, 1, 2, 3, 50, 102])
    rows = MappedRows(source, set_aside=aside, block_bytes=4 * 4)
    assert rows.shape == (97, 1)
    found = torch.cat([part for part, _ in epoch(rows)])[:, 0].tolist()
    assert sorted(found) == sorted(set(range(103)) - set(aside.tolist()))


def test_places_are_those_of_the_training_rows():
    rows = MappedRows(np.arange(23.0)[:, None], set_aside=np.array([1, 7, 20]), block_bytes=5 * 4)
    whole = torch.tensor(np.delete(np.arange(23.0), [1, 7, 20]), dtype=torch.float32)
    for part, start in epoch(rows):
        assert torch.equal(part[:, 0], whole[start : start + len(part)])


def test_the_order_comes_from_the_generator_alone():
    rows = MappedRows(np.arange(100.0)[:, None], block_bytes=16)
    one, same, other = ([start for _, start in epoch(rows, seed)] for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_bytes_are_scaled_and_reshaped():
    rows = MappedRows(np.array([[0, 51, 102, 255]], dtype=np.uint8), scale=1 / 255).reshape(-1, 2, 2)
    assert torch.allclose(rows.read(slice(0, 1)), torch.tensor([[[0, 0.2], [0.4, 1]]]))
    assert rows.shape == (1, 2, 2)


def test_blocks_arrive_on_the_device(device):
    rows = MappedRows(np.arange(10.0)[:, None]).to(device)
    assert {part.device.type for part, _ in epoch(rows)} == {device.type}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "rows.npy"
    np.save(path, np.random.default_rng(0).random((1000, 3), dtype=np.float32))
    return path


def test_a_mapped_file_is_a_data_set(file):
    labels = np.arange(1000)
    data = load_data(file, mapped=True, block_bytes=600, labels=labels, seed=4)
    values = np.load(file)
    blocks = list(data.blocks(torch.Generator().manual_seed(0)))
    assert len(blocks) == 20
    assert repr(data) == "Dataset('rows, grey': 800 + 100 + 100 rows of shape (3,), unit)"
    seen = []
    for block in blocks:
        assert torch.equal(block.rows, torch.from_numpy(values[block.labels.numpy()]))
        assert sorted(block.order.tolist()) == list(range(len(block.rows)))
        seen += block.labels.tolist()
    assert sorted([*seen, *data.labels.valid.tolist(), *data.labels.test.tolist()]) == list(range(1000))
    assert torch.equal(data.test, torch.from_numpy(values[data.labels.test.numpy()]))


def test_mapped_or_read_is_decided_by_size(file, monkeypatch):
    assert isinstance(load_data(file).train, torch.Tensor)
    monkeypatch.setattr("genlatent.data.memory.on_host", lambda: 1000)
    assert isinstance(load_data(file).train, MappedRows)


def test_the_same_epoch_for_the_same_seed(file):
    data = load_data(file, mapped=True, block_bytes=600)
    one, two = ([block.rows[block.order] for block in data.blocks(torch.Generator().manual_seed(1))] for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


def test_dynamic_bits_of_a_mapped_file(file):
    data = load_data(file, mapped=True, binarise="dynamic")
    (block,) = data.blocks(torch.Generator().manual_seed(1))
    assert set(data.observe(block.rows).unique().tolist()) == {0.0, 1.0}
    assert set(data.test.unique().tolist()) == {0.0, 1.0}
    with pytest.raises(DataError, match="a mapped file takes binarise=dynamic or none, not threshold"):
        load_data(file, mapped=True, binarise="threshold")


def test_a_bad_value_is_met_when_its_block_is_read(tmp_path):
    values = np.random.default_rng(0).random((50_000, 1), dtype=np.float32)
    values[30_001] = np.nan
    np.save(tmp_path / "bad.npy", values)
    data = load_data(tmp_path / "bad.npy", mapped=True, block_bytes=4000, support="unit", valid=10, test=10)
    with pytest.raises(DataError, match=r"bad \(train\), counted from row \d+ of the file: NaN in row"):
        list(data.blocks(torch.Generator().manual_seed(0)))


def test_held_out_rows_of_a_mapped_file_are_shares(file):
    with pytest.raises(DataError, match="are shares of its rows, not arrays"):
        load_data(file, mapped=True, valid=np.zeros((2, 3), np.float32))
    with pytest.raises(DataError, match="1000 rows, of which 1000 would be held out"):
        load_data(file, mapped=True, valid=500, test=500)


def test_fingerprint_of_a_mapped_file_changes_with_it(tmp_path):
    found = set()
    for change in (0.0, 0.5):
        values = np.linspace(0, 1, 600, dtype=np.float32).reshape(200, 3)
        values[7, 1] += change
        np.save(tmp_path / "x.npy", values)
        found.add(load_data(tmp_path / "x.npy", mapped=True).fingerprint)
    assert len(found) == 2


def test_reshaped_by_load_data(file):
    data = load_data(file, mapped=True, shape=(1, 3, 1))
    assert data.train.shape == (800, 1, 3, 1)
    assert data.valid.shape == (100, 1, 3, 1)


def test_only_a_plain_mapping_is_given_back(file, monkeypatch):
    """Pages of a mapping that was written to are not there again after they were let go of."""
    changed = np.load(file, mmap_mode="c")
    changed[:] = 2.0
    assert [float(part.min()) for part, _ in epoch(MappedRows(changed, block_bytes=6000))] == [2.0] * 2
    assert all(part.max() <= 1 for part, _ in epoch(MappedRows(np.load(file, mmap_mode="r"), block_bytes=6000)))


def test_rows_from_all_over_the_file_are_read_in_parts(file, monkeypatch):
    monkeypatch.setattr("genlatent.data.mapped.SCATTERED", 4)
    numbers = np.arange(0, 1000, 7)
    rows = MappedRows(np.load(file, mmap_mode="r"))
    assert torch.equal(rows.read(numbers), torch.from_numpy(np.load(file)[numbers]))


@pytest.mark.parametrize("support", ["binary", "unit", "real", "count"])
@pytest.mark.parametrize("bad", [np.nan, -np.inf, np.inf, -0.5])
def test_a_quick_look_overlooks_nothing(support, bad):
    values = np.ones((50, 2), np.float32)
    rows = MappedRows(values)
    rows.guard(support, "rows", False)
    rows.read(slice(0, 50))
    values[31, 1] = bad
    if support == "real" and bad == -0.5:
        rows.read(slice(0, 50))
        return
    with pytest.raises(DataError, match="row 31"):
        rows.read(slice(0, 50))


def test_a_file_that_fails_while_a_block_is_read_ahead(file):
    rows = MappedRows(np.load(file, mmap_mode="r"), block_bytes=6000)
    rows.guard("binary", "rows", False)
    with pytest.raises(DataError, match="is not binary"):
        epoch(rows)
