"""`genlatent denoise`: what is left of rows when the model takes their noise away."""

from genlatent.cli import options


def denoise(
    run: options.Run,
    file: options.Rows = None,
    out: options.Out = None,
    label: options.Label = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    allow_import: options.AllowImport = None,
) -> None:
    """Take the noise away from rows of a FILE, or from the test rows of the RUN.

    A model that has no way of its own gives the reconstruction.

    Example: genlatent denoise runs/digits-denoising noisy.png --out clean.png
    """
    from genlatent.cli import rows

    how = {"seed": seed, "device": device, "quiet": quiet, "as_json": as_json, "allow_import": allow_import}
    rows.answer(rows.DENOISE, run, file, out, label, **how)
