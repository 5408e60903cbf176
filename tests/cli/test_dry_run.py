"""What a training would be like, without one."""

import torch

from genlatent import VAE, load_data
from genlatent.cli.rehearsing import parts
from genlatent.networks.mlp import MLP

TINY = ["model.latent=2", "model.encoder.hidden=[16]", "model.decoder.hidden=[16]"]


def test_it_says_what_would_happen_and_writes_nothing(tmp_path, monkeypatch, ask):
    monkeypatch.chdir(tmp_path)
    said = ask("train", "digits-vae", *TINY, "--dry-run", "--out", "run")
    assert said.code == 0, said.err
    assert "Nothing was written." in said.out
    for text in ("encoder", "decoder", "optimizer", "6,500 steps of 100 rows, 500 epochs", "mode ", "ms a step"):
        assert text in said.out
    assert list(tmp_path.iterdir()) == []


def test_its_numbers_are_those_of_the_training(tmp_path, monkeypatch, ask):
    monkeypatch.chdir(tmp_path)
    found = ask("train", "digits-vae", *TINY, "train.mode=traced", "--dry-run", "--json").json
    data = load_data("digits", binarise="threshold")
    model = VAE(data.shape, latent=2, encoder=MLP((16,)), decoder=MLP((16,)))
    assert found["parameters"] == sum(p.numel() for p in model.parameters())
    assert found["parts"] == parts(model) == {"encoder": 64 * 16 + 16 + 16 * 4 + 4, "decoder": 2 * 16 + 16 + 17 * 64}
    assert found["memory"]["weights"] == 4 * found["parameters"]
    assert 8 * found["parameters"] <= found["memory"]["optimizer"] < 8 * found["parameters"] + 1000
    assert found["memory"]["data"] == 4 * (1297 + 250 + 250) * 64
    assert found["mode"] == "traced"
    assert (found["steps"], found["epochs"], found["batch_size"]) == (6500, 500, 100)
    assert found["seconds"] >= found["steps"] * found["step_seconds"] > 0


def test_chains_are_counted(tmp_path, monkeypatch, ask):
    monkeypatch.chdir(tmp_path)
    found = ask("train", "digits-rbm", "model.hidden=10", "--dry-run", "--json").json
    assert found["memory"]["chains and other state"] == 500 * 64 * torch.tensor(0.0).element_size()
    assert found["parts"] == {"visible_bias": 64, "hidden_bias": 10, "visible_hidden_weight": 640}


def test_a_run_that_is_there_is_not_rehearsed(runs, ask):
    said = ask("train", "--resume", runs / "digits-vae", "--dry-run")
    assert said.code == 2
    assert "--dry-run" in said.err
