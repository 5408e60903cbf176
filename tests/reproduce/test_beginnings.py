"""Parts that begin with the model of another part, are compared with one, and are judged by several."""

import json

import pytest
import torch

from genlatent import load
from genlatent.errors import RecipeError
from genlatent.reproduce import table
from genlatent.reproduce.reading import read
from genlatent.reproduce.slices import carry_out
from tests.reproduce.test_slices import CPU, Clock, Steps, fixed

TWO = """
describe: A machine of the 8x8 digits, and a classifier that begins with it.
conditions: The digits.
selection: None.
parts:
- title: a machine
  recipe: digits-rbm
  changes: [model.hidden=12, objective.chains=10, objective.steps=1, train.steps=3, train.mode=traced]
  seeds: [0, 1]
  judge: {name: linear-probe, strengths: [0.1], labels: [20, 40]}
  also: [{name: recognition, draws: 8, steps: 2, epochs: 1, hidden: [8]}]
  goals: [{than: a classifier, measure: 40 labels, within: 100}]
- title: a classifier
  recipe: digits-fine-tune
  changes: [data.binarise=threshold, data.num_labels=40, "model={name: fine-tune, classes: 10, frozen: true}",
    pretrain=null, train.steps=4, train.batch_size=41, train.labelled=40, train.mode=traced]
  begins: {part: a machine, into: base}
  seeds: [1]
  seeded: [data.label_seed]
  judge: error
  published: [{value: 3.0, source: A paper (2001), tag: Q, under: other digits}]
  goals: [{value: 1.0}]
"""


@pytest.fixture
def two(tmp_path):
    place = tmp_path / "two.yaml"
    place.write_text(TWO)
    return place


def carried_out(two, place, clock=None, **more):
    how = {"command": "reproduce", "clock": clock or Clock(), "device": CPU}
    return carry_out(read(two), place, place / "record.json", **how, **more)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    place = tmp_path_factory.mktemp("two")
    (place / "two.yaml").write_text(TWO)
    assert carried_out(place / "two.yaml", place / "run")["complete"]
    return place / "run"


def test_a_part_begins_with_the_weights_of_the_same_seed(whole):
    machine, other = load(whole / "part-1-seed-1"), load(whole / "part-1-seed-0")
    begun = load(whole / "part-2-seed-1").base
    assert torch.equal(begun.visible_hidden_weight, machine.visible_hidden_weight)
    assert not torch.equal(begun.visible_hidden_weight, other.visible_hidden_weight)
    assert "name: rbm" in (whole / "part-2-seed-1" / "recipe.yaml").read_text()


def test_a_part_may_begin_with_the_model_of_one_seed_for_all(tmp_path):
    place = tmp_path / "two.yaml"
    place.write_text(TWO.replace("into: base}", "into: base, seed: 0}"))
    assert carried_out(place, tmp_path / "run")["complete"]
    machine, begun = load(tmp_path / "run" / "part-1-seed-0"), load(tmp_path / "run" / "part-2-seed-1").base
    assert torch.equal(begun.visible_hidden_weight, machine.visible_hidden_weight)
    (other,) = [part.begins for part in read(place).content.seeded((5, 6)).parts if part.begins]
    assert (other.seed_for(5), other.seed_for(6)) == (5, 5)


def test_in_slices_it_ends_as_in_one_go(whole, two, tmp_path):
    for _ in range(100):
        found = carried_out(two, tmp_path / "run", Steps(4))
        if found["complete"]:
            break
    assert found["slices"] > 3
    assert fixed(found) == fixed(json.loads((whole / "record.json").read_text()))


def test_a_slim_folder_keeps_a_model_until_it_was_begun_with(two, tmp_path):
    while not (tmp_path / "run" / "stages" / "part-1-seed-1-judged.json").exists():
        carried_out(two, tmp_path / "run", Steps(2), slim=True)
    for seed in (0, 1):
        assert [path.name for path in (tmp_path / "run" / f"part-1-seed-{seed}").rglob("*.safetensors")] == [
            "model.safetensors"
        ]
    assert carried_out(two, tmp_path / "run", slim=True)["complete"]
    assert list((tmp_path / "run").rglob("*.safetensors")) == []


def test_all_judges_of_a_part_are_in_its_record(whole):
    machine, classifier = json.loads((whole / "record.json").read_text())["parts"]
    assert list(machine["means"]) == ["20 labels", "40 labels"]
    (beside,) = machine["also"]
    assert (beside["metric"], beside["unit"]) == ("samples recognised", "%")
    shares = [one["also"][0]["measures"]["samples recognised"]["value"] for one in machine["seeds"]]
    assert beside["means"]["samples recognised"]["value"] == sum(shares) / 2
    assert classifier["also"] == []
    assert machine["seeds"][0]["curve"]["step"][-1] == 3


def test_a_part_is_compared_with_another_by_the_seeds_of_both(whole):
    record = json.loads((whole / "record.json").read_text())
    machine, classifier = record["parts"]
    (goal,) = machine["goals"]
    ours, theirs = machine["seeds"][1]["measures"]["40 labels"]["value"], classifier["seeds"][0]["value"]
    assert goal["verdict"] == "unfinished"  # the other part has one seed of two
    assert goal["at most"] == theirs + 100
    assert table.said(goal) == "at most 100 worse than a classifier with 40 labels: unfinished"
    shown = table.row(record, classifier)["published"]
    assert shown == "not compared: 3 % [Q] A paper (2001) (other digits)"
    assert ours != theirs


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("begins: {part: a machine", "begins: {part: a machin", "begins with 'a machin', which is no part before it"),
        ("seeds: [1]", "seeds: [2]", "begins with 'a machine', which has not all of its seeds"),
        ("into: base}", "into: base, seed: 2}", "begins with 'a machine', which has not seed 2"),
        ("than: a classifier", "than: a judge", "is better than 'a judge', which is no part"),
        ("{value: 1.0}", "{within: 1.0}", "a goal is a value, or to be better `than` another part"),
        ("title: a classifier", "title: a machine", "parts have different titles"),
        ("labels: [20, 40]", "labels: [1]", "labels are numbers of at least 2"),
    ],
)
def test_what_does_not_fit_together_is_named(two, before, after, sentence):
    assert before in TWO
    two.write_text(TWO.replace(before, after))
    with pytest.raises(RecipeError, match=sentence):
        read(two)
