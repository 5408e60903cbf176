"""`pretrain:` in a recipe: each layer gets a run of its own before the model's."""

import pytest

from genlatent.errors import RecipeError
from genlatent.recipes.reading import read, read_values
from genlatent.training.run import RunFolder

TINY = ["model.hidden=[8, 6, 5]", "pretrain.steps=3", "train.steps=4"]


def test_layers_are_trained_before_the_model(tmp_path, ask):
    run = tmp_path / "run"
    assert ask("train", "digits-dbn", *TINY, "--out", run, "--quiet").code == 0
    steps = [RunFolder(run / "pretraining" / f"layer-{n}").read_metrics()[-1]["step"] for n in (1, 2, 3)]
    assert steps == [3, 3, 3]
    assert RunFolder(run).read_metrics()[-1]["step"] == 4
    assert read_values(run / "recipe.yaml")["pretrain"]["steps"] == 3


def test_a_run_that_ended_between_the_two_goes_on(tmp_path, ask, monkeypatch):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert ask("train", "digits-dbn", *TINY, "--out", whole, "--quiet").code == 0
    monkeypatch.setattr("genlatent.cli.training.fit", interrupted)
    assert ask("train", "digits-dbn", *TINY, "--out", broken, "--quiet").code != 0
    monkeypatch.undo()
    assert ask("train", "--resume", broken, "--quiet").code == 0
    losses = [RunFolder(run).read_metrics()[-1]["valid/loss"] for run in (whole, broken)]
    assert losses[0] == losses[1]


def interrupted(*args, **kwargs):
    raise KeyboardInterrupt


def test_a_model_without_layers_is_refused(tmp_path, ask):
    said = ask("train", "digits-rbm", "pretrain.steps=3", "train.steps=3", "--out", tmp_path / "run")
    assert said.code != 0
    assert "RBM is no stack of layers" in said.err


def test_setting_epochs_takes_steps_out():
    assert read("digits-dbn", ["pretrain.epochs=2"]).pretrain.steps is None
    with pytest.raises(RecipeError, match="pretrain"):
        read("digits-dbn", ["pretrain.speed=2"])
