"""`genlatent data`: what can be learned from."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from genlatent.cli import completion, options

app = typer.Typer(help="List, describe and download data sets.", no_args_is_help=True)

Name = Annotated[
    str,
    typer.Argument(
        help="A named data set, or a file or folder of your own.", metavar="DATA", autocompletion=completion.data
    ),
]


@app.command("list")
def list_(as_json: options.Json = False) -> None:
    """List the named data sets and where they come from.

    Example: genlatent data list
    """
    from genlatent.cli.terminal import Terminal
    from genlatent.data.catalogue import NAMED

    rows = [(name, "a file" if entry.folder else "here", entry.about) for name, entry in NAMED.items()]
    terminal = Terminal(as_json=as_json)
    terminal.table([("name", "from", "what it holds"), *rows])
    terminal.say("\nFiles are looked for under GENLATENT_DATA; `genlatent data fetch NAME` gets them.")
    terminal.result([dict(zip(("name", "from", "about"), row)) for row in rows])


@app.command()
def info(
    name: Name,
    reading: Annotated[
        list[str] | None,
        typer.Argument(
            help="How it is read, in the words of `train`: data.support=auto data.missing=true data.labels=kind",
            metavar="KEY=VALUE",
            autocompletion=completion.reading,
        ),
    ] = None,
    binarise: options.Binarise = "none",
    as_json: options.Json = False,
) -> None:
    """Describe one data set: rows, shape, support, columns, labels, fingerprint.

    Example: genlatent data info digits

    Example: genlatent data info people.csv data.support=auto data.missing=true
    """
    from genlatent.cli.terminal import Terminal
    from genlatent.data.sources import load_data

    data = load_data(name, **_read(name, reading or (), binarise))
    found = {
        "title": data.title,
        "rows": {part: len(getattr(data, part)) for part in ("train", "valid", "test")},
        "shape": list(data.shape),
        "support": data.support if isinstance(data.support, str) else list(data.support),
        "columns": list(data.columns),
        "labels": list(data.label_names) or data.labels is not None,
        "missing": data.missing,
        "fingerprint": data.fingerprint,
    }
    terminal = Terminal(as_json=as_json)
    terminal.table([("", ""), *((key, str(value)) for key, value in found.items() if key != "columns" or value)])
    terminal.result(found)


def _read(name: str, reading: Sequence[str], binarise: str) -> dict[str, Any]:
    """What the loader is told beside the name, as a recipe with these changes would tell it."""
    from genlatent.data.catalogue import NAMED
    from genlatent.errors import RecipeError
    from genlatent.recipes.reading import overridden
    from genlatent.recipes.schema import DataEntry, checked

    values = {"data": {"name" if name in NAMED else "path": name, "binarise": binarise}}
    for change in reading:
        if not change.startswith("data.") or change.startswith(("data.name=", "data.path=")):
            raise RecipeError(
                f"{change!r} says not how data are read; write data.KEY=VALUE, for example data.support=auto"
            )
        values = overridden(values, change)
    entry = checked(values["data"], name, DataEntry)
    return {"binarise": entry.binarise, **entry.options}


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="A named data set that is read from files.", metavar="NAME")],
    folder: Annotated[Path | None, typer.Option(help="Instead of the folder that GENLATENT_DATA names.")] = None,
    base_url: Annotated[str | None, typer.Option(help="Another server, with the files under their own names.")] = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Download a named data set; a download that broke off is continued.

    Example: genlatent data fetch mnist
    """
    from genlatent.cli.downloads import fetching
    from genlatent.cli.terminal import Terminal

    terminal = Terminal(quiet=quiet, as_json=as_json)
    files = [str(path) for path in fetching(name, folder, base_url, terminal)]
    for path in files:
        terminal.say(path)
    terminal.result({"name": name, "files": files})
