"""`genlatent score`: how typical the model finds each row."""

from pathlib import Path
from typing import Annotated

import typer

from genlatent.cli import options


def score(
    run: options.Run,
    file: options.Rows = None,
    out: Annotated[
        Path | None,
        typer.Option(help="What to write: .csv, .parquet, .npy or .npz, or -; scores.csv unless given."),
    ] = None,
    label: options.Label = None,
    by: Annotated[
        str,
        typer.Option(
            help="likelihood (latent-variable models), energy (machines) or reconstruction; auto takes the first that "
            "the model has."
        ),
    ] = "auto",
    outliers: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            help="Flag rows that are less typical than all but this share of the training rows, 0.01 for one.",
            metavar="SHARE",
        ),
    ] = None,
    samples: options.Samples = 500,
    *,
    how: options.Common,
) -> None:
    """Score each row of a FILE, or of the test rows of the RUN; the column says what the number is.

    Log-likelihoods are importance-weighted lower bounds in nats. An energy is the log-likelihood turned round, but for
    a constant that is the same for every row. A reconstruction error is the squared distance to the reconstruction.

    Example: genlatent score runs/digits-vae digits.npy --outliers 0.01 --out scores.csv
    """
    from genlatent.cli.scoring import Asked, answer

    answer(Asked(run, file, out, label, by, outliers, samples), how)
