"""`genlatent demo`: two models of the real digits, trained, sampled and judged in a minute or two."""

from pathlib import Path
from typing import Annotated

import typer

from genlatent.cli import options


def demo(
    out: Annotated[Path, typer.Option(help="Folder to write; one that an earlier demo wrote is replaced.")] = Path(
        "runs/demo"
    ),
    seed: options.Seed = 0,
    device: options.Device = "auto",
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> int:
    """Train an RBM and a VAE on real digits, and leave samples, curves and diagnostics in a folder.

    Example: genlatent demo --out runs/demo
    """
    from genlatent.cli.show import Show
    from genlatent.cli.terminal import Terminal

    terminal = Terminal(quiet=quiet, as_json=as_json)
    outcome = Show(out, seed, device, terminal).run()
    terminal.result(outcome)
    return 130 if outcome["stopped"] else 0
