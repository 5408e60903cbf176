"""Records of a run: read where they are still true, found and written where they are not."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import genlatent
from genlatent import storage
from genlatent.cli.opening import Opened, chains_of
from genlatent.components import REFUSED
from genlatent.data.checksums import of_file
from genlatent.data.dataset import Dataset
from genlatent.errors import RunError
from genlatent.evaluation import evaluate
from genlatent.evaluation.record import Record
from genlatent.evaluation.row_scores import RowScores
from genlatent.training.run import checkpoint_of

NAME = "records.json"


def home(run: Path) -> Path:
    """Where a run's records lie."""
    return run if run.is_dir() else run.parent


def asked(job: Opened, data: Dataset, samples: int, effort: tuple[int, int], seed: int) -> dict[str, Any]:
    """Everything that records depend on, as plain values."""
    return {
        "genlatent": genlatent.__version__,
        "weights": of_file(checkpoint_of(job.path) / "model.safetensors"),
        "data": data.fingerprint,
        "title": data.title,
        "samples": samples,
        "effort": list(effort),
        "seed": seed,
    }


def judge(
    job: Opened, data: Dataset, samples: int, effort: tuple[int, int], seed: int, also: Sequence[str] = ()
) -> dict[str, Any]:
    """Judge the model of a run, write its records, and return them as plain values; `also` only adds to them."""
    how: dict[str, Any] = {"samples": samples, "seed": seed, "effort": effort}
    found = evaluate.judge(job.model, data, state=chains_of(job), also=also, **how)
    plain = {"run": str(job.path), "seed": seed, "asked": asked(job, data, **how), "also": list(also)}
    plain["records"] = [record.plain() for record in found.records]
    plain["rows"] = {kind: scores.plain() for kind, scores in found.rows.items()}
    storage.write_json(home(job.path) / NAME, plain)
    return plain


def known(
    job: Opened, data: Dataset, samples: int, effort: tuple[int, int], seed: int, also: Sequence[str] = ()
) -> dict[str, Any] | None:
    """What lies there already, if it is about this model, these data and this effort, and holds all that is asked."""
    place = home(job.path) / NAME
    if not place.is_file():
        return None
    try:
        plain = storage.read_json(place)
        same = plain["asked"] == asked(job, data, samples, effort, seed) and set(also) <= set(plain["also"])
        return plain if same and read(plain) and isinstance(read_rows(plain), dict) else None
    except (RunError, *REFUSED):  # damaged, or of another version: judged anew
        return None


def read(plain: dict[str, Any]) -> list[Record]:
    """Records from plain values."""
    return [Record.from_plain(values) for values in plain["records"]]


def read_rows(plain: dict[str, Any]) -> dict[str, RowScores]:
    """Numbers row by row from plain values."""
    return {kind: RowScores.from_plain(values) for kind, values in plain.get("rows", {}).items()}
