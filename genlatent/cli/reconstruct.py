"""`genlatent reconstruct`: rows from their own codes."""

from genlatent.cli import options


def reconstruct(rows: options.AboutRows, how: options.Common) -> None:
    """Write what the model makes of the rows of a FILE, or of the test rows of the RUN.

    Example: genlatent reconstruct runs/digits-autoencoder digits.npy --out back.npy
    """
    from genlatent.cli.rows import RECONSTRUCT, answer

    answer(RECONSTRUCT, rows, how)
