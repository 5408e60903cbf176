"""Options that mean the same for every verb."""

from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from genlatent.cli import completion

Run = Annotated[
    Path,
    typer.Argument(
        help="Run folder (what `train` wrote), or one of its checkpoints.",
        metavar="RUN",
        autocompletion=completion.runs,
    ),
]
Seed = Annotated[int, typer.Option(help="Of every random number; the same seed gives the same result.")]
Device = Annotated[str, typer.Option(help="Where to compute: auto, cpu, or an accelerator by its torch name.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output, and nothing else.")]
AllowImport = Annotated[
    list[str] | None,
    typer.Option(help="Trust modules with this prefix: models of a run may then come from them.", metavar="PREFIX"),
]
Method = Annotated[
    str | None,
    typer.Option(
        help="What moves the chains: gibbs, integer-gibbs (couplings rounded to 15 bits, faster), tempering or "
        "tempered-transitions of a Boltzmann machine; mala, hmc or langevin of a neural energy."
    ),
]
Rows = Annotated[
    Path | None,
    typer.Argument(
        help="Rows: .png and other pictures, .npy, .npz, .csv, .parquet, a folder of pictures, or - for standard "
        "input; the run's own test rows unless given.",
        metavar="[FILE]",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        help="What to write: .png, .npy, .npz, .csv or .parquet, a new folder of pictures, or - (-.csv, -.npy) for "
        "standard output; in this folder and in the format of FILE unless given."
    ),
]
Label = Annotated[
    str | None,
    typer.Option(help="For a conditional model: 3 for all rows, or labels.npy with one for each.", metavar="Y"),
]
Given = Annotated[
    list[str] | None,
    typer.Option(
        help="What is held fixed: label=3, or x=half.npy (or .csv) with NaN where it shall be drawn.", metavar="K=V"
    ),
]


class Common(NamedTuple):
    """What every verb about a run takes."""

    seed: Seed = 0
    device: Device = "auto"
    quiet: Quiet = False
    as_json: Json = False
    allow_import: AllowImport = None


class AboutRows(NamedTuple):
    """What every verb takes that reads rows and writes rows."""

    run: Run
    file: Rows = None
    out: Out = None
    label: Label = None
