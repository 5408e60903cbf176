"""What recipes reach, brought to where it is read: the README's table of models, and `genlatent recipes list`.

`python -m benchmarks.model_table` writes both from `benchmarks/results/recipes.json`; the recipe of a line of the table
is the first one that it names.
"""

import json
import re
from pathlib import Path
from typing import Any

from benchmarks.harness import RESULTS
from genlatent.recipes.summary import REACHED

PAGE = Path(__file__).parents[1] / "README.md"
START, END = "<!-- models -->", "<!-- end of models -->"
HEAD = "| model | what it is | paper | recipe | held out | minutes |"
RULE = "|---|---|---|---|---|---:|"


def page() -> str:
    """The README with the columns as they should be."""
    before, rest = PAGE.read_text(encoding="utf-8").split(START)
    table, after = rest.split(END)
    lines = table.strip().splitlines()[2:]
    return "\n".join((f"{before}{START}", HEAD, RULE, *(filled(line, figures()) for line in lines), f"{END}{after}"))


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
