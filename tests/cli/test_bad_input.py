import errno
import os
import shutil

import pytest

from genlatent import storage

RECIPE = "model: {name: vae, latent: 2}\ndata: {name: digits, binarise: threshold}\ntrain: {steps: 2}\n"


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(RECIPE)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["train", "mine.yaml", "train.epoch=3"], "mine.yaml: train.epoch: unknown; did you mean 'epochs'?"),
        (["train", "mine.yaml", "train.steps"], "'train.steps' is no override"),
        (["train", "mine.yaml", "train.steps=few"], "train.steps: a whole number was expected, got 'few'"),
        (["train", "mine.yaml", "train.steps=0"], "steps must be at least 1"),
        (["train", "mine.yaml", "train.epochs=-1"], "epochs must be at least 1, got -1"),
        (["train", "mine.yaml", "train.epochs=0"], "epochs must be at least 1, got 0"),
        (["train", "mine.yaml", "train.epochs=.nan"], "train.epochs: a finite number was expected"),
        (["train", "mine.yaml", "train.epochs=1e30"], "train.epochs: a smaller whole number was expected"),
        (["train", "mine.yaml", "train.epochs=1e13"], "epochs must be at most"),
        (["train", "mine.yaml", "train.batch_size=-3"], "batch_size must be at least 1"),
        (["train", "mine.yaml", "train.average=1"], "average is a fraction"),
        (["train", "mine.yaml", "train.optimizer.learning_rate=-1"], "learning_rate"),
        (["train", "mine.yaml", "train.optimizer.learning_rate=.nan"], "learning_rate"),
        (["train", "mine.yaml", "train.optimizer.name=lbfgs"], "full batches"),
        (["train", "mine.yaml", "model.latnet=2"], "vae takes no argument 'latnet'; did you mean 'latent'?"),
        (["train", "mine.yaml", "model.name=vea"], "no model is called 'vea'; did you mean 'vae'?"),
        (["train", "mine.yaml", "data.name=digit"], "no data set is called 'digit'; did you mean 'digits'?"),
        (["train", "mine.yaml", "data.binarise=none"], "binarise the data"),
        (["train", "mine.yaml", "data.path=nowhere.npy"], "nowhere.npy"),
        (["train", "mine.yaml", "train.optimizer.name=adma"], "no optimizer is called 'adma'; did you mean 'adam'?"),
        (["train", "mine.yaml", "model.prior=nowhere:Prior"], "nowhere:Prior"),
        (["train", "nowhere.yaml"], "no recipe 'nowhere.yaml'"),
        (["train"], "name a recipe"),
        (["train", "mine.yaml", "--resume", "run"], "--resume goes on with a run as it was made"),
        (["train", "--resume", "nowhere"], "nowhere holds no recipe.yaml"),
        (["sample", "nowhere"], "nowhere does not exist"),
        (["evaluate", "mine.yaml"], "mine.yaml"),
        (["evaluate", "."], "holds no checkpoint"),
        (["data", "info", "nowhere.npz"], "nowhere.npz"),
        (["data", "fetch", "digits"], "needs no fetching"),
        (["data", "fetch", "mnits"], "did you mean 'mnist'?"),
        (["data", "fetch", "mnist", "--base-url", "http://127.0.0.1:9", "--folder", "."], "cannot be reached"),
        (["tarin"], "tarin"),
        (["train", "mine.yaml", "--epochs", "3"], "--epochs"),
    ],
)
def test_bad_input_is_one_sentence_with_exit_code_2_and_leaves_nothing(arguments, reason, desk, ask):
    said = ask(*arguments)
    assert said.code == 2
    assert reason in said.err
    assert said.err.startswith("genlatent: ")
    assert said.err.count("\n") == 1
    assert said.out == "", "nothing was begun"
    left = {path.name for path in desk.rglob("*") if path.is_file()} - {"mine.yaml", ".lock"}
    assert left == set()


@pytest.mark.parametrize("verb", ["sample", "evaluate"])
def test_a_run_folder_of_another_format_is_refused(verb, runs, desk, ask):
    shutil.copytree(runs / "digits-vae", desk / "run")
    for config in (desk / "run").glob("checkpoints/*/config.json"):
        config.write_text(config.read_text().replace('"format": 1', '"format": 99'))
    said = ask(verb, "run")
    assert said.code == 2
    assert "format 99" in said.err
    assert not (desk / "samples.png").exists()


@pytest.mark.parametrize("text", ["[1]", "null", "{}", '"config"', "{"])
def test_a_configuration_that_is_none_is_told_by_what_it_holds(text, runs, desk, ask):
    shutil.copytree(runs / "digits-vae", desk / "run")
    for config in (desk / "run").glob("checkpoints/*/config.json"):
        config.write_text(text)
    said = ask("sample", "run")
    assert said.code == 2
    wanted = "cannot be read" if text == "{" else f"a JSON object with a format was expected, got {text}"
    assert wanted in said.err
    assert "config.json" in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("verb", ["sample", "evaluate"])
def test_a_damaged_checkpoint_is_refused(verb, runs, desk, ask):
    shutil.copytree(runs / "digits-vae", desk / "run")
    for weights in (desk / "run").glob("checkpoints/*/model.safetensors"):
        weights.write_bytes(weights.read_bytes()[:100])
    said = ask(verb, "run")
    assert said.code == 2
    assert "cannot be read" in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("ending", ["png", "npy", "npz", "csv"])
def test_a_full_disk_is_one_sentence_and_what_was_there_stays(ending, runs, desk, monkeypatch, ask):
    place = desk / f"x.{ending}"
    place.write_text("what was there")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(storage.os, "fsync", full)
    said = ask("sample", runs / "digits-vae", "--out", place)
    assert said.code == 2
    assert "No space left on device" in said.err
    assert place.read_text() == "what was there"
    assert {path.name for path in desk.iterdir()} == {"mine.yaml", place.name}


def test_a_mistake_of_ours_still_shows_where_it_is(monkeypatch, ask):
    import genlatent.data.catalogue

    monkeypatch.setattr(genlatent.data.catalogue, "NAMED", None)
    with pytest.raises(AttributeError):
        ask("data", "list")
