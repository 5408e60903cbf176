"""`genlatent recipes`: recipes that ship with genlatent, to look at and to start from."""

from pathlib import Path
from typing import Annotated

import typer

from genlatent.cli import completion, options

app = typer.Typer(help="List, show and copy the recipes that ship with genlatent.", no_args_is_help=True)

Name = Annotated[
    str, typer.Argument(help="A recipe that ships with genlatent.", metavar="NAME", autocompletion=completion.recipes)
]


@app.command("list")
def list_(
    part: Annotated[
        str, typer.Argument(help="Only those whose name, model, data or group hold this.", metavar="PART")
    ] = "",
    as_json: options.Json = False,
) -> None:
    """List the recipes by what they are for: what model, on what data, how long.

    Example: genlatent recipes list mnist

    Example: genlatent recipes list lectures
    """
    from genlatent.cli.terminal import Terminal
    from genlatent.recipes.groups import GROUPS, group
    from genlatent.recipes.reading import read, shipped
    from genlatent.recipes.summary import summary

    read_all = {name: read(name) for name in shipped()}
    every = [{"name": name, **summary(one), "group": group(name, one)} for name, one in read_all.items()]
    found = [row for row in every if any(part in row[key] for key in ("name", "model", "data", "group"))]
    terminal = Terminal(as_json=as_json)
    for title in GROUPS:
        rows = [tuple(row.values())[:-1] for row in found if row["group"] == title]
        if rows:
            terminal.table([(title, "model", "data", "length", "what it trains"), *rows])
            terminal.say()
    terminal.say("`genlatent train NAME` trains one; `genlatent recipes copy NAME` makes it yours.")
    terminal.result(found)


@app.command()
def show(
    name: Name,
    overrides: Annotated[
        list[str] | None,
        typer.Argument(help="Changes to it: train.epochs=5", metavar="KEY=VALUE", autocompletion=completion.overrides),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="With every default written out.")] = False,
    as_json: options.Json = False,
) -> None:
    """Print a recipe: as it ships, or with changes, or with every default written out.

    Example: genlatent recipes show digits-vae

    Example: genlatent recipes show digits-vae model.latent=2 --full
    """
    from genlatent.cli.terminal import Terminal
    from genlatent.recipes.reading import dump, find, read

    recipe = read(name, overrides or [])
    values = recipe.resolved() if full else recipe.model_dump(mode="json", exclude_unset=True)
    terminal = Terminal(as_json=as_json)
    terminal.say((dump(values) if full or overrides else find(name).read_text(encoding="utf-8")).rstrip())
    terminal.result(recipe.resolved())


@app.command()
def copy(
    name: Name,
    to: Annotated[Path | None, typer.Argument(help="The file to write; NAME.yaml unless given.", metavar="TO")] = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Copy a recipe into a file of your own, to change and to train.

    Example: genlatent recipes copy digits-vae mine.yaml
    """
    from genlatent import storage
    from genlatent.cli.terminal import Terminal
    from genlatent.errors import RecipeError, RunError
    from genlatent.recipes.reading import find

    place = to or Path(f"{name}.yaml")
    if place.is_dir():
        place = place / f"{name}.yaml"
    if place.suffix not in (".yaml", ".yml"):
        raise RecipeError(f"{place}: a recipe is a .yaml file")
    if place.exists():
        raise RunError(f"{place} exists already; name another file")
    storage.write_text(place, find(name).read_text(encoding="utf-8"))
    terminal = Terminal(quiet=quiet, as_json=as_json)
    terminal.say(f"-> {place}. Next: genlatent train {place}")
    terminal.result({"name": name, "out": str(place)})
