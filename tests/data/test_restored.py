import numpy as np
import pytest
import torch

from genlatent.data.columns import as_texts
from genlatent.data.dataset import Dataset
from genlatent.data.restored import to_table
from genlatent.data.sources import load_data, load_rows
from genlatent.data.written import write_table
from genlatent.errors import DataError

MIXED = """age,height,colour,smoker,kind
31,1.75,red,0,a
42,,blue,1,b
,0.1,,0,a
23,1.7,"light ""grey"", dark",1,
70,1.81,blue,1,b
"""
OPTIONS = {"support": {"colour": "categorical", "kind": "categorical"}, "missing": True}
ABOUT = {"columns": ["n", "c"], "categories": {"c": ["x", "y"]}, "integers": ["n"]}


@pytest.fixture
def mixed(tmp_path):
    path = tmp_path / "mixed.csv"
    path.write_text(MIXED)
    return path


def lines(text):
    return sorted(text.splitlines()[1:])


def everything(data):
    return torch.cat([data.train, data.valid, data.test])


def test_texts_and_whole_numbers_are_part_of_the_data(mixed):
    data = load_data(mixed, **OPTIONS)
    assert data.categories == {"colour": ("blue", 'light "grey", dark', "red"), "kind": ("a", "b")}
    assert data.integers == ("age", "smoker")
    assert data.support == ("real", "real", "categorical:3", "binary", "categorical:2")
    assert data.about()["categories"]["kind"] == ["a", "b"]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_comes_back_as_it_was(mixed, ending, tmp_path):
    data = load_data(mixed, **OPTIONS)
    place = tmp_path / f"back.{ending}"
    write_table(data.restore(everything(data)), place)
    again = load_data(place, **OPTIONS)
    assert torch.equal(everything(data).nan_to_num(-9).sort(0).values, everything(again).nan_to_num(-9).sort(0).values)
    assert all(again.about()[key] == data.about()[key] for key in ("columns", "categories", "integers", "support"))
    if ending == "csv":
        assert place.read_text().splitlines()[0] == MIXED.splitlines()[0]
        assert lines(place.read_text()) == lines(MIXED)


def test_parquet_keeps_kinds_and_gaps(mixed, tmp_path):
    from pyarrow import parquet

    data = load_data(mixed, **OPTIONS)
    write_table(data.restore(everything(data)), tmp_path / "back.parquet")
    found = parquet.read_table(tmp_path / "back.parquet")
    assert [str(kind) for kind in found.schema.types] == ["float", "float", "string", "int64", "string"]
    assert [found.column(name).null_count for name in data.columns] == [1, 1, 1, 0, 1]


def test_the_nearest_class_and_the_nearest_whole_number():
    rows = np.array([[1.6, 0.4], [-0.4, 0.6], [2.5, 7.0], [3.5, -1.0]], dtype=np.float32)
    table = to_table(rows, ABOUT)
    assert table.columns["n"].tolist() == [2, 0, 2, 4]
    assert table.columns["c"].tolist() == ["x", "y", "y", "x"]
    assert as_texts(to_table(np.array([[-0.4, 0], [np.nan, 1]]), ABOUT).columns["n"]) == ["0", None]


def test_rows_of_another_width_are_refused():
    with pytest.raises(DataError, match="rows of 3 values are none of the table of 2 columns"):
        to_table(np.zeros((2, 3)), ABOUT)


def test_numbers_are_written_in_the_shortest_form_that_reads_back(tmp_path):
    values = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32) * 10.0 ** np.arange(-12, 12, 6)
    values = values.astype(np.float32)
    write_table(to_table(values, {}), tmp_path / "x.csv")
    text = (tmp_path / "x.csv").read_text()
    back = np.loadtxt(text.splitlines()[1:], delimiter=",", dtype=np.float64).astype(np.float32)
    assert text.splitlines()[0] == "x0,x1,x2,x3"
    assert (back == values).all()


