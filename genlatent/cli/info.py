"""`genlatent info`: what this machine offers."""

from genlatent.cli import options


def info(device: options.Device = "auto", as_json: options.Json = False) -> None:
    """Show versions, the device, and the fast routes that are to be had here.

    Example: genlatent info --json
    """
    from genlatent.cli.terminal import Terminal

    found = _found(device)
    terminal = Terminal(as_json=as_json)
    terminal.table([("", ""), *((name, str(value)) for name, value in found.items())])
    terminal.result(found)


def _found(device: str) -> dict[str, str | bool]:
    import os
    import platform
    from importlib.metadata import version

    import genlatent
    from genlatent.numerics import devices
    from genlatent.numerics.matmul import fast_is_better

    packages = {name: version(name) for name in ("torch", "pyro-ppl", "numpy", "arviz")}
    return {
        "genlatent": genlatent.__version__,
        "python": platform.python_version(),
        **packages,
        "device": devices.describe(devices.find(device)),
        "faster float32 products": fast_is_better(),
        "data folder (GENLATENT_DATA)": os.environ.get("GENLATENT_DATA", "not set"),
    }
