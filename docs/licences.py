"""The licences of what genlatent needs: `python docs/licences.py` writes `docs/licences.md` from what is installed."""

import importlib.metadata as metadata
import re
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

PAGE = Path(__file__).with_name("licences.md")
HEAD = """# Licences

genlatent is under the MIT licence. What it needs to run, with what that needs in turn, as each package states it;
`python docs/licences.py` writes this page from what is installed. Extras are not among them.

| package | version | licence |
|---|---|---|
"""


def needed(name: str, seen: set[str]) -> Iterator[str]:
    """A package and all that it needs, each once; what is not installed here is for other systems."""
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key in seen:
        return
    seen.add(key)
    try:
        requirements = metadata.distribution(name).requires or []
    except metadata.PackageNotFoundError:
        return
    yield name
    for requirement in map(Requirement, requirements):
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield from needed(requirement.name, seen)


def licence(name: str) -> str:
    """As the package states it: an expression, a classifier, or the first line of a text."""
    about = metadata.metadata(name)
    classified = [c.split(" :: ")[-1] for c in about.get_all("Classifier", []) if c.startswith("License ::")]
    stated = about.get("License-Expression") or ", ".join(classified) or (about.get("License") or "").strip()
    return stated.splitlines()[0] if stated else "not stated"


def page() -> str:
    """The whole page."""
    names = sorted(set(needed("genlatent", set())) - {"genlatent"}, key=str.lower)
    return HEAD + "".join(f"| {name} | {metadata.version(name)} | {licence(name)} |\n" for name in names)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
