import json
import shutil

import numpy as np
import pytest
import torch

from genlatent import RBM, VAE, save
from genlatent.evaluation.record import Record


@pytest.mark.parametrize("name", ["digits-autoencoder", "digits-vae", "digits-rbm"])
def test_records_are_printed_and_kept_with_the_run(name, runs, ask):
    said = ask("evaluate", runs / name, "--samples", 20, "--json")
    kept = json.loads((runs / name / "records.json").read_text())
    assert kept == said.json
    records = [Record.from_plain(values) for values in kept["records"]]
    assert all(record.data.startswith("digits") and record.method for record in records)
    shown = ask("evaluate", runs / name, "--samples", 20)
    assert "verdict" in shown.out
    assert str(runs / name / "records.json") in shown.out


def test_other_data_may_be_named(runs, tmp_path, ask):
    np.save(tmp_path / "bits.npy", (np.random.default_rng(0).random((50, 8, 8)) < 0.5).astype("float32"))
    shutil.copytree(runs / "digits-vae", tmp_path / "run")
    said = ask("evaluate", tmp_path / "run", "--data", tmp_path / "bits.npy", "--samples", 5, "--json")
    assert said.code == 0, said.err
    assert {record["data"] for record in said.json["records"]} == {"bits"}


def test_a_model_saved_without_a_recipe_asks_for_the_data(tmp_path, ask):
    save(RBM(visible=(1, 8, 8), hidden=3), tmp_path / "saved")
    said = ask("evaluate", tmp_path / "saved")
    assert said.code == 2
    assert "--data" in said.err
    judged = ask("evaluate", tmp_path / "saved", "--data", "digits", "--binarise", "threshold", "--json")
    assert judged.json["records"][0]["metric"] == "log-likelihood"


def test_data_that_changed_since_the_training_are_refused(runs, tmp_path, ask):
    shutil.copytree(runs / "digits-vae", tmp_path / "run")
    for config in (tmp_path / "run").glob("checkpoints/*/config.json"):
        config.write_text(config.read_text().replace('"fingerprint": "', '"fingerprint": "0'))
    said = ask("evaluate", tmp_path / "run")
    assert said.code == 2
    assert "has changed since" in said.err


def test_annealing_starts_from_the_chains_of_the_training_too(tmp_path, ask):
    changes = ["train.steps=3", "model.hidden=30", "objective.chains=20", "--out", tmp_path / "run"]
    assert ask("train", "digits-rbm", *changes, "--quiet").code == 0
    said = ask("evaluate", tmp_path / "run", "--runs", 20, "--steps", 30, "--samples", 20, "--json")
    records = [Record.from_plain(values) for values in said.json["records"]]
    assert [r.metric for r in records[:3]] == ["log-likelihood", "log-likelihood, forward", "log-likelihood, reverse"]
    assert "20 runs of 30 steps each way, starts: data, chains, forward ends" in records[0].method


def test_one_run_of_annealing_is_refused(runs, ask):
    assert ask("evaluate", runs / "digits-rbm", "--runs", 1).code == 2


def test_the_guide_and_samples_are_judged_where_that_is_wished(runs, tmp_path, ask):
    shutil.copytree(runs / "digits-vae", tmp_path / "run")
    said = ask("evaluate", tmp_path / "run", "--samples", 20, "--guide", "--quality", "--json")
    found = {record["metric"] for record in said.json["records"]}
    assert {"mutual information", "calibration", "predictive check, mean", "Frechet distance"} <= found
    refused = ask("evaluate", runs / "digits-rbm", "--samples", 20, "--guide")
    assert refused.code == 2
    assert "has no guide" in refused.err


@pytest.fixture
def collapsed(tmp_path):
    """A run whose encoder gives every row the same code."""
    vae = VAE((1, 8, 8), latent=2)
    with torch.no_grad():
        vae.encoder.layers[-2].weight.zero_()
        vae.encoder.layers[-2].bias.zero_()
    save(vae, tmp_path / "collapsed")
    return tmp_path / "collapsed"


def test_a_collapsed_posterior_is_told_as_diagnose_tells_it(collapsed, ask):
    digits = ("--data", "digits", "--binarise", "threshold", "--json")
    said = {}
    for verb in ("evaluate", "diagnose"):
        records = ask(verb, collapsed, *digits, "--samples", 30).json["records"]
        said[verb] = next(record for record in records if record["metric"] == "active units")
    assert said["evaluate"]["verdict"] == "failed"
    assert "collapsed posterior" in said["evaluate"]["reason"]
    told = ("metric", "value", "method", "verdict", "reason")
    assert [said["evaluate"][part] for part in told] == [said["diagnose"][part] for part in told]
    assert "active units: the code tells nothing of x" in ask("evaluate", collapsed, *digits[:-1], "--samples", 5).out
