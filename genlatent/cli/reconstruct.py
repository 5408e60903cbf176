"""`genlatent reconstruct`: rows from their own codes."""

from genlatent.cli import options


def reconstruct(
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
    """Write what the model makes of the rows of a FILE, or of the test rows of the RUN.

    Example: genlatent reconstruct runs/digits-autoencoder digits.npy --out back.npy
    """
    from genlatent.cli import rows

    how = {"seed": seed, "device": device, "quiet": quiet, "as_json": as_json, "allow_import": allow_import}
    rows.answer(rows.RECONSTRUCT, run, file, out, label, **how)
