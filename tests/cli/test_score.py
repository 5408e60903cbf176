"""A number for each row, and which rows stand out."""

import csv

import numpy as np
import pytest
import torch
from PIL import Image

from genlatent import load, load_data
from genlatent.numerics.randomness import stream


def table(path):
    return list(csv.DictReader(path.read_text().splitlines()))


@pytest.fixture
def bits(tmp_path):
    x = load_data("digits", binarise="threshold").test[:6]
    np.save(tmp_path / "x.npy", x.numpy())
    return x


def test_the_command_writes_a_named_number_for_each_row(runs, bits, tmp_path, command):
    said = command("score", runs / "digits-vae", "x.npy", "--samples", 7, "--seed", 3, "--out", "scores.csv")
    rows = table(tmp_path / "scores.csv")
    assert [row["row"] for row in rows] == list("012345")
    expected = load(runs / "digits-vae").score(bits, generator=stream(3, name="score"), num_samples=7)
    found = torch.tensor([float(row["log-likelihood"]) for row in rows])
    torch.testing.assert_close(found, expected.float())
    assert b"log-likelihood (nats) by VAE" in said.stdout


def test_energies_are_those_of_the_machine_and_errors_those_of_the_reconstruction(runs, bits, tmp_path, ask):
    rbm = load(runs / "digits-rbm")
    wanted = {"energy": rbm.free_energy(bits.flatten(1)).detach()}
    wanted["reconstruction-error"] = (rbm.reconstruct(bits) - bits).flatten(1).square().sum(1)
    for by, name in (("auto", "energy"), ("reconstruction", "reconstruction-error")):
        place = tmp_path / f"{by}.npy"
        said = ask("score", runs / "digits-rbm", tmp_path / "x.npy", "--by", by, "--out", place, "--json")
        assert said.json["by"] == name
        torch.testing.assert_close(torch.from_numpy(np.load(place)), wanted[name])


def test_an_autoencoder_is_scored_by_its_error_and_told_so_where_it_is_asked_for_more(runs, tmp_path, ask):
    assert ask("score", runs / "digits-autoencoder", "--out", tmp_path / "s.csv", "--json").json["rows"] == 250
    assert "reconstruction-error" in (tmp_path / "s.csv").read_text().splitlines()[0]
    said = ask("score", runs / "digits-autoencoder", "--by", "likelihood", "--out", tmp_path / "t.csv")
    assert said.code == 2
    assert "Autoencoder scores by reconstruction, got --by likelihood" in said.err
    assert not (tmp_path / "t.csv").exists()


@pytest.mark.parametrize("name", ["digits-vae", "digits-rbm", "digits-autoencoder"])
def test_rows_from_elsewhere_are_outliers_and_few_of_the_runs_own_are(name, runs, tmp_path, ask):
    strange = np.stack([np.ones((1, 8, 8)), np.zeros((1, 8, 8)), np.indices((8, 8)).sum(0)[None] % 2]).astype("float32")
    np.save(tmp_path / "strange.npy", strange)
    how = ["--by", "reconstruction", "--outliers", 0.02, "--json"]
    found = ask("score", runs / name, tmp_path / "strange.npy", "--out", tmp_path / "a.csv", *how).json
    assert found["outliers"] >= 2
    assert [row["outlier"] for row in table(tmp_path / "a.csv")].count("1") == found["outliers"]
    own = ask("score", runs / name, "--out", tmp_path / "b.csv", *how).json
    assert own["outliers"] < 0.1 * own["rows"]


def test_the_limit_is_a_quantile_of_the_training_scores(runs, tmp_path, ask):
    data, rbm = load_data("digits", binarise="threshold"), load(runs / "digits-rbm")
    said = ask("score", runs / "digits-rbm", "--outliers", 0.05, "--out", tmp_path / "s.csv", "--json")
    energies = rbm.free_energy(data.train.flatten(1)).detach().double()
    assert said.json["limit"] == pytest.approx(float(torch.quantile(energies, 0.95)), rel=1e-5)


def test_pictures_are_called_by_their_files(runs, tmp_path, ask):
    (tmp_path / "in" / "b").mkdir(parents=True)
    for name in ("z.png", "b/a.png"):
        Image.fromarray(np.full((8, 8), 255, dtype=np.uint8)).save(tmp_path / "in" / name)
    assert ask("score", runs / "digits-vae", tmp_path / "in", "--out", tmp_path / "s.csv").code == 0
    assert [row["row"] for row in table(tmp_path / "s.csv")] == ["b/a.png", "z.png"]
