"""`genlatent models`: what can be trained."""

from genlatent.cli import options


def models(as_json: options.Json = False) -> None:
    """List the models, the recipes that ship with genlatent, and what a recipe can name."""
    from genlatent import registry
    from genlatent.cli.terminal import Terminal
    from genlatent.recipes.reading import read, shipped

    found = {name: _line(place) for name, place in registry.KINDS["model"].items()}
    recipes = {name: " ".join(read(name).describe.split()) for name in shipped()}
    parts = {kind: sorted(names) for kind, names in registry.KINDS.items() if kind != "model"}
    terminal = Terminal(as_json=as_json)
    terminal.table([("model", "what it is"), *found.items()])
    terminal.say()
    terminal.table([("recipe", "what it trains"), *recipes.items()])
    terminal.say()
    terminal.table([("part", "names"), *((kind, ", ".join(names)) for kind, names in parts.items())])
    terminal.result({"models": found, "recipes": recipes, "parts": parts})


def _line(place: str) -> str:
    from genlatent import registry

    return (registry.load(place).__doc__ or "").strip().split("\n")[0]
