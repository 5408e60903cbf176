"""The record of a reproduction: what was found beside what was published, and whether the goals were reached."""

import math
from collections.abc import Sequence
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
    parts = [part_record(part, number, ledger) for number, part in enumerate(content.parts, 1)]
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


def part_record(part: Part, number: int, ledger: Found) -> dict[str, Any]:
    """One row: what each seed gave, their mean, and what is to be said of the goals."""
    name, judge = f"part-{number}", judge_of(part.judge)
    names = {seed: f"{name}-seed-{seed}" for seed in part.seeds}
    found = {seed: ledger.done(f"{known}-judged") for seed, known in names.items()}
    learned = [ledger.done(f"{known}-trained") for known in names.values()]
    choices = [] if part.choose is None else _choices(part.choose, name, ledger)
    stages = 2 * len(part.seeds) + 2 * len(choices)
    done = sum(values is not None for values in (*found.values(), *learned)) + 2 * sum("value" in c for c in choices)
    judged = [seed_record(seed, values, names[seed], ledger) for seed, values in found.items() if values is not None]
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
        "goals": [_goal(goal, judge.sign, means, judged, len(part.seeds)) for goal in part.goals],
        "stages": stages,
        "stages_done": done,
    }


def seed_record(seed: int, judged: dict[str, Any], name: str, ledger: Found) -> dict[str, Any]:
    """What one seed gave, and how long it took."""
    first = next(iter(judged["measures"].values()))
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


def _mean(values: Sequence[Measure]) -> Measure:
    mean = sum(m.value for m in values) / len(values)
    if len(values) == 1:
        return values[0]
    deviation = math.sqrt(sum((m.value - mean) ** 2 for m in values) / (len(values) - 1))
    half = float(stats.t.ppf(0.975, len(values) - 1)) * deviation / math.sqrt(len(values))
    return Measure(mean, (mean - half, mean + half))


def _goal(goal: Goal, sign: int, means: dict[str, Any], judged: Sequence[dict[str, Any]], seeds: int) -> dict[str, Any]:
    """A goal is reached by the mean of all seeds, where every number is believed and no training took too long.

    Time is the lesser of the clock's and the processors': neighbours stretch the one and threads the other.
    """
    name = goal.measure or next(iter(means), None)
    told = {"at least" if sign > 0 else "at most": goal.value, "of": goal.measure, "minutes": goal.minutes}
    if len(judged) < seeds or name not in means:
        return told | {"verdict": "not run" if not judged else "unfinished"}
    ours, spent = means[name]["value"], [one["minutes"] for one in judged]
    longest = max(min(m["training"], m["training, processor"]) for m in spent)
    reasons = [] if sign * (ours - goal.value) >= 0 else [f"{ours:.2f} is short of it"]
    reasons += [f"seed {one['seed']}: {one['reason']}" for one in judged if not one["sound"]]
    reasons += [f"a training took {longest:.1f} minutes"] if goal.minutes and longest > goal.minutes else []
    return told | {"ours": ours, "verdict": "not reached" if reasons else "reached", "reason": "; ".join(reasons)}


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
