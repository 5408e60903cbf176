"""Options that mean the same for every verb."""

from pathlib import Path
from typing import Annotated

import typer

Run = Annotated[Path, typer.Argument(help="Run folder (what `train` wrote), or one of its checkpoints.", metavar="RUN")]
Seed = Annotated[int, typer.Option(help="Of every random number; the same seed gives the same result.")]
Device = Annotated[str, typer.Option(help="Where to compute: auto, cpu, or an accelerator by its torch name.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output, and nothing else.")]
AllowImport = Annotated[
    list[str] | None,
    typer.Option(help="Trust modules with this prefix: models of a run may then come from them.", metavar="PREFIX"),
]
