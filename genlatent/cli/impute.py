"""`genlatent impute`: rows with their gaps filled."""

from genlatent.cli import options


def impute(rows: options.AboutRows, how: options.Common) -> None:
    """Fill what is missing, NaN or an empty cell, in the rows of a FILE, or in the test rows of the RUN.

    Example: genlatent impute runs/digits-vae half.npy --out whole.png
    """
    from genlatent.cli.rows import IMPUTE, answer

    answer(IMPUTE, rows, how)
