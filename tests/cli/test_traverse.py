"""Walks through a code, as a grid, an array or a table."""

import csv

import numpy as np
import pytest
import torch
from PIL import Image

from genlatent import ConditionalVAE, load, load_data, save
from genlatent.evaluation.lectures.traversal import traversal
from genlatent.evaluation.walks import traversals
from genlatent.networks.mlp import MLP


def test_the_command_writes_a_grid_of_walks(runs, tmp_path, command):
    command("traverse", runs / "digits-vae", "-n", 2, "--steps", 5, "--seed", 4, "--out", "walks.png")
    with Image.open(tmp_path / "walks.png") as picture:
        assert picture.text["seed"] == "4"
        assert picture.width > 2 * picture.height


def test_values_are_walked_one_at_a_time(runs, tmp_path, ask):
    model, x = load(runs / "digits-vae"), load_data("digits", binarise="threshold").test
    how = ["--along", "values", "-n", 2, "--steps", 3, "--row", 7, "--json"]
    found = ask("traverse", runs / "digits-vae", *how, "--out", tmp_path / "w.npy").json
    order = model.encode(x).var(0).argsort(descending=True).tolist()
    assert found["names"] == [f"z{place}" for place in order]
    expected = traversals(model, x, row=7, count=2, steps=3)
    torch.testing.assert_close(torch.from_numpy(np.load(tmp_path / "w.npy")), expected)


def test_an_autoencoder_is_walked_along_its_principal_directions(runs, tmp_path, ask):
    model, x = load(runs / "digits-autoencoder"), load_data("digits").test
    found = ask("traverse", runs / "digits-autoencoder", "-n", 2, "--steps", 3, "--out", tmp_path / "w.csv", "--json")
    assert found.json["along"] == "directions"
    rows = list(csv.DictReader((tmp_path / "w.csv").read_text().splitlines()))
    assert [(row["walk"], row["step"]) for row in rows] == [(a, b) for a in "01" for b in "012"]
    values = np.array([[float(row[f"x{pixel}"]) for pixel in range(64)] for row in rows])
    expected = traversal(model, x, directions=2, num_steps=3).rows
    np.testing.assert_allclose(values, expected.flatten(0, 1).flatten(1).numpy(), atol=1e-5)


def test_a_conditional_model_is_told_one_label(tmp_path, ask):
    model = ConditionalVAE((1, 8, 8), 10, latent=2, encoder=MLP((8,)), decoder=MLP((8,)))
    save(model, tmp_path / "m", about={"data": {"shape": [1, 8, 8], "support": "binary", "title": "bits"}})
    x = load_data("digits", binarise="threshold").test[:9]
    np.save(tmp_path / "x.npy", x.numpy())
    asked = ["traverse", tmp_path / "m", tmp_path / "x.npy", "-n", 1, "--steps", 2, "--out", tmp_path / "w.npy"]
    assert "add --label 3" in ask(*asked).err
    assert ask(*asked, "--label", 3).code == 0
    three = torch.full((2,), 3)
    z = model.encode(x, torch.full((9,), 3))
    k = int(z.var(0).argmax())
    ends = z[0].repeat(2, 1)
    ends[:, k] = torch.quantile(z[:, k], torch.tensor([0.02, 0.98]))
    torch.testing.assert_close(torch.from_numpy(np.load(tmp_path / "w.npy"))[0], model.decode(ends, three))


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--row", "250"], "no row 250 among 250"),
        (["--along", "dimensions"], "--along is one of auto, values, directions"),
        (["--label", "3"], "without labels"),
        (["--out", "w.jpg"], "w.jpg"),
        (["--out", "folder"], "walks are written as one file"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_no_file(arguments, reason, runs, tmp_path, monkeypatch, ask):
    monkeypatch.chdir(tmp_path)
    said = ask("traverse", runs / "digits-vae", *arguments)
    assert said.code == 2
    assert reason in said.err
    assert list(tmp_path.iterdir()) == []
