"""`load_data`: a name, a path or an object becomes a :class:`~genlatent.data.dataset.Dataset`."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genlatent import registry
from genlatent.data import arrays, images, tables
from genlatent.data.binarise import binarised
from genlatent.data.catalogue import NAMED
from genlatent.data.dataset import Dataset
from genlatent.data.hidden_labels import hide_labels
from genlatent.data.own import assemble, beside, rows_of, shaped
from genlatent.data.standards import standardised
from genlatent.errors import DataError, RecipeError
from genlatent.storage import spelt_out

READERS: dict[str, Callable[..., Any]] = {
    ".npy": arrays.read_npy,
    ".npz": arrays.read_npz,
    ".csv": tables.read_csv,
    ".parquet": tables.read_parquet,
}

PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".joblib")


def load_data(
    what: Any,
    *,
    binarise: str = "none",
    seed: int = 0,
    num_labels: int | None = None,
    label_seed: int = 0,
    **options: Any,
) -> Dataset:
    """Data to learn from, split in three and checked.

    Args:
        what: a named data set (`digits`, `mnist`, `ising`, ...: see :data:`genlatent.data.catalogue.NAMED`), the path
            of a `.npy`, `.npz`, `.csv` or `.parquet` file or of a folder of images, a numpy array, a tensor, or a
            torch `Dataset` whose items are x or (x, y).
        binarise: `none`, `threshold`, `static`, `static(SEED)` or `dynamic`; it becomes part of the title.
        seed: of the split of your own data, of generated data and of static bits. Torch's and numpy's own random
            numbers are neither used nor moved.
        num_labels: how many training rows keep their label, evenly over the classes; the others are marked -1.
        label_seed: of the choice of those rows.
        options: what the function of a named set takes (`size=6` for `bars-and-stripes`), or for your own data

            * `valid=0.1`, `test=0.1`: fractions, numbers of rows, arrays, or pairs (x, labels); a fraction of a mapped
              file is at most 10,000 rows;
            * `support`: `binary`, `spin`, `unit`, `real`, `count` or `categorical`, one for all or one per column;
              for a table also a mapping from column names. Left out, it is the narrowest of `binary`, `unit`, `real`;
              `auto` says the same, and takes columns of texts as categories;
            * `missing=True`: NaN and empty cells stand for missing values;
            * `standardise=True`: real values are measured from their mean in standard deviations, those of the training
              rows; the title says so, and :meth:`Dataset.restore` undoes it;
            * `labels`: an array; a key for `.npz`; a column for tables;
            * `conditions`: numbers that a conditional model is told, as float labels: an array, a `.npy` or `.npz`
              file of one, row for row; a key for `.npz`; a column, or several, for tables;
            * `name`: as it stands in results; `shape`: of one row;
            * `key=` (`.npz`), `mapped=` (`.npy`), `columns=`, `categories=` (tables), `image_size=`, `grey=` (folders
              of images).

            Bytes (uint8) are pixels and are divided by 255, unless they are all 0 or 1 or the support says otherwise.

    >>> load_data("bars-and-stripes", size=2)
    Dataset('bars-and-stripes-2x2': 6 + 6 + 6 rows of shape (1, 2, 2), binary)
    """
    data = _loaded(what, binarise, seed, options)
    return data if num_labels is None else hide_labels(data, num_labels, label_seed)


def _loaded(what: Any, binarise: str, seed: int, options: dict[str, Any]) -> Dataset:
    if isinstance(what, Dataset):
        _refuse_unknown(options, [], what.name)
        return binarised(what, binarise, seed)
    if isinstance(what, (str, Path)) and str(what) in NAMED:
        return binarised(_named(str(what), seed, options), binarise, seed)
    if options.get("labels") is not None and options.get("conditions") is not None:
        raise DataError("labels are classes and conditions numbers, and a model is told one of them; leave one out")
    reader = _reader(what)
    known, common = _options(reader), _options(assemble)
    _refuse_unknown(options, [*known, *common], str(what) if isinstance(what, (str, Path)) else "your own data")
    found = reader(what, **{key: value for key, value in options.items() if key in known})
    rest = {key: value for key, value in options.items() if key in common}
    return binarised(assemble(found, seed=seed, **rest), binarise, seed)


def load_rows(what: Any, about: Mapping[str, Any]) -> Tensor:
    """Rows of a file or an array as a trained model takes them: the columns, and the numbers of texts, of its data.

    Args:
        what: a path or an object, as for :func:`load_data`, or the path of one image; nothing is split off, and NaN
            stands for what is missing.
        about: what the model's data told of themselves, :meth:`Dataset.about` or a run folder's data info.

    >>> load_rows(np.array([[1, 2], [3, 4]], dtype=np.float32), {"shape": [1, 2], "support": "real"}).shape
    torch.Size([2, 1, 2])
    """
    return load_rows_and_labels(what, about)[0]


def load_rows_and_labels(
    what: Any, about: Mapping[str, Any], *, labels: Any = None, conditions: Any = None
) -> tuple[Tensor, Tensor | None]:
    """The same rows, and the label or condition of each where the source holds them under the names given."""
    if isinstance(what, Dataset):
        raise DataError(f"{what.name} is a whole data set; take its rows, for example data.test")
    reader, support = images.read_image if images.is_picture(what) else _reader(what), about["support"]
    columns, texts = about.get("columns") or (), about.get("categories", {})
    told = (*columns, *(about.get("label_names", ()) if labels is not None else ()))
    options = {"columns": columns or None, "support": support, "missing": True}
    options |= {"labels": labels, "conditions": conditions}
    options["grey"] = about["shape"][0] == 1 if len(about["shape"]) == 3 else None
    options["categories"] = {name: texts[name] for name in told if name in texts}
    known = _options(reader)
    found = reader(what, **{key: value for key, value in options.items() if key in known})
    found = beside(found, conditions)
    pixels = "unit" if support == "binary" else support  # black and white are 0 and 255 in a picture
    rows = shaped(rows_of(found.x, pixels, found.name), about["shape"], found.name)
    return standardised(rows, about.get("standards", ())), found.labels


def _named(name: str, seed: int, options: dict[str, Any]) -> Dataset:
    function = registry.load(NAMED[name].place)
    known = _options(function)
    _refuse_unknown(options, [key for key in known if key != "seed"], name)
    return function(**options, **({"seed": seed} if "seed" in known else {}))


def _reader(what: Any) -> Callable[..., Any]:
    if isinstance(what, (str, Path)):
        return _path_reader(spelt_out(what))
    if isinstance(what, (np.ndarray, torch.Tensor)):
        return arrays.from_array
    if isinstance(what, (torch.utils.data.Dataset, list, tuple)):
        return arrays.from_items
    raise DataError(f"a {type(what).__name__} is no data: give a name, a path, an array, a tensor or a torch Dataset")


def _path_reader(path: Path) -> Callable[..., Any]:
    if path.is_dir():
        return images.read_folder
    ending = path.suffix.lower()
    if ending in PICKLES:
        raise DataError(f"{path}: {ending} files are pickles, which can run code; write the array with numpy.save")
    if not path.exists():
        if ending or len(path.parts) > 1:
            raise DataError(f"{path}: there is no such file or folder")
        raise DataError(f"no data set is called {str(path)!r}; {registry.nearest(str(path), list(NAMED))}")
    if ending not in READERS:
        raise DataError(
            f"{path}: files ending in {ending or 'nothing'} are not read; known: {', '.join(READERS)}, a folder"
        )
    if not path.is_file():
        raise DataError(f"{path}: it is neither a file nor a folder; write what it holds to a file first")
    return READERS[ending]


def _options(function: Callable[..., Any]) -> list[str]:
    parameters = inspect.signature(function).parameters.values()
    return [item.name for item in parameters if item.kind is item.KEYWORD_ONLY]


def _refuse_unknown(options: dict[str, Any], known: list[str], where: str) -> None:
    known = sorted({*known} - {"seed"})
    for key in options:
        if key not in known:
            hint = registry.nearest(key, known) if known else "it takes none"
            raise RecipeError(f"{where} takes no option {key!r}; {hint}")
