"""`genlatent encode`: the codes of rows."""

from genlatent.cli import options


def encode(rows: options.AboutRows, how: options.Common) -> None:
    """Write the codes of the rows of a FILE, or of the test rows of the RUN.

    Example: genlatent encode runs/digits-autoencoder digits.npy --out codes.npy

    Example: cat digits.npy | genlatent encode runs/digits-autoencoder - --out -.csv > codes.csv
    """
    from genlatent.cli.rows import ENCODE, answer

    answer(ENCODE, rows, how)
