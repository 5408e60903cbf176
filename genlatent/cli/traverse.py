"""`genlatent traverse`: what each value of the code stands for."""

from pathlib import Path
from typing import Annotated

import typer

from genlatent.cli import options

OutOfWalk = Annotated[
    Path | None,
    typer.Option(
        help="What to write: .png for a grid, .npy or .npz for (line, step, ...), .csv or .parquet for a table; "
        "or - (-.csv, -.png)."
    ),
]


def traverse(
    run: options.Run,
    file: options.Rows = None,
    out: OutOfWalk = None,
    row: Annotated[int, typer.Option(min=0, help="The row whose code is walked from, by its number.")] = 0,
    along: Annotated[
        str,
        typer.Option(
            help="values: one value of the code at a time, those that vary most first; directions: the principal "
            "directions of the codes; auto takes directions for autoencoders."
        ),
    ] = "auto",
    number: Annotated[int, typer.Option("-n", "--number", min=1, help="How many values or directions.")] = 8,
    steps: Annotated[int, typer.Option(min=2, help="Of each walk.")] = 9,
    label: options.Label = None,
    *,
    how: options.Common,
) -> None:
    """Decode walks through the code of a RUN, each over the range that the codes of the rows have.

    Example: genlatent traverse runs/digits-vae -n 4 --out traversal.png

    Example: genlatent traverse runs/digits-autoencoder --along directions --steps 5 --out directions.npy
    """
    from genlatent.cli.walking import Walk, traversed

    traversed(Walk(run, out, label, steps), file, row, along, number, how)
