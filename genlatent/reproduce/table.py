"""Records as a table: one row for each part of each reproduction, those that were never run among them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from genlatent import storage
from genlatent.errors import RunError
from genlatent.reproduce.ledger import Nothing
from genlatent.reproduce.reading import read, shipped
from genlatent.reproduce.record import FORMAT, record
from genlatent.reproduce.schema import Reproduction

HEADER = ("name", "model and data", "published", "ours", "95 % interval", "goal: verdict", "minutes", "machine")
OWN, FILE = Path("reproductions"), "record.json"
KEPT = Path(__file__).parents[2] / "benchmarks" / "results" / "records"  # in a checkout
NOT_RUN = "not run"


def records(folder: Path | None = None) -> dict[str, dict[str, Any]]:
    """By name: of a folder of records; or the user's own, and where there is none that of a checkout."""
    places = {} if folder is not None else {path.parent.name: path for path in OWN.glob(f"*/{FILE}")}
    kept = {path.stem: path for path in (folder or KEPT).glob("*.json")}
    return {name: _record(path) for name, path in {**kept, **places}.items()}


def _record(path: Path) -> dict[str, Any]:
    found = storage.read_json(path)
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise RunError(f"{path} is no record that this version of genlatent reads; remove it, or reproduce it again")
    return found


def listed(found: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """All reproductions that ship with the toolkit, and records of others; one row for each part."""
    known = {name: found.get(name) or _empty(read(name).content, name) for name in (*shipped(), *found)}
    return [row(one, part) for one in known.values() for part in one["parts"]]


def _empty(content: Reproduction, name: str) -> dict[str, Any]:
    return record(name, content, f"genlatent reproduce {name}", Nothing(), {"machine": ""})


def row(one: Mapping[str, Any], part: Mapping[str, Any]) -> dict[str, Any]:
    """What a table shows of a part, as texts by column."""
    unit = _unit(part["unit"])
    spent = sum(seed["minutes"]["training"] + seed["minutes"]["judging"] for seed in part["seeds"])
    values = (
        one["name"],
        f"{part['title']}; {part['data']['title']}",
        "; ".join(cited(cite, unit) for cite in part["published"]),
        "; ".join((NOT_RUN if part["mean"] is None else f"{part['mean']:.2f}{unit}", *_beside(part))),
        "" if part["interval"] is None else "{:.2f} .. {:.2f}".format(*part["interval"]),
        "; ".join(said(goal) for goal in part["goals"]),
        f"{spent:.0f}" if part["seeds"] else "",
        one["machine"] if part["seeds"] else "",
    )
    return dict(zip(HEADER, values))


def _unit(name: str) -> str:
    """Nats go without saying, and scores have none."""
    return "" if name in ("nats", "") else f" {name}"


def _beside(part: Mapping[str, Any]) -> list[str]:
    """What further judges say, each by the measure that it is known by."""
    firsts = [(one, *next(iter(one["means"].items()))) for one in part.get("also", ())]
    return [f"{name} {found['value']:.2f}{_unit(one['unit'])}" for one, name, found in firsts]


def cited(cite: Mapping[str, Any], unit: str = "") -> str:
    """A published figure; one that holds under other conditions says so.

    >>> cited({"value": 24.2, "tag": "R", "source": "Pyro's tutorial", "under": "grey pixels"})
    "not compared: 24.2 [R] Pyro's tutorial (grey pixels)"
    """
    found = f"{cite['value']:g}{unit} [{cite['tag']}] {cite['source']}"
    return f"not compared: {found} ({cite['under']})" if cite.get("under") else found


def said(goal: Mapping[str, Any]) -> str:
    """A goal in a few words.

    >>> said({"at least": -83.7, "verdict": "reached", "minutes": 10.0, "of": None})
    'at least -83.7 in 10 minutes: reached'
    """
    of = f" with {goal['of']}" if goal["of"] else ""
    time = f" in {goal['minutes']:g} minutes" if goal["minutes"] else ""
    return f"{_aim(goal)}{of}{time}: {goal['verdict']}"


def _aim(goal: Mapping[str, Any]) -> str:
    side = "at least" if "at least" in goal else "at most"
    if goal.get("than") is None:
        return f"{side} {goal[side]:g}"
    allowed = f"at most {goal['within']:g} worse than" if goal["within"] else "better than"
    return f"{allowed} {goal['than']}"


def text(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Header and rows, for a terminal."""
    return [HEADER, *(tuple(one[name] for name in HEADER) for one in rows)]


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """The same for a page."""
    lines = [HEADER, ("---",) * len(HEADER), *text(rows)[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
