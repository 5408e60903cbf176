import numpy as np
import pytest
import torch

from genlatent.data.restored import to_table
from genlatent.data.sources import load_data, load_rows
from genlatent.data.standards import in_own_units, standardised, standards_of
from genlatent.errors import DataError

TABLE = "age,height,smoker,kind\n" + "".join(
    f"{20 + 3 * i},{'' if i == 3 else round(1.5 + i / 70, 2)},{i % 2},{'ab'[i % 2]}\n" for i in range(30)
)
OPTIONS = {"support": {"kind": "categorical"}, "missing": True, "standardise": True}


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(TABLE)
    return path


def everything(data):
    return torch.cat([data.train, data.valid, data.test])


def test_real_columns_have_mean_zero_and_deviation_one_and_others_stay(table):
    data, raw = load_data(table, **OPTIONS), load_data(table, **OPTIONS | {"standardise": False})
    known = data.train[:, 1][~data.train[:, 1].isnan()]
    for column in (data.train[:, 0], known):
        assert abs(float(column.mean())) < 1e-6
        assert abs(float(column.std(correction=0)) - 1) < 1e-6
    assert torch.equal(data.train[:, 2:], raw.train[:, 2:])
    assert data.support == raw.support == ("real", "real", "binary", "categorical:2")
    assert (data.title, raw.title) == ("t, standardised", "t")
    assert data.integers == ("age", "smoker")


def test_held_out_rows_are_measured_by_the_training_rows(table):
    data, raw = load_data(table, **OPTIONS), load_data(table, **OPTIONS | {"standardise": False})
    mean, scale = data.standards[0]
    assert torch.allclose(data.test[:, 0] * scale + mean, raw.test[:, 0])
    assert mean == float(raw.train[:, 0].double().mean())


def test_the_table_comes_back_with_the_same_texts(table, tmp_path):
    from genlatent.data.written import write_table

    data = load_data(table, **OPTIONS)
    write_table(data.restore(everything(data)), tmp_path / "back.csv")
    assert sorted((tmp_path / "back.csv").read_text().split()) == sorted(TABLE.split())


def test_rows_of_a_file_are_measured_as_the_data_were(table):
    data = load_data(table, **OPTIONS)
    rows = load_rows(table, data.about())
    assert torch.equal(rows.nan_to_num(9).sort(0).values, everything(data).nan_to_num(9).sort(0).values)


@pytest.mark.parametrize("scale", [1e-9, 1e-3, 1.0, 1e4, 1e12])
def test_own_units_are_exact_to_what_float32_keeps(scale):
    x = torch.from_numpy(np.random.default_rng(0).normal(0.3, 1, (200, 2)) * scale).float()
    standards = standards_of(x, "real", "t")
    back = in_own_units(standardised(x, standards).numpy(), {"standards": standards})
    assert np.abs(back - x.double().numpy()).max() < 1e-5 * scale


def test_a_constant_column_and_rows_of_another_shape():
    x = torch.tensor([[[3.0, 1.0]], [[3.0, 2.0]]])
    assert standards_of(x, "real", "t") == ((3.0, 1.0), (1.5, 0.5))
    assert standardised(x, standards_of(x, "real", "t")).tolist() == [[[0, -1]], [[0, 1]]]
    assert standardised(x, ()) is x


def test_what_is_not_real_is_refused(tmp_path):
    with pytest.raises(DataError, match="standardise is for real values, these are binary"):
        load_data(np.eye(10), standardise=True)
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(40, 2)))
    with pytest.raises(DataError, match="rows that stay in their file are not standardised"):
        load_data(tmp_path / "x.npy", mapped=True, standardise=True)


def test_rows_of_another_width_are_refused():
    with pytest.raises(DataError, match="rows of 3 values are none of the table of 1 columns"):
        to_table(np.zeros((2, 3)), {"columns": ["a"], "standards": [[0.0, 2.0]]})