def test_columns_without_names_are_written_without_names(tmp_path):
    (tmp_path / "bare.csv").write_text("1,2.5\n3,4\n5,6\n")
    data = load_data(tmp_path / "bare.csv")
    write_table(data.restore(everything(data)), tmp_path / "back.csv")
    assert sorted((tmp_path / "back.csv").read_text().split()) == ["1,2.5", "3,4", "5,6"]


def test_other_endings_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"tables are written as \.csv or \.parquet"):
        write_table(to_table(np.zeros((1, 1)), {}), tmp_path / "x.xlsx")


def test_a_table_to_be_completed_is_coded_as_the_data_were(mixed, tmp_path):
    options = {"columns": ["age", "height", "colour", "smoker"], "support": {"colour": "categorical"}, "missing": True}
    about = load_data(mixed, **options).about()
    other = tmp_path / "other.csv"
    other.write_text("smoker,colour,height,name,age\n1,red,2,Ann,\n0,,1.5,Bob,7\n")
    rows = load_rows(other, about)
    assert about["columns"] == ["age", "height", "colour", "smoker"]
    assert rows.nan_to_num(-9).tolist() == [[-9, 2, 2, 1], [7, 1.5, -9, 0]]
    other.write_text("smoker,colour,height,age\n1,pink,2,\n")
    with pytest.raises(DataError, match=r"'pink' in line 2, column 'colour' is none of its categories: blue, light"):
        load_rows(other, about)


def test_a_column_of_gaps_and_texts_that_look_like_numbers(tmp_path):
    (tmp_path / "t.csv").write_text("a,code\n1,10\n2,x\n3,2.5\n4,x\n5,10\n")
    about = load_data(tmp_path / "t.csv", support={"code": "categorical"}).about()
    assert about["categories"] == {"code": ["10", "2.5", "x"]}
    (tmp_path / "u.csv").write_text("a,code\n1,\n2,\n")
    assert load_rows(tmp_path / "u.csv", about)[:, 1].isnan().all()
    (tmp_path / "u.csv").write_text("a,code\n1,10\n2,2.5\n")
    assert load_rows(tmp_path / "u.csv", about)[:, 1].tolist() == [0, 1]


def test_rows_of_arrays_take_the_shape_of_the_data(tmp_path):
    about = load_data(np.random.default_rng(0).random((20, 4)), shape=(1, 2, 2)).about()
    np.save(tmp_path / "x.npy", np.full((3, 4), 0.5))
    assert load_rows(tmp_path / "x.npy", about).shape == (3, 1, 2, 2)
    with pytest.raises(DataError, match=r"rows of shape \(5,\) do not fill shape \(1, 2, 2\)"):
        load_rows(np.zeros((3, 5)), about)


def test_the_order_of_the_texts_can_be_given(mixed):
    data = load_data(mixed, columns=["age", "kind"], categories={"kind": ["b", "a"]}, missing=True)
    assert data.categories == {"kind": ("b", "a")}
    assert sorted(data.restore(everything(data)).columns["kind"].astype(str)) == ["None", "a", "a", "b", "b"]
    with pytest.raises(DataError, match="'b' in line 3, column 'kind' is none of its categories: a, c"):
        load_data(mixed, columns=["age", "kind"], categories={"kind": ["a", "c"]}, missing=True)


def test_numbers_declared_as_classes_are_counted(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n0.5,3\n1.5,0\n2.5,1\n")
    data = load_data(tmp_path / "t.csv", support={"b": "categorical"})
    assert data.support == ("real", "categorical:4")
    assert data.categories == {}


def test_texts_of_no_column_are_refused():
    x = torch.arange(12.0).reshape(6, 2)
    with pytest.raises(DataError, match="'c' is said to hold categories or integers, and is no column"):
        Dataset(x, x, x, shape=x.shape[1:], support="real", name="t", columns=("a", "b"), categories={"c": ("x",)})
