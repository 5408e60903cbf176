"""The record of a reproduction: what was found beside what was published, and whether the goals were reached."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from scipy import stats

from genlatent.reproduce.judges import judge_of
from genlatent.reproduce.ledger import Found
from genlatent.reproduce.measured import Interval, Measure
from genlatent.reproduce.reading import recipe_of
from genlatent.reproduce.schema import Choice, Goal, Part, Reproduction
from genlatent.reproduce.two_sided import measure_of

FORMAT = 1
VARYING = ("minutes", "versions", "machine", "slices")  # what two runs of the same reproduction may differ in


def record(name: str, content: Reproduction, command: str, ledger: Found, circumstances: dict[str, Any]) -> Any:
    """All that is known so far, as plain values; complete once every seed of every part is judged."""
    found = {part.title: seeds_of(part, number, ledger) for number, part in enumerate(content.parts, 1)}
    parts = [part_record(part, number, ledger, found) for number, part in enumerate(content.parts, 1)]
    done, total = (sum(part[key] for part in parts) for key in ("stages_done", "stages"))
    whole = ledger.minutes("")
    return {
        "format": FORMAT,
        "name": name,
        "describe": content.describe,
        "command": command,
        "complete": done == total,
        "progress": f"{done} of {total} stages",
        "conditions": content.conditions,
        "selection": content.selection,
        **circumstances,
        "minutes": {"in all": rounded(whole.minutes), "processor": rounded(whole.processor_minutes)},
        "parts": [{key: value for key, value in part.items() if not key.startswith("stages")} for part in parts],
    }


def part_record(
    part: Part, number: int, ledger: Found, others: Mapping[str, Sequence[dict[str, Any]]] | None = None
) -> dict[str, Any]:
    """One row: what each seed gave, their mean, and what is to be said of the goals; others are seeds by title."""
    name, judge = f"part-{number}", judge_of(part.judge)
    learned = [ledger.done(f"{name}-seed-{seed}-trained") for seed in part.seeds]
    choices = [] if part.choose is None else _choices(part.choose, name, ledger)
    stages = 2 * len(part.seeds) + 2 * len(choices)
    judged = seeds_of(part, number, ledger)
    done = len(judged) + sum(values is not None for values in learned) + 2 * sum("value" in c for c in choices)
    means = pooled([one["measures"] for one in judged])
    return {
        "title": part.title,
        "recipe": part.recipe,
        "changes": [
            *part.changes,
            *_best(choices, judge_of(part.choose.judge).sign if part.choose else 1),
            *part.final,
        ],
        "choices": choices,
        "data": next((values["data"] for values in learned if values is not None), _data(part)),
        "judge": part.judge.model_dump(),
        "metric": judge.metric,
        "unit": judge.unit,
        "better": "more" if judge.sign > 0 else "less",
        "published": [one.model_dump() for one in part.published],
        "planned_seeds": list(part.seeds),
        "seeds": judged,
        "mean": _first(means, "value"),
        "interval": _first(means, "interval"),
        "interval_is_over": "seeds" if len(judged) > 1 else "held-out rows and draws",
        "means": means,
        "also": _beside(judged),
        "goals": [_goal(goal, judge.sign, judged, len(part.seeds), others or {}) for goal in part.goals],
        "stages": stages,
        "stages_done": done,
    }


def seeds_of(part: Part, number: int, ledger: Found) -> list[dict[str, Any]]:
    """What was found of each seed that is judged."""
    names = {seed: f"part-{number}-seed-{seed}" for seed in part.seeds}
    found = {seed: ledger.done(f"{name}-judged") for seed, name in names.items()}
    return [seed_record(seed, values, names[seed], ledger) for seed, values in found.items() if values is not None]


def seed_record(seed: int, judged: dict[str, Any], name: str, ledger: Found) -> dict[str, Any]:
    """What one seed gave, and how long it took."""
    first = next(iter(judged["measures"].values()))
    training = ledger.done(f"{name}-trained") or {}
    trained, judging = ledger.minutes(f"{name}-trained"), ledger.minutes(f"{name}-judged")
    return {
        "seed": seed,
        "value": first["value"],
        "interval": first["interval"],
        **{key: judged[key] for key in ("measures", "sound", "reason", "method", "part", "rows")},
        "minutes": {
            "training": rounded(trained.minutes),
            "training, processor": rounded(trained.processor_minutes),
            "judging": rounded(judging.minutes),
        },
        "also": judged.get("also", []),
        "curve": training.get("curve", {}),
    }


def pooled(seeds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    r"""Mean of each measure over seeds, and where the mean of all seeds lies with 95 % confidence.

    .. math:: \bar m \pm t_{n-1} \, s / \sqrt{n}

    Of a single seed it is its own interval.
    """
    if not seeds:
        return {}
    found = {name: [measure_of(measures[name]) for measures in seeds] for name in seeds[0]}
    return {name: _mean(values)._asdict() for name, values in found.items()}


def _beside(judged: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What further judges found: the means over seeds."""
    rows = zip(*(one["also"] for one in judged))
    return [
        {key: row[0][key] for key in ("metric", "unit", "method")} | {"means": pooled([one["measures"] for one in row])}
        for row in rows
    ]


