import numpy as np
import pytest
import torch

from genlatent.data.sources import load_data
from genlatent.errors import DataError
from genlatent.latent.conditional import ConditionalVAE
from genlatent.networks.conditions import Values
from genlatent.training.fit import fit

TABLE = "a,b,age,dose,kind\n" + "".join(f"{i},{i % 3}.5,{20 + i},{i / 10},x\n" for i in range(20))


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(TABLE)
    return path


def rows(n=20, d=3):
    return np.random.default_rng(0).random((n, d), dtype=np.float32)


def together(data):
    """Rows and their conditions, in the order of the first column."""
    x, y = torch.cat([data.train, data.valid, data.test]), torch.cat(data.labels)
    order = x[:, 0].argsort()
    return x[order], y[order]


def refusal(*args, **options):
    with pytest.raises(DataError) as caught:
        load_data(*args, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_columns_of_a_table(table):
    data = load_data(table, columns=["a", "b"], conditions=["dose", "age"])
    x, y = together(data)
    assert data.columns == ("a", "b")
    assert data.label_names == ("dose", "age")
    assert y.dtype == torch.float32
    assert torch.allclose(y, torch.stack([x[:, 0] / 10, x[:, 0] + 20], 1))


def test_one_column_is_left_out_of_what_is_learned_from(table):
    data = load_data(table, conditions="age", support={"kind": "categorical"})
    assert data.columns == ("a", "b", "dose", "kind")
    assert data.labels.train.shape == (16, 1)


@pytest.mark.parametrize("form", ["array", "tensor", "npy", "npz"])
@pytest.mark.parametrize("source", ["array", "npy", "mapped", "npz", "csv", "items"])
def test_an_array_or_its_file_goes_row_for_row_with_every_source(source, form, tmp_path):
    x = np.arange(40.0, dtype=np.float32).reshape(20, 2)
    y = np.stack([x[:, 0] / 7, -x[:, 1]], 1)
    np.save(tmp_path / "y.npy", y)
    np.savez(tmp_path / "y.npz", y=y)
    np.save(tmp_path / "x.npy", x)
    np.savez(tmp_path / "x.npz", x=x)
    np.savetxt(tmp_path / "x.csv", x, delimiter=",")
    what = {"array": x, "items": list(torch.from_numpy(x))}.get(source)
    what = tmp_path / f"x.{source.replace('mapped', 'npy')}" if what is None else what
    conditions = {"array": y, "tensor": torch.from_numpy(y)}.get(form)
    conditions = str(tmp_path / f"y.{form}") if conditions is None else conditions
    data = load_data(what, conditions=conditions, **({"mapped": True} if source == "mapped" else {}))
    for part, told in zip((data.train, data.valid, data.test), data.labels, strict=True):
        found = part if isinstance(part, torch.Tensor) else part.read(np.setdiff1d(np.arange(20), part.set_aside))
        assert torch.equal(told, torch.stack([found[:, 0] / 7, -found[:, 1]], 1))


def test_a_second_array_of_an_archive(tmp_path):
    x = rows()
    np.savez(tmp_path / "t.npz", x=x, y=x * 2)
    found, told = together(load_data(tmp_path / "t.npz", conditions="y"))
    assert torch.equal(told, found * 2)


def test_sets_of_an_archive_have_their_own(tmp_path):
    parts = {"train": rows(20), "valid": rows(5), "test": rows(6)}
    np.savez(tmp_path / "t.npz", **parts, **{f"y_{part}": x.sum(1) for part, x in parts.items()})
    data = load_data(tmp_path / "t.npz", conditions="y")
    assert [tuple(part.shape) for part in data.labels] == [(20, 1), (5, 1), (6, 1)]
    assert data.labels.test.flatten().tolist() == parts["test"].sum(1).tolist()


def test_given_sets_bring_their_own():
    data = load_data(rows(), conditions=rows(20, 2), valid=(rows(5), rows(5, 2)), test=(rows(6), rows(6, 2)))
    assert torch.equal(data.labels.valid, torch.from_numpy(rows(5, 2)))


def test_a_folder_of_images_in_the_order_of_names(tmp_path):
    from PIL import Image

    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(10):
        Image.fromarray(np.full((4, 4), number * 20, dtype=np.uint8)).save(folder / f"{number}.png")
    np.save(tmp_path / "y.npy", np.arange(10) * 20 / 255)
    data = load_data(folder, conditions=tmp_path / "y.npy")
    assert torch.allclose(data.train[:, 0, 0, :1], data.labels.train)


def test_what_does_not_fit_is_refused(table, tmp_path):
    x = rows()
    hole = rows(20, 2)
    hole[7, 1] = np.nan
    np.save(tmp_path / "hole.npy", hole)
    np.savez(tmp_path / "two.npz", x=x, y=x)
    assert "array: 19 conditions for 20 rows" in refusal(x, conditions=rows(19))
    assert "t: 19 conditions for 20 rows" in refusal(table, columns=["a"], conditions=rows(19))
    assert "NaN in row 7, column 1; every row needs finite numbers" in refusal(x, conditions=hole)
    assert "NaN in row 7, column 1" in refusal(x, conditions=str(tmp_path / "hole.npy"))
    assert "conditions='age' names a column or a key" in refusal(x, conditions="age")
    assert "no column is called 'agee'; did you mean 'age'?" in refusal(table, conditions="agee")
    assert "column 'kind' holds text, and conditions are numbers" in refusal(table, columns=["a"], conditions="kind")
    assert "holds no array 'z'; it holds x, y" in refusal(tmp_path / "two.npz", conditions="z", key="x")
    assert "it holds x, y; conditions are read from a file of one array" in refusal(x, conditions=tmp_path / "two.npz")
    assert "there is no such file" in refusal(x, conditions="nowhere.npy")
    assert "leave one out" in refusal(x, conditions=rows(), labels=np.arange(20))
    assert "values of type <U1 are not numbers" in refusal(x, conditions=np.array(list("ab" * 10)))
    assert "either all sets have labels or none" in refusal(x, conditions=rows(), valid=rows(5))


def test_a_gap_in_a_condition_is_named_by_its_line(tmp_path):
    (tmp_path / "t.csv").write_text("a,age\n1,2\n3,\n5,6\n7,8\n")
    said = refusal(tmp_path / "t.csv", conditions="age", missing=True)
    assert "no condition in line 3, column 'age'; every row needs one" in said


def test_labels_of_a_table_go_row_for_row_too(table):
    assert "t: 3 labels for 20 rows" in refusal(table, columns=["a"], labels=[1, 2, 3])


def test_a_conditional_model_learns_from_them_and_is_told_them(tmp_path, device):
    x = rows(40, 4).round()
    np.savez(tmp_path / "t.npz", x=x, y=x.mean(1))
    data = load_data(tmp_path / "t.npz", conditions="y")
    model = ConditionalVAE(4, Values(1), latent=2).to(device)
    fit(model, data, steps=3, batch_size=16)
    assert model.sample(5, given={"y": 0.5}).shape == (5, 4)
    assert model.sample(5, given={"y": torch.linspace(0, 1, 5)[:, None]}).shape == (5, 4)
    with pytest.raises(DataError, match="finite"):
        model.sample(5, given={"y": float("nan")})
