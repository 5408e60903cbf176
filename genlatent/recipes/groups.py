"""What recipes are for: digits in minutes, MNIST, data of your own, or to show one thing, as a lecture does."""

from collections.abc import Iterable

from genlatent.recipes.schema import Recipe

OWN, EXPERIMENTS, DIGITS, MNIST, OTHERS = (
    "data of your own",
    "experiments of lectures",
    "8x8 digits",
    "MNIST",
    "other data",
)
GROUPS = (OWN, DIGITS, MNIST, OTHERS, EXPERIMENTS)
SHOWING = (  # by what they are called without the name of their data
    "code-size",
    "collapsed",
    "conv-denoising",
    "copying",
    "deep-narrow",
    "dense-denoising",
    "free-bits",
    "memorising",
    "noise",
    "pooling",
    "sparse-filters",
    "correlated-inputs",
    "independent-inputs",
    "ring-contractive",
    "swiss-roll-autoencoder",
)


def group(name: str, recipe: Recipe) -> str:
    """What a recipe is for, in the words under which it is listed.

    >>> from genlatent.recipes.reading import read
    >>> [group(name, read(name)) for name in ("digits-vae", "digits-copying", "my-table")]
    ['8x8 digits', 'experiments of lectures', 'data of your own']
    """
    if name.startswith("my-"):
        return OWN
    if name in SHOWING or name.partition("-")[2] in SHOWING:
        return EXPERIMENTS
    return {"digits": DIGITS, "mnist": MNIST, "binarized-mnist": MNIST}.get(recipe.data.source, OTHERS)


def grouped(recipes: Iterable[tuple[str, Recipe]]) -> dict[str, list[str]]:
    """Names of recipes by their group; groups that nothing is in are left out."""
    found: dict[str, list[str]] = {one: [] for one in GROUPS}
    for name, recipe in recipes:
        found[group(name, recipe)].append(name)
    return {one: names for one, names in found.items() if names}
