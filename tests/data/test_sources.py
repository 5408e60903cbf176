import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

from genlatent.data.catalogue import NAMED
from genlatent.data.dataset import Dataset
from genlatent.data.sources import load_data
from genlatent.errors import DataError, RecipeError

MADE = [name for name, entry in NAMED.items() if entry.folder is None]
SMALL = {"patches": {"n": 100}, "ising": {"n": 50, "size": 3}, "sprites": {"n": 50}}


def rows(n=40, d=3, seed=0):
    return np.random.default_rng(seed).random((n, d), dtype=np.float32)


def refusal(*args, error=DataError, **options):
    with pytest.raises(error) as caught:
        load_data(*args, **options)
    return str(caught.value)


@pytest.mark.parametrize("name", MADE)
def test_made_sets_are_sound_and_depend_on_the_seed_alone(name):
    options = SMALL.get(name, {})
    torch.manual_seed(1)
    one = load_data(name, seed=3, **options)
    torch.manual_seed(2)
    same, other = load_data(name, seed=3, **options), load_data(name, seed=4, **options)
    fixed = name in ("digits", "bars-and-stripes")
    assert isinstance(one, Dataset)
    assert one.fingerprint == same.fingerprint
    assert (one.fingerprint == other.fingerprint) == fixed


@pytest.mark.parametrize("what", [*MADE, "array", "dynamic"])
def test_nobody_elses_random_numbers_move(what):
    before = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
    if what == "array":
        load_data(rows(), binarise="static")
    else:
        load_data("digits" if what == "dynamic" else what, **SMALL.get(what, {}), binarise="none")
    after = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
    assert torch.equal(before[0], after[0])
    assert all(np.array_equal(a, b) for a, b in zip(before[1], after[1], strict=True))


def test_the_whole_of_an_array_is_divided():
    x, labels = rows(40), np.arange(40)
    data = load_data(x, labels=labels, valid=0.25, test=5, name="mine")
    assert repr(data) == "Dataset('mine, grey': 25 + 10 + 5 rows of shape (3,), unit)"
    assert sorted(torch.cat(data.labels).tolist()) == list(range(40))
    for part, numbers in zip((data.train, data.valid, data.test), data.labels, strict=True):
        assert torch.equal(part, torch.from_numpy(x[numbers.numpy()]))


def test_arrays_tensors_and_torch_datasets_agree():
    x, y = rows(), np.arange(40) % 4
    tensors = TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
    found = [load_data(x, labels=y), load_data(torch.from_numpy(x), labels=torch.from_numpy(y)), load_data(tensors)]
    assert len({data.fingerprint for data in found}) == 1


def test_torch_datasets_without_labels_and_with_pictures():
    from PIL import Image

    plain = load_data([torch.rand(2, 3) for _ in range(10)])
    pictures = load_data([(Image.fromarray((rows(4, 5, n) * 255).astype(np.uint8)), n % 2) for n in range(10)])
    assert plain.labels is None
    assert plain.shape == (2, 3)
    assert (pictures.shape, pictures.support) == ((1, 4, 5), "unit")
    assert pictures.labels is not None


def test_an_iterable_dataset():
    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return iter(torch.arange(12.0).reshape(6, 2))

    assert load_data(Stream()).name == "Stream"


def test_items_that_do_not_agree():
    assert "item 2 has shape (4,), item 0 has (3,)" in refusal([torch.rand(3), torch.rand(3), torch.rand(4)])
    assert "it has no items" in refusal([])
    assert "an item of type str is no row of numbers" in refusal(["a", "b", "c"])


def test_given_sets_are_taken_as_they_are():
    x, valid, test = rows(20), rows(5, seed=1), rows(6, seed=2)
    data = load_data(x, labels=np.arange(20), valid=(valid, np.arange(5)), test=(test, np.arange(6)))
    assert torch.equal(data.valid, torch.from_numpy(valid))
    assert data.labels.test.tolist() == list(range(6))
    assert sorted(data.labels.train.tolist()) == list(range(20))


def test_given_sets_need_labels_where_train_has_them():
    assert "either all sets have labels or none" in refusal(rows(20), labels=np.arange(20), valid=rows(5))
    assert "either all sets have labels or none" in refusal(rows(20), valid=(rows(5), np.arange(5)))


@pytest.mark.parametrize(
    ("values", "support"),
    [
        (np.array([[0, 1], [1, 1], [0, 0]]), "binary"),
        (np.array([[True, False], [True, True], [False, False]]), "binary"),
        (np.array([[0.5, 1], [1, 1], [0, 0]]), "unit"),
        (np.array([[0, 255], [7, 3], [1, 1]], dtype=np.uint8), "unit"),
        (np.array([[0, 255], [7, 3], [1, 1]], dtype=np.int64), "real"),
        (np.array([[0.5, -1], [1, 1], [0, 0]]), "real"),
    ],
)
def test_the_narrowest_support_is_guessed(values, support):
    data = load_data(np.tile(values, (4, 1)))
    assert data.support == support
    assert data.train.dtype == torch.float32


