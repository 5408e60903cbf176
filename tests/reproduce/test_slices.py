import json
import shutil

import pytest
import torch

from genlatent.data.dataset import Dataset
from genlatent.errors import RunError
from genlatent.recipes import assembly
from genlatent.reproduce.clock import Clock
from genlatent.reproduce.ledger import Ledger, Spent
from genlatent.reproduce.reading import read
from genlatent.reproduce.record import VARYING
from genlatent.reproduce.slices import carry_out
from genlatent.reproduce.stages import Stages
from tests.reproduce.conftest import SMALL

CPU = torch.device("cpu")


class Steps(Clock):
    """Over after so many steps of training and beginnings of stages."""

    def __init__(self, steps):
        super().__init__()
        self.left = steps

    @property
    def over(self):
        self.left -= 1
        return self.left < 0


def carried_out(small, place, clock=None, **more):
    how = {"command": "reproduce", "clock": clock or Clock(), "device": CPU}
    return carry_out(read(small), place, place / "record.json", **how, **more)


def fixed(found):
    """A record without what may differ: times, and where it was made."""
    if isinstance(found, dict):
        return {key: fixed(value) for key, value in found.items() if key not in VARYING}
    return [fixed(value) for value in found] if isinstance(found, list) else found


def weights(place):
    return {path.relative_to(place): path.read_bytes() for path in sorted(place.rglob("last"))} | {
        path.relative_to(place): path.read_bytes() for path in sorted(place.rglob("0*/model.safetensors"))
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of one that was carried out without a stop."""
    place = tmp_path_factory.mktemp("whole")
    (place / "small.yaml").write_text(SMALL)
    assert carried_out(place / "small.yaml", place / "run")["complete"]
    return place / "run"


def test_one_that_was_stopped_everywhere_ends_as_one_that_was_not(whole, small, tmp_path):
    for _ in range(100):
        found = carried_out(small, tmp_path / "slices", Steps(7))
        if found["complete"]:
            break
    assert found["complete"]
    assert found["slices"] > 3
    assert fixed(found) == fixed(json.loads((whole / "record.json").read_text()))
    assert weights(tmp_path / "slices") == weights(whole) != {}


def test_what_is_not_complete_says_how_far_it_got(small, tmp_path):
    found = carried_out(small, tmp_path / "run", Steps(1))
    assert (found["complete"], found["progress"]) == (False, "0 of 10 stages")
    assert {goal["verdict"] for part in found["parts"] for goal in part["goals"]} == {"not run"}
    while len(found["parts"][0]["seeds"]) < 1:
        found = carried_out(small, tmp_path / "run", Steps(5))
    assert found["parts"][0]["goals"][0]["verdict"] == "unfinished"


def test_a_training_that_begins_afresh_counts_its_own_minutes_alone(tmp_path):
    ledger = Ledger(tmp_path, {"name": "small", "parts": []})
    ledger.spent["part-1-seed-0-trained"] = Spent(50.0, 40.0)  # of a training whose folder was thrown away
    with ledger.timed("part-1-seed-0-trained", afresh=True):
        pass
    assert ledger.minutes("part-1-seed-0-trained").minutes < 1
    before = ledger.minutes("part-1-seed-0-trained").minutes
    with ledger.timed("part-1-seed-0-trained"):
        pass
    assert Ledger(tmp_path, {"name": "small", "parts": []}).minutes("part-1").minutes > before


def test_a_folder_thrown_away_is_trained_afresh(small, tmp_path):
    carried_out(small, tmp_path / "run", Steps(1))
    spent = json.loads((tmp_path / "run" / "spent.json").read_text())
    (key,) = spent
    (tmp_path / "run" / "spent.json").write_text(json.dumps({key: [1000.0, 1000.0]}))
    shutil.rmtree(tmp_path / "run" / key.removesuffix("-trained"))
    carried_out(small, tmp_path / "run", Steps(1))
    assert json.loads((tmp_path / "run" / "spent.json").read_text())[key][0] < 1000


LOOKED = {}  # by test part, how often it was looked at


class Watched(Dataset):
    """Notes how often its own test part is looked at."""

    def __getattribute__(self, name):
        value = super().__getattribute__(name)
        if name == "test" and id(value) in LOOKED:
            LOOKED[id(value)] += 1
        return value


def test_a_trained_model_meets_the_test_part_once_and_no_choice_does(small, tmp_path, monkeypatch):
    kept = []

    def watched(recipe, load=assembly.data):
        data = load(recipe)
        object.__setattr__(data, "test", data.test.clone())  # of this set all parts are one
        LOOKED[id(data.test)] = 0
        kept.append(data.test)
        object.__setattr__(data, "__class__", Watched)
        return data

    monkeypatch.setattr(assembly, "data", watched)
    carried_out(small, tmp_path / "run")
    assert [LOOKED[id(test)] for test in kept] == [3]


def test_a_finished_one_is_read_again_and_not_done_again(whole, small, tmp_path, monkeypatch):
    monkeypatch.setattr(Stages, "run", None)
    shutil.copytree(whole, tmp_path / "run")
    (tmp_path / "run" / "record.json").unlink()
    assert carried_out(small, tmp_path / "run") == json.loads((whole / "record.json").read_text())


def test_another_definition_or_other_seeds_are_refused(small, tmp_path):
    carried_out(small, tmp_path / "run", Steps(1))
    small.write_text(small.read_text().replace("steps: 5", "steps: 6"))
    with pytest.raises(RunError, match="begun with another definition of 'small'"):
        carried_out(small, tmp_path / "run")


def test_a_part_that_nothing_was_done_for_may_change(small, tmp_path):
    carried_out(small, tmp_path / "run", Steps(1))
    text = small.read_text()
    small.write_text(text.replace("seeds: [0]", "seeds: [7, 0]"))
    assert small.read_text() != text
    found = carried_out(small, tmp_path / "run")
    assert found["complete"]
    assert found["parts"][1]["seeds"][0]["seed"] == 7
    small.write_text(text)
    with pytest.raises(RunError, match="begun with another definition of 'small'"):
        carried_out(small, tmp_path / "run")


def test_a_part_that_comes_after_the_others_leaves_what_they_found(whole, small, tmp_path):
    shutil.copytree(whole, tmp_path / "run")
    before = {path.name: path.read_bytes() for path in (tmp_path / "run" / "stages").iterdir()}
    small.write_text(small.read_text() + "- title: another\n  like: an autoencoder with codes\n  seeds: [9]\n")
    found = carried_out(small, tmp_path / "run")
    assert found["complete"]
    assert [seed["seed"] for seed in found["parts"][2]["seeds"]] == [9]
    first = json.loads((whole / "record.json").read_text())
    assert fixed(found)["parts"][:2] == fixed(first)["parts"]
    after = {path.name: path.read_bytes() for path in (tmp_path / "run" / "stages").iterdir()}
    assert set(after) - set(before) == {"part-3-seed-9-trained.json", "part-3-seed-9-judged.json"}
    assert {name for name in before if before[name] != after[name]} == {"slices.json"}
    small.write_text(small.read_text().replace("steps: 5, agree", "steps: 6, agree"))
    with pytest.raises(RunError, match="begun with another definition of 'small'"):
        carried_out(small, tmp_path / "run")


def test_a_slim_folder_keeps_no_weights_of_what_is_judged(small, tmp_path):
    found = carried_out(small, tmp_path / "run", slim=True)
    assert found["complete"]
    assert list((tmp_path / "run").rglob("*.safetensors")) == []
