"""`genlatent impute`: rows with their gaps filled."""

from genlatent.cli import options


def impute(
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
    """Fill what is missing, NaN or an empty cell, in the rows of a FILE, or in the test rows of the RUN.

    Example: genlatent impute runs/digits-vae half.npy --out whole.png
    """
    from genlatent.cli import rows

    how = {"seed": seed, "device": device, "quiet": quiet, "as_json": as_json, "allow_import": allow_import}
    rows.answer(rows.IMPUTE, run, file, out, label, **how)
