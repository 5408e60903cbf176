import json
import signal
import subprocess
import sys

import pytest

from genlatent import load
from genlatent.recipes.reading import read, read_values
from genlatent.training.run import RunFolder

TINY = ["model.latent=2", "model.encoder.hidden=[16]", "model.decoder.hidden=[16]"]


def test_a_run_folder_holds_the_resolved_recipe_metrics_and_a_model(runs):
    run = runs / "digits-vae"
    recipe = read_values(run / "recipe.yaml")
    assert recipe["train"]["steps"] == 3
    assert recipe["train"]["optimizer"]["betas"] == [0.9, 0.999]
    assert recipe["model"]["encoder"] == {"name": "mlp", "hidden": [16]}
    assert RunFolder(run).read_metrics()[-1]["step"] == 3
    assert load(run).latent == 2


def test_a_recipe_kept_by_a_run_trains_the_same_model_again(runs, tmp_path, ask):
    kept = runs / "digits-vae" / "recipe.yaml"
    assert ask("train", kept, "--out", tmp_path / "again", "--quiet").code == 0
    weights = [load(place).state_dict() for place in (runs / "digits-vae", tmp_path / "again")]
    assert all(bool((weights[0][name] == weights[1][name]).all()) for name in weights[0])


def test_the_seed_decides_the_weights(runs, tmp_path, ask):
    again = ask("train", "digits-vae", "train.steps=3", *TINY, "--seed", 1, "--out", tmp_path / "run", "--quiet")
    assert again.code == 0
    first, second = load(runs / "digits-vae").state_dict(), load(tmp_path / "run").state_dict()
    assert any(bool((first[name] != second[name]).any()) for name in first)
    assert read(tmp_path / "run" / "recipe.yaml").seed == 1


def test_piped_output_has_a_line_for_each_epoch(tmp_path, ask):
    said = ask("train", "digits-autoencoder", "train.epochs=3", "--out", tmp_path / "run")
    lines = [line for line in said.out.splitlines() if line.startswith("epoch ")]
    assert [line.split()[1] for line in lines] == ["1/3", "2/3", "3/3"]
    assert "valid/loss" in lines[0]
    assert said.out.splitlines()[-1].startswith("Done:")


def test_quiet_says_nothing_and_json_one_object(tmp_path, ask):
    assert ask("train", "digits-rbm", "train.steps=2", "--out", tmp_path / "a", "--quiet").out == ""
    said = ask("train", "digits-rbm", "train.steps=20", "--out", tmp_path / "b", "--json")
    assert said.json["run"] == str(tmp_path / "b")
    assert said.json["last"]["step"] == 20


def test_a_run_without_a_name_gets_a_free_one(tmp_path, monkeypatch, ask):
    monkeypatch.chdir(tmp_path)
    for name in ("digits-rbm", "digits-rbm-2"):
        assert ask("train", "digits-rbm", "train.steps=2", "--json").json["run"] == f"runs/{name}"


def test_an_existing_run_is_not_overwritten(runs, ask):
    said = ask("train", "digits-vae", "--out", runs / "digits-vae")
    assert said.code == 2
    assert f"--resume {runs / 'digits-vae'}" in said.err


def test_code_of_the_users_own_is_imported_for_train_and_only_when_trusted_later(tmp_path, monkeypatch, ask):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_networks.py").write_text(
        "from torch import nn\n"
        "class Flat(nn.Sequential):\n"
        "    def __init__(self, width):\n"
        "        super().__init__(nn.Flatten(), nn.Linear(64, width), nn.Tanh(), nn.Linear(width, 4))\n"
        "        self.width = width\n"
    )
    changes = ["model.latent=2", 'model.encoder={name: "my_networks:Flat", width: 8}']
    assert ask("train", "digits-vae", "train.steps=2", *changes, "--out", "run", "--quiet").code == 0
    said = ask("sample", "run", "--out", "x.npy")
    assert said.code == 2
    assert "--allow-import my_networks" in said.err
    assert not (tmp_path / "x.npy").exists()
    assert ask("sample", "run", "--out", "x.npy", "--allow-import", "my_networks").code == 0


def started(place):
    command = ["train", "digits-vae", *TINY, "train.epochs=100000", "train.mode=traced", "--out", str(place)]
    return subprocess.Popen(
        [sys.executable, "cli.py", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_saves_the_last_step_and_says_how_to_go_on(tmp_path, number, ask):
    process = started(tmp_path / "run")
    for line in process.stdout:
        if line.startswith("epoch 3/"):
            process.send_signal(number)
            break
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == ""
    assert f"genlatent train --resume {tmp_path / 'run'}" in out
    run = RunFolder(tmp_path / "run")
    config = json.loads((run.checkpoint("last") / "config.json").read_text())
    assert config["data"]["title"] == "digits, threshold bits"
    assert len(run.read_metrics()) >= 3


def test_a_run_that_was_interrupted_goes_on_where_it_stopped(tmp_path, monkeypatch, ask):
    from genlatent.cli import interrupts

    def tick(self, trainer):
        if trainer.step == 4:
            trainer.stop("interrupted")

    with monkeypatch.context() as patch:
        patch.setattr(interrupts.StopOnRequest, "tick", tick)
        said = ask("train", "digits-vae", *TINY, "train.steps=9", "--out", tmp_path / "run")
        assert said.code == 130
        assert "--resume" in said.out
    assert ask("train", "--resume", tmp_path / "run", "--quiet").code == 0
    assert ask("train", "digits-vae", *TINY, "train.steps=9", "--out", tmp_path / "whole", "--quiet").code == 0
    weights = [load(tmp_path / name).state_dict() for name in ("run", "whole")]
    assert all(bool((weights[0][name] == weights[1][name]).all()) for name in weights[0])


def test_handlers_of_signals_are_put_back(tmp_path, ask):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    ask("train", "digits-rbm", "train.steps=2", "--out", tmp_path / "run", "--quiet")
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_asked_twice_it_stops_at_once():
    from genlatent.cli.interrupts import stopping_on_request

    with stopping_on_request() as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.requested
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
