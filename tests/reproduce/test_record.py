import pytest

from genlatent.reproduce.ledger import Nothing, Spent
from genlatent.reproduce.reading import read
from genlatent.reproduce.record import part_record, pooled, record


def found(value, sound=True):
    measures = {"quoted": {"value": value, "interval": [value - 1, value + 1]}}
    return {"measures": measures, "sound": sound, "reason": "far apart", "method": "m", "part": "test", "rows": 9}


class Done(Nothing):
    """The ledger of a machine's part whose seeds were judged so."""

    def __init__(self, *judged, minutes=2.0, processor=1.0):
        self.judged = dict(zip(("part-1-seed-3-judged", "part-1-seed-5-judged"), judged))
        self.spent = Spent(minutes, processor)

    def done(self, key):
        if key.endswith("trained"):
            return {"data": {"title": "t", "binarisation": "none"}}
        return self.judged.get(key) or (found(1.0) if key == "part-1-choice-2-judged" else found(0.5))

    def minutes(self, prefix):
        return self.spent


def part_of(small, ledger, goals="[{value: -7.5, minutes: 3}]"):
    text = small.read_text().replace("[{value: -1000, minutes: 1000}, {value: 0}]", goals)
    small.write_text(text)
    return part_record(read(small).content.parts[0], 1, ledger)


def verdict(small, ledger):
    return part_of(small, ledger)["goals"][0]


def test_a_goal_is_reached_by_the_mean_over_seeds(small):
    assert verdict(small, Done(found(-7.8), found(-7.1)))["verdict"] == "reached"
    missed = verdict(small, Done(found(-7.8), found(-7.3)))
    assert (missed["verdict"], missed["reason"]) == ("not reached", "-7.55 is short of it")


def test_a_number_that_is_not_believed_reaches_nothing(small):
    doubted = verdict(small, Done(found(-7.0), found(-7.0, sound=False)))
    assert (doubted["verdict"], doubted["reason"]) == ("not reached", "seed 5: far apart")


@pytest.mark.parametrize(("minutes", "processor", "reached"), [(9, 2, True), (2, 9, True), (4, 3.5, False)])
def test_time_is_the_lesser_of_the_clocks_and_the_processors(small, minutes, processor, reached):
    said = verdict(small, Done(found(-7.0), found(-7.0), minutes=minutes, processor=processor))
    assert said["verdict"] == ("reached" if reached else "not reached")


def test_the_interval_of_the_mean_is_students(small):
    part = part_of(small, Done(found(-8.0), found(-7.0)))
    assert part["mean"] == -7.5
    assert part["interval"] == pytest.approx((-7.5 - 12.706 * 0.5, -7.5 + 12.706 * 0.5), abs=1e-3)
    assert part["interval_is_over"] == "seeds"


def test_a_single_seed_keeps_its_own_interval():
    assert pooled([found(3.0)["measures"]])["quoted"] == {"value": 3.0, "interval": (2.0, 4.0)}


def test_the_best_of_a_choice_is_among_the_changes(small):
    part = part_of(small, Done(found(-7.0), found(-7.0)))
    assert [one["value"] for one in part["choices"]] == [0.5, 1.0]
    assert "train.optimizer.learning_rate=0.3" in part["changes"]
    assert "train.optimizer.learning_rate=0.001" not in part["changes"]
    assert part["changes"][-1] == "train.average=0.5"


def test_what_was_never_begun_has_a_record_too(small):
    made = record("small", read(small).content, "genlatent reproduce small", Nothing(), {})
    assert (made["complete"], made["progress"]) == (False, "0 of 10 stages")
    assert made["parts"][0]["mean"] is None


class Beside(Done):
    """The same, with an autoencoder of the second part that has two seeds as well."""

    def done(self, key):
        theirs = {"part-2-seed-3-judged": found(-7.0), "part-2-seed-5-judged": found(-6.0)}
        return theirs.get(key) or super().done(key)


def compared(small, ours, within=0.0):
    text = small.read_text().replace("  seeds: [0]", "  seeds: [3, 5]")
    goal = f"{{than: an autoencoder with codes, within: {within}}}"
    small.write_text(text.replace("[{value: -1000, minutes: 1000}, {value: 0}]", f"[{goal}]"))
    return record("small", read(small).content, "c", Beside(*map(found, ours)), {})["parts"][0]["goals"][0]


def test_a_goal_may_be_another_part(small):
    goal = compared(small, (-5.0, -5.5))
    assert (goal["at least"], goal["verdict"]) == (-6.5, "reached")
    assert goal["difference"]["value"] == 1.25
    low, high = goal["difference"]["interval"]
    assert low == pytest.approx(1.25 - 12.706 * 0.75, abs=1e-3)  # differences 2 and 0.5
    assert high == pytest.approx(1.25 + 12.706 * 0.75, abs=1e-3)


@pytest.mark.parametrize(("within", "verdict"), [(0.0, "not reached"), (0.4, "not reached"), (0.6, "reached")])
def test_it_may_be_allowed_to_be_a_little_worse(small, within, verdict):
    assert compared(small, (-7.0, -7.0), within)["verdict"] == verdict
