import numpy as np
import pytest
import torch

from genlatent.data.sources import load_data
from genlatent.errors import DataError

PEOPLE = """age,height,colour,kind
31,1.75,red,a
42,1.62,blue,b
55,1.81,red,a
23,1.70,green,c
"""


@pytest.fixture
def people(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text(PEOPLE)
    return path


def written(tmp_path, text, name="t.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


def refusal(path, **options):
    with pytest.raises(DataError) as caught:
        load_data(path, **options)
    assert str(path) in str(caught.value)
    return str(caught.value)


def everything(data):
    return torch.cat([data.train, data.valid, data.test])


def by_first_column(data):
    x = everything(data)
    return x[x[:, 0].argsort()]


def test_numbers_with_and_without_a_header(tmp_path):
    values = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    lines = "\n".join(",".join(str(v) for v in row) for row in values)
    bare = load_data(written(tmp_path, lines))
    named = load_data(written(tmp_path, "a,b,c\n" + lines))
    assert bare.fingerprint == named.fingerprint == load_data(values).fingerprint
    assert (bare.columns, named.columns) == (("0", "1", "2"), ("a", "b", "c"))
    assert named.support == "real"


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_quotes_and_byte_order_marks(tmp_path, separator):
    text = '\ufeff"a";b\n1;"2.5"\n\n3;4\n5;6\n'.replace(";", separator)
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    data = load_data(path)
    assert data.columns == ("a", "b")
    assert by_first_column(data).tolist() == [[1, 2.5], [3, 4], [5, 6]]


def test_columns_and_labels_by_name(people):
    data = load_data(people, columns=["height", "age"], labels="kind")
    assert data.columns == ("height", "age")
    assert data.label_names == ("kind",)
    order = everything(data)[:, 1].argsort()
    assert torch.cat(data.labels)[order].tolist() == [2, 0, 1, 0]


def test_several_label_columns(people):
    data = load_data(people, columns=["age", "height"], labels=["colour", "kind"])
    assert data.labels.train.shape[1] == 2
    order = everything(data)[:, 0].argsort()
    assert torch.cat(data.labels)[order].tolist() == [[1, 2], [2, 0], [0, 1], [2, 0]]


def test_labels_as_an_array(people):
    assert load_data(people, columns=["age"], labels=[0, 1, 0, 1]).labels is not None


def test_text_is_refused_or_declared(people):
    sentence = refusal(people, labels="kind")
    assert "column 'colour' holds text ('red' in line 2)" in sentence
    assert "support={'colour': 'categorical'}" in sentence
    data = load_data(people, labels="kind", support={"colour": "categorical"})
    assert data.support == ("real", "real", "categorical:3")
    assert by_first_column(data)[:, 2].tolist() == [1, 2, 0, 2]


def test_a_text_among_numbers_is_a_cell_to_mend(tmp_path):
    rows = "\n".join(["1,2", "x,3", "4,5", "6,7"])
    (tmp_path / "cells.csv").write_text("a,b\n" + rows)
    assert refusal(tmp_path / "cells.csv").endswith("or mend that cell")
    declared = refusal(tmp_path / "cells.csv", support="real")
    assert "where numbers are wanted, its support being real; mend that cell" in declared
    assert "declare" not in declared


def test_all_columns_of_texts_can_be_taken_at_once(people):
    data = load_data(people, support="auto", labels="kind", standardise=True)
    assert data.support == ("real", "real", "categorical:3")
    assert data.categories["colour"] == ("blue", "green", "red")
    assert data.integers == ("age",)
    assert load_data(people, columns=["age", "height"], support="auto").support == "real"


def test_a_column_of_names_is_no_category(tmp_path):
    path = written(tmp_path, "name,age\nann,1\nbob,2\ncid,3\ndan,4\neve,5\n")
    assert "no text comes twice in column 'name'" in refusal(path, support="auto")
    assert load_data(path, support="auto", columns=["age"]).columns == ("age",)


def test_support_for_every_column(people):
    options = {"columns": ["age", "height"], "labels": "kind"}
    assert load_data(people, support=["count", "real"], **options).support == ("count", "real")
    assert load_data(people, support="real", **options).support == "real"
    with pytest.raises(DataError, match=r"1\.75 in row 0, column 1 is not count"):
        load_data(people, support=["count", "count"], **options)


def test_unknown_columns(people):
    assert "no column is called 'agee'; did you mean 'age'?" in refusal(people, columns=["agee"])
    assert "no column is called 'kindd'; did you mean 'kind'?" in refusal(people, labels="kindd")
    assert "no column is called 'color'; did you mean 'colour'?" in refusal(people, support={"color": "categorical"})


@pytest.mark.parametrize("gap", ["", "NA", "nan", " "])
def test_gaps_are_named_by_line_and_column(tmp_path, gap):
    path = written(tmp_path, f"a,b\n1,2\n\n3,{gap}\n5,6\n7,8\n")
    assert "no value in line 4, column 'b', but no missing values were declared" in refusal(path)
    data = load_data(path, missing=True)
    assert by_first_column(data)[1].isnan().tolist() == [False, True]


def test_gaps_in_texts_and_labels(tmp_path):
    path = written(tmp_path, "a,b\n1,x\n2,\n3,y\n4,y\n")
    data = load_data(path, support={"b": "categorical"}, missing=True)
    assert by_first_column(data)[:, 1].isnan().tolist() == [False, True, False, False]
    assert "no label in line 3, column 'b'" in refusal(path, labels="b")


def test_tables_that_cannot_be_read(tmp_path):
    assert "line 3 has 1 cells where the first line has 2" in refusal(written(tmp_path, "a,b\n1,2\n3\n"))
    assert "the file is empty" in refusal(written(tmp_path, ""))
    assert "no rows to learn from" in refusal(written(tmp_path, "a,b\n"))
    assert "two columns are called 'a'" in refusal(written(tmp_path, "a,a\n1,2\n"))
    path = tmp_path / "binary.csv"
    path.write_bytes(b"a,b\n\xff\xfe,1\n")
    assert "not a text table in UTF-8" in refusal(path)


def test_parquet_is_read_like_csv(people, tmp_path):
    from pyarrow import csv, parquet

    parquet.write_table(csv.read_csv(people), tmp_path / "people.parquet")
    options = {"labels": "kind", "support": {"colour": "categorical"}}
    assert load_data(tmp_path / "people.parquet", **options).fingerprint == load_data(people, **options).fingerprint


def test_parquet_with_gaps_and_damage(tmp_path):
    import pyarrow
    from pyarrow import parquet

    path = tmp_path / "t.parquet"
    parquet.write_table(pyarrow.table({"a": [1, 2, None, 4], "b": [True, False, True, True]}), path)
    assert "no value in row 2, column 'a'" in refusal(path)
    assert int(everything(load_data(path, missing=True)).isnan().sum()) == 1
    path.write_bytes(path.read_bytes()[:-20])
    assert "truncated, or no parquet file" in refusal(path)


def test_parquet_without_pyarrow(tmp_path, monkeypatch):
    (tmp_path / "t.parquet").write_bytes(b"")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    assert "pip install genlatent[parquet]" in refusal(tmp_path / "t.parquet")
