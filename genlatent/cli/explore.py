"""`genlatent explore`: a page in the browser that plays with a trained model."""

from contextlib import suppress
from typing import Annotated

import typer

from genlatent.cli import options


def explore(
    run: options.Run,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the page; 0 picks one that is free.")] = 0,
    host: Annotated[
        str, typer.Option(help="The address to listen on; with another than this one, others can reach the page.")
    ] = "127.0.0.1",
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
    *,
    rows: options.Examples,
    how: options.Common,
) -> None:
    """Serve a page that plays with the model of a RUN: codes, samples, drawings, chains. Ctrl-C ends it.

    Example: genlatent explore runs/digits-vae
    """
    from genlatent.cli.exploring import explored
    from genlatent.cli.terminal import Terminal
    from genlatent.errors import RunError

    try:
        from genlatent.explorer.serving import serve
    except ModuleNotFoundError as error:
        if error.name not in ("fastapi", "uvicorn", "starlette", "h11"):
            raise
        raise RunError("the page needs two more packages: pip install 'genlatent[explore]'") from None

    terminal = Terminal(quiet=how.quiet, as_json=how.as_json)
    subject = explored(run, *rows, how, terminal)

    def opened(address: str) -> None:
        terminal.say(f"{address}  (Ctrl-C ends it)")
        terminal.result({"run": str(run), "url": address})
        if browser:
            import webbrowser

            webbrowser.open(address)

    with suppress(KeyboardInterrupt):  # the server may have heard it first, and then it simply returns
        serve(subject, host, port, opened)
    terminal.say("ended")
