"""The two last columns of the README's table of models: what the recipe of each reaches, and in how many minutes.

`python -m benchmarks.model_table` writes them from `benchmarks/results/recipes.json`; the recipe is the first one that
the line names.
"""

import json
import re
from pathlib import Path

from benchmarks.harness import RESULTS

PAGE = Path(__file__).parents[1] / "README.md"
START, END = "<!-- models -->", "<!-- end of models -->"
HEAD = "| model | what it is | paper | recipe | held out | minutes |"


def shown(page: str) -> str:
    """The page with the columns as they should be."""
    before, rest = page.split(START)
    table, after = rest.split(END)
    reached = figures()
    lines = [filled(line, reached) for line in table.strip().splitlines()]
    return "\n".join((f"{before}{START}", *lines, f"{END}{after}"))


def filled(line: str, reached: dict[str, tuple[str, str]]) -> str:
    """One line of the table, with what its recipe reached."""
    cells = re.split(r"(?<!\\)\|", line)[1:5]
    if set(cells[0]) == {"-"}:
        return "|---|---|---|---|---|---:|"
    recipe = re.search(r"`([\w-]+)`", cells[3])
    if recipe is None:
        return HEAD
    return "|".join(("", *cells, *(f" {part} " for part in reached.get(recipe[1], ("", ""))), ""))


def figures() -> dict[str, tuple[str, str]]:
    """By recipe: what it is known by, and the minutes of its training on one thread."""
    rows = json.loads((RESULTS / "recipes.json").read_text())["rows"]
    return {row["work"]: (row["note"], f"{row['ours_ms'] / 60_000:.1f}") for row in rows}


if __name__ == "__main__":
    PAGE.write_text(shown(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
