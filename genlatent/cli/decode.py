"""`genlatent decode`: rows from codes."""

from genlatent.cli import options


def decode(rows: options.AboutRows, how: options.Common) -> None:
    """Write the rows that belong to the codes in a FILE; without one, to those of the test rows of the RUN.

    Example: genlatent decode runs/digits-autoencoder codes.npy --out digits.png
    """
    from genlatent.cli.rows import DECODE, answer

    answer(DECODE, rows, how)