def _mean(values: Sequence[Measure]) -> Measure:
    mean = sum(m.value for m in values) / len(values)
    if len(values) == 1:
        return values[0]
    deviation = math.sqrt(sum((m.value - mean) ** 2 for m in values) / (len(values) - 1))
    half = float(stats.t.ppf(0.975, len(values) - 1)) * deviation / math.sqrt(len(values))
    return Measure(mean, (mean - half, mean + half))


def _goal(
    goal: Goal, sign: int, judged: Sequence[dict[str, Any]], seeds: int, others: Mapping[str, Sequence[dict[str, Any]]]
) -> dict[str, Any]:
    """A goal is reached by the mean of all seeds, where every number is believed and no training took too long.

    Time is the lesser of the clock's and the processors': neighbours stretch the one and threads the other.
    """
    theirs = others.get(goal.than or "", ())
    compared, aim = {}, goal.value
    if goal.than is not None:
        compared = {"than": goal.than, "within": goal.within}
        aim = _value(theirs, goal.measure) - sign * goal.within if theirs else None
    told = {"at least" if sign > 0 else "at most": aim, "of": goal.measure, "minutes": goal.minutes, **compared}
    found = bool(judged) and (goal.measure is None or goal.measure in judged[0]["measures"])
    if not found or len(judged) < seeds or aim is None or len(theirs) < (seeds if goal.than else 0):
        return told | {"verdict": "unfinished" if judged else "not run"}
    if goal.than is not None:
        told |= {"difference": difference(judged, theirs, goal.measure)._asdict()}
    ours, spent = _value(judged, goal.measure), [one["minutes"] for one in judged]
    longest = max(min(m["training"], m["training, processor"]) for m in spent)
    reasons = [] if sign * (ours - aim) >= 0 else [f"{ours:.2f} is short of it"]
    reasons += [f"seed {one['seed']}: {one['reason']}" for one in judged if not one["sound"]]
    reasons += [f"a training took {longest:.1f} minutes"] if goal.minutes and longest > goal.minutes else []
    return told | {"ours": ours, "verdict": "not reached" if reasons else "reached", "reason": "; ".join(reasons)}


def difference(ours: Sequence[dict[str, Any]], theirs: Sequence[dict[str, Any]], name: str | None) -> Measure:
    """Mean over the seeds that both have of ours less theirs, and where it lies with 95 % confidence."""
    known = {one["seed"]: _measure(one, name).value for one in theirs}
    found = [_measure(one, name).value - known[one["seed"]] for one in ours if one["seed"] in known]
    if not found:
        return Measure(_value(ours, name) - _value(theirs, name))
    return _mean([Measure(value) for value in found])


def _measure(seed: dict[str, Any], name: str | None) -> Measure:
    """The measure of this name; where another part's judge has none, the one that it is known by."""
    measures = seed["measures"]
    return measure_of(measures.get(name) or next(iter(measures.values())))


def _value(seeds: Sequence[dict[str, Any]], name: str | None) -> float:
    return _mean([_measure(one, name) for one in seeds]).value


def _choices(choice: Choice, name: str, ledger: Found) -> list[dict[str, Any]]:
    found = [ledger.done(f"{name}-choice-{number}-judged") for number in range(1, len(choice.among) + 1)]
    return [_choice(changes, values) for changes, values in zip(choice.among, found)]


def _choice(changes: Sequence[str], judged: dict[str, Any] | None) -> dict[str, Any]:
    told: dict[str, Any] = {"changes": list(changes)}
    if judged is None:
        return told
    return told | {"value": next(iter(judged["measures"].values()))["value"], "part": judged["part"]}


def _best(choices: Sequence[dict[str, Any]], sign: int) -> list[str]:
    """The chosen changes, once all were tried."""
    if not choices or any("value" not in one for one in choices):
        return []
    return max(choices, key=lambda one: sign * one["value"])["changes"]


def _data(part: Part) -> dict[str, Any]:
    """As far as the recipe says, before they were ever loaded."""
    data = recipe_of(part).data
    bits = "" if data.binarise == "none" else f", {data.binarise} bits"
    return {"title": f"{data.source}{bits}", "binarisation": data.binarise}


def _first(means: dict[str, Any], key: str) -> float | Interval | None:
    return next(iter(means.values()))[key] if means else None


def rounded(minutes: float) -> float:
    """Minutes as they stand in records."""
    return round(minutes, 2)
