"""Whether the two sides of an estimate of ln Z fit together, and whether what they started from can be believed."""

from collections.abc import Mapping
from itertools import combinations
from typing import NamedTuple

from genlatent.sampling.bennett import Bennett
from genlatent.sampling.weights import Estimate, Sides

FEWEST = 5.0  # effective runs below which one run speaks for nearly all
OVERLAP = 0.1  # what both directions should have in common
WIDEST = 1.0  # nats that the interval of the quoted number may span


class Verdict(NamedTuple):
    """`ok`, `doubtful` or `failed`, and why."""

    verdict: str
    reason: str = ""


def judged(
    forward: Estimate, reverse: Mapping[str, Estimate], bennett: Mapping[str, Bennett], quoted: Sides
) -> Verdict:
    """What is wrong with an estimate, the worst first; all comparisons are made between 99 % intervals.

    Args:
        forward: from the base rates; in the mean below ln Z.
        reverse: by start; above ln Z in the mean if the starts are draws of the machine.
        bennett: by start.
        quoted: the 99 % interval of the number to quote.
    """
    for name, side in reverse.items():
        if forward.wide[0] > side.wide[1]:
            gap = forward.value - side.value
            return Verdict(
                "failed",
                f"the forward side lies {gap:.2f} nats above the reverse one from {name}: those chains have not found "
                "all of the machine, so run them for longer",
            )
    for (one, a), (two, b) in combinations(bennett.items(), 2):
        if apart(a.wide, b.wide):
            gap = abs(a.value - b.value)
            return Verdict(
                "failed",
                f"the starts {one} and {two} disagree by {gap:.2f} nats: chains out of equilibrium, so run them for "
                "longer",
            )
    return _precision(forward, reverse, bennett, quoted)


def _precision(
    forward: Estimate, reverse: Mapping[str, Estimate], bennett: Mapping[str, Bennett], quoted: Sides
) -> Verdict:
    """Whether there were enough steps and runs."""
    shared = min(found.overlap for found in bennett.values())
    if shared < OVERLAP:
        gap = max(side.value for side in reverse.values()) - forward.value
        return Verdict(
            "doubtful",
            f"too few steps: the two directions share {shared:.0%} of their work and end {gap:.2f} nats apart",
        )
    sides = {"forward": forward} | {f"reverse from {name}": side for name, side in reverse.items()}
    for name, side in sides.items():
        gap = quoted[0] - side.wide[1] if side is forward else side.wide[0] - quoted[1]
        if gap > 0:
            return Verdict("doubtful", f"too few steps: the side {name} ends {gap:.2f} nats short of the quoted number")
        if side.ess < FEWEST:
            return Verdict("doubtful", f"{side.ess:.1f} effective runs {name}: take more steps or more runs")
    if quoted[1] - quoted[0] > WIDEST:
        return Verdict("doubtful", f"known to {quoted[1] - quoted[0]:.1f} nats only: take more steps or more runs")
    return Verdict("ok")


def apart(a: Sides, b: Sides) -> bool:
    """Whether two intervals have nothing in common.

    >>> apart((0.0, 1.0), (2.0, 3.0)), apart((0.0, 2.0), (1.0, 3.0))
    (True, False)
    """
    return a[1] < b[0] or b[1] < a[0]
