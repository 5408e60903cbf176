"""The commands that write, each with what it finds where it writes."""

import shutil
from pathlib import Path

import numpy as np

from tests.endurance.trials import COMMAND, Writer, rehearse

FORMATS = ("png", "npy", "npz", "csv", "parquet", "nc", "folder")
SHORT = ["--samples", "5", "--runs", "2", "--steps", "3", "--quiet"]

# By name: the command after `genlatent`, and whether an older file of that name lies there.
VERBS = {
    "sample png": ["sample", "RUN", "-n", "6", "--quiet", "--out", "x.png"],
    "sample npy": ["sample", "RUN", "-n", "6", "--quiet", "--out", "x.npy"],
    "sample npz": ["sample", "RUN", "-n", "6", "--quiet", "--out", "x.npz"],
    "sample csv": ["sample", "RUN", "-n", "6", "--quiet", "--out", "x.csv"],
    "sample parquet": ["sample", "RUN", "-n", "6", "--quiet", "--out", "x.parquet"],
    "sample nc": ["sample", "RUN", "--chains", "2", "--draws", "8", "--burn-in", "1", "--quiet", "--out", "x.nc"],
    "sample folder": ["sample", "RUN", "-n", "6", "--quiet", "--out", "pictures"],
    "encode": ["encode", "RUN", "half.npy", "--quiet", "--out", "x.npz"],
    "impute": ["impute", "RUN", "half.npy", "--quiet", "--out", "x.csv"],
    "impute png": ["impute", "RUN", "half.npy", "--quiet", "--out", "x.png"],
    "report": ["report", "here", *SHORT],
    "evaluate": ["evaluate", "here", *SHORT],
}
AGAIN = {"sample folder": 2}  # a folder of pictures is never written over


def prepared(verb: str, run: Path, place: Path) -> Path:
    """A folder as a command finds it: rows to read, the run where it is written into, and mostly an older file."""
    place.mkdir()
    rows = np.random.default_rng(0).integers(0, 2, (4, 1, 8, 8)).astype(np.float32)
    if verb.startswith("impute"):
        rows[:, :, :4] = np.nan
    np.save(place / "half.npy", rows)
    out = VERBS[verb][-1]
    if "here" in VERBS[verb]:
        shutil.copytree(run, place / "here")
        for name in ("report.html", "records.json"):
            (place / "here" / name).write_text("{}")
    elif Path(out).suffix not in ("", ".nc"):
        (place / out).write_bytes(b"older")
    return place


def rehearsed(verb: str, run: Path, place: Path) -> tuple[Writer, Path]:
    """The command as it goes undisturbed, and the folder that it finds."""
    found = prepared(verb, run, place / "prepared")
    arguments = [str(run) if word == "RUN" else word for word in VERBS[verb]]
    return rehearse(COMMAND, (arguments,), place / "undisturbed", found, AGAIN.get(verb, 0)), found
