"""Options that mean the same for every verb: declared here once, and taken from here by all."""

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
Temperature = Annotated[
    float | None, typer.Option(help="Of the draws of a model that has one; 1, the model itself, unless given.")
]
Rows = Annotated[
    Path | None,
    typer.Argument(
        help="Rows: .png and other pictures, .npy, .npz, .csv, .parquet, a folder of pictures, or - for standard "
        "input; the run's own test rows unless given.",
        metavar="FILE",
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
    typer.Option(
        help="For a conditional model: 3 for all rows, or, except for walks, labels.npy with one for each.", metavar="Y"
    ),
]
Given = Annotated[
    list[str] | None,
    typer.Option(
        help="What is held fixed: label=3, or x=half.npy (or .csv) with NaN where it shall be drawn.", metavar="K=V"
    ),
]
Data = Annotated[
    str | None, typer.Option(help="A data set or file to take in the place of what the run was trained on.")
]
Binarise = Annotated[
    str,
    typer.Option(
        help="How grey values of the data that are named become bits: none, threshold, static, static(SEED), dynamic."
    ),
]
Samples = Annotated[int, typer.Option(min=1, help="Importance samples for each row, or draws of each chain.")]
Runs = Annotated[int, typer.Option(min=2, help="Annealing runs of a machine too large to be listed.")]
AnnealingSteps = Annotated[
    int, typer.Option("--steps", min=1, help="Steps of each; 6000, and 1000 runs, for numbers to publish.")
]
Representation = Annotated[
    bool, typer.Option("--representation", help="Of codes: probes by labels shown, dimension, compression.")
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


class Examples(NamedTuple):
    """Which rows a verb looks at that needs more than a FILE."""

    data: Data = None
    binarise: Binarise = "none"


class Effort(NamedTuple):
    """How much is drawn for a judgement."""

    samples: Samples = 500
    runs: Runs = 200
    steps: AnnealingSteps = 1000


class Chains(NamedTuple):
    """How many chains, and how long; None is what the verb takes unless told."""

    chains: Annotated[int | None, typer.Option(min=1, help="How many chains; 8 unless given.")] = None
    draws: Annotated[int | None, typer.Option(min=1, help="Kept of each chain; 500 unless given.")] = None
    burn_in: Annotated[
        int | None, typer.Option(min=0, help="Steps of each chain before the first draw; 1000 unless given.")
    ] = None
    thin: Annotated[int | None, typer.Option(min=1, help="Steps from one draw to the next; 10 unless given.")] = None

    def said(self) -> dict[str, int]:
        """What the user said of them."""
        return {name: value for name, value in self._asdict().items() if value is not None}