def test_bytes_are_pixels_unless_told_otherwise():
    x = np.array([[0, 255], [51, 3], [1, 1]], dtype=np.uint8)
    assert float(load_data(x).train.max()) <= 1
    everything = torch.cat([getattr(load_data(x, support="count"), part) for part in ("train", "valid", "test")])
    assert float(everything.max()) == 255


def test_a_declared_support_is_held():
    assert "is not spin" in refusal(rows(), support="spin")
    assert load_data(np.sign(rows() - 0.5), support="spin").support == "spin"
    assert "no support is called 'gray'" in refusal(rows(), support="gray")


def test_nan_is_refused_by_the_users_own_row():
    x = rows()
    x[31, 2] = np.nan
    assert "array: NaN in row 31, column 2, but no missing values were declared" in refusal(x)
    assert load_data(x, missing=True).missing


def test_a_vector_is_rows_of_one_value():
    assert load_data(np.arange(10.0)).shape == (1,)


def test_shape_and_foreign_memory():
    x = rows(10, 12)
    x.flags.writeable = False
    data = load_data(x[:, ::-1].astype(">f8"), shape=(1, 3, 4))
    assert data.shape == (1, 3, 4)
    assert "rows of shape (12,) do not fill shape (5,)" in refusal(x, shape=(5,))


def test_the_users_array_is_not_shared():
    x = torch.rand(10, 3)
    data = load_data(x)
    fingerprint, x[:] = data.train.clone(), 0.0
    assert torch.equal(data.train, fingerprint)


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        (np.array(["a", "b"]), "values of type <U1 are not numbers"),
        (np.array([[1j, 2], [3, 4], [5, 6]]), "complex numbers are not taken"),
        (np.empty((0, 3)), "no rows or no values"),
        (np.array(1.0), "a single number"),
        (np.full((5, 3), 2.0), "every training value is 2; there is nothing to learn"),
        (np.array([[2**24 + 1], [0], [1]]), "are not exact in float32"),
        (np.array([[np.inf], [0], [1]]), "inf in row 0, column 0 is not real"),
        ({"x": 1}, "a dict is no data"),
        (7, "a int is no data"),
    ],
)
def test_what_is_no_data(what, sentence):
    assert sentence in refusal(what)


def test_labels_that_do_not_fit():
    assert "3 labels for 40 rows" in refusal(rows(), labels=[1, 2, 3])
    assert "are not whole numbers" in refusal(rows(), labels=np.linspace(0, 1, 40))
    assert "names a column or a key" in refusal(rows(), labels="y")


def test_a_dataset_passes_through():
    data = load_data(rows())
    assert load_data(data) is data
    assert load_data(data, binarise="threshold").title == "array, threshold bits"


def test_binarisation_is_part_of_every_title():
    for how, title in (("none", "digits, grey"), ("static(3)", "digits, static(3) bits")):
        assert load_data("digits", binarise=how).title == title
    assert load_data("digits", binarise="static", seed=5).title == "digits, static(5) bits"


def test_unknown_names_and_options():
    assert "no data set is called 'mnits'; did you mean 'mnist'?" in refusal("mnits")
    assert "digits takes no option 'size'; known: rows" in refusal("digits", size=3, error=RecipeError)
    assert "freyfaces takes no option 'size'; it takes none" in refusal("freyfaces", size=3, error=RecipeError)
    sentence = refusal("bars-and-stripes", sise=3, error=RecipeError)
    assert sentence == "bars-and-stripes takes no option 'sise'; did you mean 'size'?"
    assert "takes no option 'vaild'; did you mean 'valid'?" in refusal(rows(), vaild=0.1, error=RecipeError)
    assert "takes no option 'mapped'" in refusal(rows(), mapped=True, error=RecipeError)


@pytest.mark.parametrize("ending", [".pt", ".pth", ".pkl"])
def test_pickles_are_refused_unread(tmp_path, ending):
    path = tmp_path / f"x{ending}"
    torch.save(torch.zeros(3), path)
    assert "files are pickles, which can run code" in refusal(path)


def test_paths_that_lead_nowhere(tmp_path):
    assert "there is no such file or folder" in refusal(tmp_path / "x.npy")
    assert "there is no such file or folder" in refusal("folder/none")
    (tmp_path / "x.txt").write_text("1 2")
    assert "files ending in .txt are not read; known: .npy, .npz, .csv, .parquet" in refusal(tmp_path / "x.txt")
