"""Two processes at one place: the second is refused, or both files are whole; a dead one is in nobody's way."""

import json
from pathlib import Path

import pytest

from genlatent import fit, load
from genlatent.cli.main import answer
from genlatent.components import build
from genlatent.data import checksums
from genlatent.errors import RunError
from genlatent.storage import PARTIAL, beside, lock, new_file, new_folder, scratch
from genlatent.training import checkpoint
from genlatent.training.callbacks import Callback
from genlatent.training.run import RunFolder
from tests.data.test_fetch import CONTENT
from tests.endurance.acts import few
from tests.endurance.soundness import assert_same_run, contents, leftovers
from tests.endurance.stage import KILL, Knock, stage
from tests.endurance.test_crashes import run, server  # noqa: F401  (fixtures)
from tests.endurance.trials import COMMAND, TRAIN
from tests.test_models import EXAMPLES

BAD_INPUT = 2


class Second(Callback):
    """Begins a second training of the same folder, in another process, while the first one is at work."""

    def __init__(self, place: Path):
        self.place, self.endings = place, []

    def tick(self, trainer):
        if trainer.step == 5:
            self.endings.append(stage().act(TRAIN, "rbm", self.place))


def trained(place: Path, *callbacks: Callback) -> None:
    fit(build(EXAMPLES["rbm"], "model"), few(), steps=9, batch_size=20, run=place, callbacks=callbacks, mode="eager")


def test_a_second_training_of_a_folder_is_refused(tmp_path):
    place = tmp_path / "run"
    second = Second(place)
    trained(place, second)
    (ending,) = second.endings
    assert ending.code == BAD_INPUT
    assert ending.said == f"{place} is being written by another process; wait for it to end\n"
    assert [row["step"] for row in RunFolder(place).read_metrics()] == [3, 6, 9]
    assert not leftovers(place)


def test_a_killed_training_holds_nothing(tmp_path):
    place = tmp_path / "run"
    assert stage().act(TRAIN, "rbm", place, knock=Knock(place, KILL, 150)).killed
    with RunFolder(place).held():
        assert leftovers(place), "it was killed while it wrote"
    assert stage().act(TRAIN, "rbm", place).code == 0
    assert not leftovers(place)


def test_a_training_killed_before_its_first_checkpoint_begins_anew(tmp_path):
    """Rows of metrics that no checkpoint counts are not kept beside those of the next start."""
    whole, place = tmp_path / "whole", tmp_path / "run"
    assert stage().act(TRAIN, "rbm", whole).code == 0
    place.mkdir()
    (place / "metrics.jsonl").write_text(json.dumps({"step": 3, "epoch": 1, "loss": 1.0}) + '\n{"step": 6, "ep')
    assert stage().act(TRAIN, "rbm", place).code == 0
    assert_same_run(whole, place)


def test_a_refused_second_training_leaves_the_recipe_as_it_is(tmp_path, capsys):
    place = tmp_path / "run"
    place.mkdir()
    (place / "recipe.yaml").write_text("of the first\n")
    with RunFolder(place).held():
        assert answer(["train", "digits-dbn", "--out", str(place), "--quiet"]) == BAD_INPUT
    assert f"{place} is being written by another process" in capsys.readouterr().err
    assert (place / "recipe.yaml").read_text() == "of the first\n"


def test_a_run_that_another_process_made_meanwhile_is_not_begun_anew(tmp_path, monkeypatch):
    place = tmp_path / "run"
    trained(place)
    monkeypatch.setattr("genlatent.training.fit._going_on", lambda *_: False)  # what it saw before
    with pytest.raises(RunError, match="was written by another process just now"):
        trained(place)


def test_two_that_write_one_file_are_both_whole(run, tmp_path):  # noqa: F811
    arguments = ["sample", str(run), "-n", "6", "--quiet", "--out", "x.npz"]
    with new_file(tmp_path / "x.npz") as mine:
        mine.write_bytes(b"half")
        assert stage().act(COMMAND, tmp_path, arguments).code == 0
        theirs = contents(tmp_path)
        assert theirs["x.npz"].startswith(b"PK")
        mine.write_bytes(b"the whole")
    assert contents(tmp_path) == {"x.npz": b"the whole"}
    assert not leftovers(tmp_path)


def test_of_two_that_write_one_folder_the_second_is_refused(tmp_path):
    place = tmp_path / "pictures"
    with pytest.raises(RunError, match="pictures could not be written: Directory not empty"):
        write_around(place)
    assert contents(tmp_path) == {"pictures/0.png": b"theirs"}
    assert not leftovers(tmp_path)


def write_around(place: Path) -> None:
    with new_folder(place) as mine:
        (mine / "0.png").write_text("mine")
        with new_folder(place) as theirs:
            (theirs / "0.png").write_text("theirs")


def test_a_training_lets_a_report_be_written(tmp_path):
    """What another living process has not finished in the run folder is not tidied away."""
    place = tmp_path / "run"
    place.mkdir()
    with new_file(place / "report.html") as report:
        report.write_text("half")
        assert stage().act(TRAIN, "rbm", place).code == 0
        report.write_text("whole")
    assert (place / "report.html").read_text() == "whole"


def test_a_model_is_read_while_its_training_goes_on(tmp_path, monkeypatch):
    """A checkpoint that a later one replaces between the look at the pointer and the reading is not missed."""
    place = tmp_path / "run"
    assert stage().act(TRAIN, "rbm", place, knock=Knock(place, KILL, 250)).killed
    first = RunFolder(place).checkpoint("last")
    read = checkpoint.read_config

    def overtaken(folder):
        if first.exists():
            assert stage().act(TRAIN, "rbm", place).code == 0
        return read(folder)

    monkeypatch.setattr(checkpoint, "read_config", overtaken)
    assert load(place, which="last").hidden == 12
    assert not first.exists()


def test_what_a_dead_process_left_is_removed_by_the_next_that_writes_there(tmp_path):
    beside(tmp_path / "x.csv").mkdir()
    (beside(tmp_path / "x.csv", 7)).write_text("as older versions left it")
    other = beside(tmp_path / "y.csv")
    other.mkdir()
    with new_file(tmp_path / "x.csv") as place:
        place.write_text("1")
    assert sorted(path.name for path in tmp_path.iterdir()) == [other.name, "x.csv"]


def test_scratch_folders_of_the_dead_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with scratch() as living:
        with scratch() as another:
            assert living.exists()
        dead = another.with_name(another.name.replace(PARTIAL, f"1{PARTIAL}"))
        dead.mkdir()
        with scratch():
            assert living.exists()
            assert not dead.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_second_download_into_a_folder_is_refused(server, tmp_path):  # noqa: F811
    known = tmp_path / "known"
    known.write_bytes(CONTENT)
    place = tmp_path / "data"
    (place / "mnist").mkdir(parents=True)
    how = ("tests.endurance.acts:get", place, server["url"], checksums.of_file(known))
    with lock(place / "mnist", "nobody else"):
        ending = stage().act(*how)
    assert ending.code == BAD_INPUT
    assert f"{place / 'mnist'} is being fetched into by another process" in ending.said
    assert stage().act(*how).code == 0
    assert contents(place)["mnist/data.gz"] == CONTENT
