"""`genlatent interpolate`: what lies between two rows."""

from typing import Annotated

import typer

from genlatent.cli import options
from genlatent.cli.traverse import OutOfWalk

ENDS = "a file of rows, as FILE elsewhere; or numbers of test rows of the run, 3 or 3,14,15"


def interpolate(
    run: options.Run,
    a: Annotated[str, typer.Argument(help=f"Where walks start: {ENDS}.", metavar="A")],
    b: Annotated[str, typer.Argument(help="Where they end, likewise; one row will do for all.", metavar="B")],
    out: OutOfWalk = None,
    steps: Annotated[int, typer.Option(min=2, help="Of each walk, its ends included.")] = 9,
    shape: Annotated[
        str,
        typer.Option(
            "--path",
            help="straight: a line between the codes; spherical: an arc around the origin, which Gaussian codes "
            "are better for; auto chooses by the prior.",
        ),
    ] = "auto",
    label: options.Label = None,
    *,
    how: options.Common,
) -> None:
    """Decode the codes between the rows A and the rows B, pair by pair; pictures have the rows themselves at the ends.

    Example: genlatent interpolate runs/digits-vae 0,1,2 3,4,5 --out between.png

    Example: genlatent interpolate runs/digits-autoencoder digits.npy 7 --steps 5 --out between.npy
    """
    from genlatent.cli.walking import Walk, interpolated

    interpolated(Walk(run, out, label, steps), a, b, shape, how)
