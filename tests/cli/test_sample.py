import csv
import importlib

import numpy as np
import pytest
from PIL import Image

from genlatent import save
from genlatent.data.notes import note_of

FORMATS = ("png", "npy", "npz", "csv")


@pytest.mark.parametrize("name", ["digits-vae", "digits-rbm"])
@pytest.mark.parametrize("ending", FORMATS)
def test_each_format_holds_the_draws_and_nothing_else_is_left(name, ending, runs, tmp_path, ask):
    place = tmp_path / f"x.{ending}"
    said = ask("sample", runs / name, "-n", 6, "--out", place, "--seed", 3, "--json")
    assert said.json["seed"] == 3
    assert said.json["shape"] == [6, 1, 8, 8]
    beside = [f"{place.name}.note.json"] if ending in ("npy", "csv") else []
    assert sorted(path.name for path in tmp_path.iterdir()) == [place.name, *beside]
    assert note_of(place)["seed"] == "3"
    if ending == "png":
        assert Image.open(place).text["seed"] == "3"
    elif ending == "csv":
        rows = list(csv.reader(place.read_text().splitlines()))
        assert (len(rows), len(rows[0]), rows[0][0]) == (7, 64, "x0")
    else:
        found = np.load(place)
        x = found if ending == "npy" else found["x"]
        assert x.shape == (6, 1, 8, 8)
        assert set(np.unique(x)) <= {0.0, 1.0}
        assert ending == "npy" or int(found["seed"]) == 3


@pytest.mark.parametrize("name", ["digits-vae", "digits-rbm"])
def test_a_seed_gives_the_same_draws_and_another_one_others(name, runs, tmp_path, ask):
    for file, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert ask("sample", runs / name, "--out", tmp_path / f"{file}.npy", "--seed", seed).code == 0
    a, b, c = (np.load(tmp_path / f"{file}.npy") for file in "abc")
    assert (a == b).all()
    assert (a != c).any()


def test_pixels_that_are_given_stay_and_the_others_are_drawn(runs, tmp_path, ask):
    half = np.full((1, 8, 8), np.nan, dtype=np.float32)
    half[:, :4] = np.arange(32).reshape(1, 4, 8) % 2
    np.save(tmp_path / "half.npy", half)
    given = f"x={tmp_path / 'half.npy'}"
    said = ask("sample", runs / "digits-rbm", "-n", 20, "--given", given, "--out", tmp_path / "x.npy")
    assert said.code == 0, said.err
    x = np.load(tmp_path / "x.npy")
    assert (x[:, :, :4] == half[:, :4]).all()
    assert x[:, :, 4:].std(axis=0).max() > 0


def test_a_temperature_reaches_the_chains(runs, tmp_path, ask):
    for name, temperature in (("warm", 1), ("hot", 50)):
        extra = ["--temperature", temperature, "--steps", 20]
        assert ask("sample", runs / "digits-rbm", "-n", 400, *extra, "--out", tmp_path / f"{name}.npy").code == 0
    warm, hot = (np.load(tmp_path / f"{name}.npy").mean(0) for name in ("warm", "hot"))
    assert abs(hot - 0.5).max() < 0.15
    assert abs(warm - 0.5).max() > 0.4


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--given", "label=3"], "cannot be conditioned on 'label'"),
        (["--given", "label"], "is no condition"),
        (["--given", "x=nowhere.npy"], "nowhere.npy cannot be read"),
        (["--out", "x.jpg"], "x.jpg: draws are written as"),
        (["--temperature", "2"], "VAE is sampled without a temperature"),
        (["-n", "0"], "-n"),
        (["--device", "abacus"], "abacus"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_no_file(arguments, reason, runs, tmp_path, monkeypatch, ask):
    monkeypatch.chdir(tmp_path)
    said = ask("sample", runs / "digits-vae", *arguments)
    assert said.code == 2
    assert reason in said.err
    assert said.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_autoencoder_refuses_to_sample(runs, tmp_path, ask):
    said = ask("sample", runs / "digits-autoencoder", "--out", tmp_path / "x.npy")
    assert said.code == 2
    assert "cannot sample" in said.err


LABELLED = """
import torch
from genlatent.model import Model

class Labelled(Model):
    conditions = ("label",)

    def __init__(self, width):
        super().__init__()
        self.width = width
        self.event_shape = torch.Size([width])
        self.weight = torch.nn.Parameter(torch.ones(width))

    def sample(self, n, *, given=None, generator=None):
        label = self.refuse_unknown(given)["label"]
        return (label * self.weight).detach().expand(n, -1)
"""


def test_a_label_reaches_a_model_that_knows_it(tmp_path, monkeypatch, ask):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "labelled_models.py").write_text(LABELLED)
    save(importlib.import_module("labelled_models").Labelled(3), "saved")
    trusted = ["--allow-import", "labelled_models"]
    said = ask("sample", "saved", "-n", 2, "--given", "label=3", "--out", "x.csv", *trusted)
    assert said.code == 0, said.err
    assert (tmp_path / "x.csv").read_text().split() == ["x0,x1,x2", "3,3,3", "3,3,3"]
    said = ask("sample", "saved", "--given", "lable=3", "--out", "y.csv", *trusted)
    assert "cannot be conditioned on 'lable'; it knows: label" in said.err
