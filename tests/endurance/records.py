"""What the campaigns found last: one JSON file each, and the table of them that CONTRIBUTING.md shows.

A campaign is a test marked `campaign`: it takes minutes to hours, so an ordinary run leaves it out. It ends with
`keep`, which writes what was done and found; `python -m tests.endurance.records` brings the table up to date.
"""

import datetime
import json
import platform
from pathlib import Path

import torch

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parents[2] / "CONTRIBUTING.md"
START, END = "<!-- campaigns -->", "<!-- end of campaigns -->"


def keep(name: str, command: str, minutes: float, **found: str | int | float) -> None:
    """Write the last result of a campaign.

    Args:
        name: of the campaign, and of its file.
        command: that runs it.
        minutes: it took.
        found: what was counted or measured, by a few words with `_` between them.
    """
    RESULTS.mkdir(exist_ok=True)
    about = {"command": command, "minutes": round(minutes, 1), "date": datetime.date.today().isoformat()}
    versions = {"python": platform.python_version(), "torch": torch.__version__}
    (RESULTS / f"{name}.json").write_text(json.dumps(about | {"versions": versions, "found": found}, indent=1) + "\n")


def table() -> str:
    """All last results as Markdown."""
    lines = ["| campaign | last result | minutes | date |", "|---|---|---:|---|"]
    for path in sorted(RESULTS.glob("*.json")):
        kept = json.loads(path.read_text())
        found = "; ".join(f"{key.replace('_', ' ')} {value}" for key, value in kept["found"].items())
        lines.append(f"| `{kept['command']}` | {found} | {kept['minutes']} | {kept['date']} |")
    return "\n".join(lines)


def shown() -> str:
    """The page with the table as it should be."""
    before, rest = PAGE.read_text().split(START)
    return f"{before}{START}\n{table()}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    PAGE.write_text(shown())
