"""`genlatent models`: what can be trained."""

from typing import Annotated, Any

import typer

from genlatent.cli import completion, options


def models(
    name: Annotated[
        str | None,
        typer.Argument(help="One of them, to say more of.", metavar="NAME", autocompletion=completion.models),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """List the models, the recipes that ship with genlatent, and what a recipe can name; or describe one model.

    Example: genlatent models beta-vae
    """
    from genlatent import registry
    from genlatent.cli.terminal import Terminal
    from genlatent.recipes.groups import grouped
    from genlatent.recipes.reading import read, shipped

    terminal = Terminal(as_json=as_json)
    read_all = {recipe: read(recipe) for recipe in shipped()}
    if name is not None:
        found = _described(name, [recipe for recipe, values in read_all.items() if values.model.name == name])
        terminal.say(f"{found['text']}\n\nArguments: {found['arguments']}")
        terminal.say(f"Recipes: {', '.join(found['recipes']) or 'none'}")
        terminal.result(found)
        return
    found = {model: _line(place) for model, place in registry.KINDS["model"].items()}
    recipes = {recipe: " ".join(values.describe.split()) for recipe, values in read_all.items()}
    parts = {kind: sorted(names) for kind, names in registry.KINDS.items() if kind != "model"}
    terminal.table([("model", "what it is"), *found.items()])
    terminal.say()
    groups = grouped(read_all.items())
    for title, names in groups.items():
        terminal.table([(f"recipe: {title}", "what it trains"), *((name, recipes[name]) for name in names)])
        terminal.say()
    terminal.table([("part", "names"), *((kind, ", ".join(names)) for kind, names in parts.items())])
    terminal.result({"models": found, "recipes": recipes, "groups": groups, "parts": parts})


def _described(name: str, recipes: list[str]) -> dict[str, Any]:
    """What a model is, what a recipe may say of it, and the recipes that do."""
    import inspect

    from genlatent import registry

    made = registry.load(registry.location("model", name))
    arguments = str(inspect.signature(made)).strip("()")
    return {"name": name, "text": inspect.getdoc(made) or "", "arguments": arguments, "recipes": recipes}


def _line(place: str) -> str:
    from genlatent import registry

    return (registry.load(place).__doc__ or "").strip().split("\n")[0]
