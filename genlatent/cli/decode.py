"""`genlatent decode`: rows from codes."""

from genlatent.cli import options


def decode(
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
    """Write the rows that belong to the codes in a FILE; without one, to those of the test rows of the RUN.

    Example: genlatent decode runs/digits-autoencoder codes.npy --out digits.png
    """
    from genlatent.cli import rows

    how = {"seed": seed, "device": device, "quiet": quiet, "as_json": as_json, "allow_import": allow_import}
    rows.answer(rows.DECODE, run, file, out, label, **how)
