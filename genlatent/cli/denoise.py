"""`genlatent denoise`: what is left of rows when the model takes their noise away."""

from genlatent.cli import options


def denoise(rows: options.AboutRows, how: options.Common) -> None:
    """Take the noise away from rows of a FILE, or from the test rows of the RUN.

    A model that has no way of its own gives the reconstruction.

    Example: genlatent denoise runs/digits-denoising noisy.png --out clean.png
    """
    from genlatent.cli.rows import DENOISE, answer

    answer(DENOISE, rows, how)
