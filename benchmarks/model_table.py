"""What recipes reach, brought to where it is read: the README's tables, and `genlatent recipes list`.

`python -m benchmarks.model_table` writes them from `benchmarks/results/recipes.json`. The recipe of a line of the table
of models is the first one that it names; the table of MNIST has a line for each recipe of it.
"""

import json
import re
from pathlib import Path
from typing import Any

from benchmarks.harness import RESULTS
from genlatent.recipes.reading import read, shipped
from genlatent.recipes.summary import REACHED, summary

PAGE = Path(__file__).parents[1] / "README.md"
START, END = "<!-- models -->", "<!-- end of models -->"
HEAD = "| model | what it is | paper | recipe | held out | minutes |"
RULE = "|---|---|---|---|---|---:|"
MNIST_START, MNIST_END = "<!-- mnist -->", "<!-- end of mnist -->"
MNIST_HEAD = "| recipe | model | length | held out | minutes |"
MNIST_RULE = "|---|---|---|---|---:|"


def page() -> str:
    """The README with the tables as they should be."""
    before, rest = PAGE.read_text(encoding="utf-8").split(START)
    table, after = rest.split(END)
    middle, last = after.split(MNIST_START)[0], after.split(MNIST_END)[1]
    lines = [filled(line, figures()) for line in table.strip().splitlines()[2:]]
    first = (f"{before}{START}", HEAD, RULE, *lines, f"{END}{middle}{MNIST_START}")
    return "\n".join((*first, MNIST_HEAD, MNIST_RULE, *of_mnist(figures()), f"{MNIST_END}{last}"))


def of_mnist(reached: dict[str, dict[str, str]]) -> list[str]:
    """A line for each recipe of MNIST, with what it reached."""
    cells = []
    for name in shipped():
        if name.startswith("mnist-"):
            about, found = summary(read(name)), reached.get(name, {})
            held_out, minutes = found.get("held_out", "not run"), found.get("minutes", "")
            cells.append((f"`{name}`", about["model"], about["length"], held_out, minutes))
    return [f"| {' | '.join(cell)} |" for cell in cells]


def filled(line: str, reached: dict[str, dict[str, str]]) -> str:
    """One line of the table, with what its recipe reached."""
    cells = re.split(r"(?<!\\)\|", line)[1:5]
    recipe = re.search(r"`([\w-]+)`", cells[3])
    found = reached.get(recipe[1], {}) if recipe else {}
    return "|".join(("", *cells, f" {found.get('held_out', '')} ", f" {found.get('minutes', '')} ", ""))


def figures() -> dict[str, dict[str, str]]:
    """By recipe: what it is known by, and the minutes of its training on one thread."""
    rows = _result()["rows"]
    return {row["work"]: {"held_out": row["note"], "minutes": f"{row['ours_ms'] / 60_000:.1f}"} for row in rows}


def listed() -> str:
    """The file that the command line reads."""
    result = _result()
    return json.dumps({"machine": result["machine"], "versions": result["versions"], "recipes": figures()}, indent=1)


def _result() -> dict[str, Any]:
    return json.loads((RESULTS / "recipes.json").read_text(encoding="utf-8"))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    REACHED.write_text(listed() + "\n", encoding="utf-8")
