"""From a table to rows of numbers: which columns are learned from, and what number stands for which text."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from genlatent.data import conditions
from genlatent.data.casts import cast
from genlatent.data.own import AUTO, Found, label_rows
from genlatent.data.table import Table, number
from genlatent.distributions.supports import Support, guess, names
from genlatent.errors import DataError
from genlatent.registry import nearest

CATEGORICAL = "categorical"
LISTED = 12  # columns in a sentence
Texts = dict[str, tuple[str, ...]]


class Asked(NamedTuple):
    """What the user asks of a table; see :func:`genlatent.data.tables.read_csv`."""

    columns: Sequence[str] | None = None
    labels: Any = None
    conditions: Any = None
    support: Any = None
    categories: Mapping[str, Sequence[str]] | None = None
    missing: bool = False


def rows_of_table(path: Path, table: Table, asked: Asked) -> Found:
    """The chosen columns as rows of numbers, with labels or conditions beside them, and the texts they stand for."""
    label_names, told = _label_names(asked.labels), conditions.named(asked.conditions)
    if asked.support == AUTO:
        asked = asked._replace(support=_found_texts(path, table, asked, (*label_names, *told)))
    chosen = _chosen(path, table, asked, (*label_names, *told))
    wanted = _supports(asked, chosen)
    texts = _texts(path, table, asked, chosen, label_names, wanted)
    x = torch.from_numpy(_stacked([_values(path, table, name, texts.get(name), asked.missing) for name in chosen]))
    beside = _labels(path, table, label_names, texts) if label_names else _conditions(path, table, told)
    if beside is None and asked.labels is not None:
        beside = label_rows(asked.labels, path.stem)
    return Found(
        x,
        path.stem,
        beside,
        support=_by_column(asked.support, wanted, texts, x, chosen),
        columns=chosen,
        label_names=(*label_names, *told),
        categories=texts,
        integers=tuple(name for name, column in zip(chosen, x.T, strict=True) if name not in texts and _whole(column)),
    )


def _chosen(path: Path, table: Table, asked: Asked, beside: tuple[str, ...]) -> tuple[str, ...]:
    known = list(table.columns)
    chosen = [name for name in known if name not in beside] if asked.columns is None else list(asked.columns)
    declared = asked.support if isinstance(asked.support, Mapping) else ()
    for name in (*chosen, *beside, *declared, *(asked.categories or ())):
        if name not in known:
            raise DataError(f"{path}: no column is called {name!r}; {nearest(str(name), known)}")
    if not chosen or not len(table.columns[chosen[0]]):
        raise DataError(f"{path}: no {'rows' if chosen else 'columns'} to learn from")
    return tuple(chosen)


def _found_texts(path: Path, table: Table, asked: Asked, beside: tuple[str, ...]) -> dict[str, str] | None:
    """Every column of texts as categories; one in which no text comes twice holds names, and is refused."""
    chosen = _chosen(path, table, asked._replace(support=None), beside)
    found = [name for name in chosen if table.columns[name].dtype == object]
    for name in found:
        texts = [text for text in table.columns[name] if text is not None]
        if len(texts) > 1 and len(set(texts)) == len(texts):
            raise DataError(
                f"{path}: no text comes twice in column {name!r}, so there is nothing to learn of it; leave it out by "
                f"{_others(chosen, name)}"
            )
    return dict.fromkeys(found, CATEGORICAL) or None


def _label_names(labels: Any) -> tuple[str, ...]:
    if isinstance(labels, str):
        return (labels,)
    return tuple(labels) if isinstance(labels, (list, tuple)) and all(isinstance(n, str) for n in labels) else ()


def _supports(asked: Asked, columns: Sequence[str]) -> dict[str, str]:
    """The support that was declared for each column; columns without one are left out."""
    found = dict.fromkeys(asked.categories or (), CATEGORICAL)
    if isinstance(asked.support, Mapping):
        return found | {str(name): names(kind)[0] for name, kind in asked.support.items()}
    kinds = () if asked.support is None else names(asked.support)
    return found | dict(zip(columns, kinds * len(columns) if len(kinds) == 1 else kinds, strict=False))


def _by_column(support: Any, wanted: dict[str, str], texts: Texts, x: Tensor, columns: Sequence[str]) -> Support | None:
    """What the data set takes: a name for all columns, or one for each once they were told apart."""
    alike = (support is None or isinstance(support, str)) and not any(name in texts for name in columns)
    if alike or (isinstance(support, (list, tuple)) and len(support) != len(columns)):
        return support
    kinds = [(wanted.get(name), texts.get(name)) for name in columns]
    return tuple(_numbered(*kind, column) for kind, column in zip(kinds, x.T, strict=True))


def _numbered(kind: str | None, texts: Sequence[str] | None, column: Tensor) -> str:
    """The support of one column, with the number of its classes."""
    if texts is not None:
        return kind if kind and ":" in kind else f"{CATEGORICAL}:{len(texts)}"
    if kind != CATEGORICAL or not _whole(column):
        return kind or guess(column)
    return f"{CATEGORICAL}:{int(column[~column.isnan()].max()) + 1}"


def _whole(column: Tensor) -> bool:
    known = column[~column.isnan()]
    return bool(len(known)) and bool(((known == known.round()) & known.isfinite()).all())


def _texts(
    path: Path, table: Table, asked: Asked, chosen: Sequence[str], labels: Sequence[str], wanted: dict[str, str]
) -> Texts:
    """The texts of each column that holds such, in the order of their numbers."""
    found = {name: tuple(str(text) for text in texts) for name, texts in (asked.categories or {}).items()}
    for name in (*chosen, *labels):
        series = table.columns[name]
        if series.dtype != object or name in found:
            continue
        if name not in labels and wanted.get(name, "").partition(":")[0] != CATEGORICAL:
            texts_too = [other for other in chosen if table.columns[other].dtype == object]
            _refuse_text(path, table, name, wanted.get(name), texts_too, asked.missing)
        found[name] = tuple(sorted({text for text in series if text is not None}))
    return found


def _refuse_text(path: Path, table: Table, name: str, kind: str | None, columns: Sequence[str], missing: bool) -> None:
    """A text among the numbers of a declared column is a bad cell; elsewhere the column may hold texts throughout."""
    texts = enumerate(table.columns[name])
    row, text = next((row, text) for row, text in texts if text is not None and number(text) is None)
    where = f"{path}: column {name!r} holds text ({text!r} in {table.row(row)})"
    mend = f"mend that cell{' or leave it empty' if missing else ''}"
    if kind is not None:
        raise DataError(f"{where} where numbers are wanted, its support being {kind}; {mend}")
    declared = dict.fromkeys(columns, CATEGORICAL)
    raise DataError(
        f"{where}; declare it (support={declared}, or support=auto for all), use it as labels, or leave it out by "
        f"{_others(list(table.columns), name)}{'; or ' + mend if _mostly_numbers(table.columns[name]) else ''}"
    )


def _others(columns: Sequence[str], name: str) -> str:
    """The option that names all columns but one, as far as there is room for them."""
    others = [other for other in columns if other != name]
    return f"columns={others}" if len(others) <= LISTED else "columns= with the names of the others"


def _mostly_numbers(series: np.ndarray) -> bool:
    """Whether a column of texts looks like one of numbers with a few bad cells."""
    known = [text for text in series if text is not None]
    return sum(number(text) is not None for text in known) > len(known) / 2


def _values(path: Path, table: Table, name: str, texts: Sequence[str] | None, missing: bool) -> np.ndarray:
    series = table.columns[name] if texts is None else _codes(path, table, name, texts)
    empty = np.isnan(series)
    if empty.any() and not missing:
        raise DataError(
            f"{path}: no value in {table.row(int(empty.argmax()))}, column {name!r}, but no missing values were "
            "declared; declare them (missing=True) or fill them"
        )
    return series


def _codes(path: Path, table: Table, name: str, texts: Sequence[str]) -> np.ndarray:
    """Texts as their numbers, NaN where there is none."""
    known, series = {text: float(number) for number, text in enumerate(texts)}, as_texts(table.columns[name])
    for row, text in enumerate(series):
        if text is not None and text not in known:
            raise DataError(
                f"{path}: {text!r} in {table.row(row)}, column {name!r} is none of its categories: {', '.join(texts)}"
            )
    return np.array([np.nan if text is None else known[text] for text in series])


def as_texts(series: np.ndarray) -> list[str | None]:
    """What stands in a column: numbers in the shortest form that is the same number, None where nothing does.

    >>> as_texts(np.array([1.0, 0.1, np.nan], dtype=np.float32))
    ['1', '0.1', None]
    """
    if series.dtype == object:
        return list(series)
    return [None if text == "nan" else text.removesuffix(".0") for text in series.astype(str).tolist()]


def _labels(path: Path, table: Table, columns: Sequence[str], texts: Texts) -> Tensor:
    found = []
    for name in columns:
        codes = _codes(path, table, name, texts[name]) if name in texts else table.columns[name]
        _refuse_gaps(path, table, name, codes, "label")
        found.append(label_rows(codes, f"{path}, column {name!r}"))
    return found[0] if len(found) == 1 else torch.stack(found, dim=1)


def _conditions(path: Path, table: Table, columns: Sequence[str]) -> Tensor | None:
    for name in columns:
        if table.columns[name].dtype == object:
            raise DataError(f"{path}: column {name!r} holds text, and conditions are numbers; use it as labels")
        _refuse_gaps(path, table, name, table.columns[name], "condition")
    rows = _stacked([table.columns[name] for name in columns]) if columns else None
    return None if rows is None else conditions.condition_rows(rows, str(path))


def _refuse_gaps(path: Path, table: Table, name: str, series: np.ndarray, what: str) -> None:
    if np.isnan(series).any():
        row = int(np.isnan(series).argmax())
        raise DataError(f"{path}: no {what} in {table.row(row)}, column {name!r}; every row needs one")


def _stacked(columns: Sequence[np.ndarray]) -> np.ndarray:
    return cast(np.stack(columns, axis=1))
