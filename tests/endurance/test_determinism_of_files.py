"""Every file of draws says its seed, inside or beside it, and that seed gives the file again, byte for byte."""

import json

import numpy as np
import pytest
import torch

from genlatent import RBM, VAE, Autoencoder, fit, load_data
from genlatent.cli.main import answer
from genlatent.data.notes import beside, note_of

SEED = 11
ROWS = ("png", "npy", "npz", "csv", "parquet", "")  # the last is a folder of pictures
NUMBERS = ("npy", "npz", "csv", "parquet")
VERBS = {
    ("vae", "sample", "-n", "5"): ROWS,
    ("rbm", "sample", "-n", "5", "--steps", "3"): ("npy", "png"),
    ("vae", "impute", "GAPPY"): ("png", "npy", "csv"),
    ("rbm", "impute", "GAPPY"): ("npy",),
    ("vae", "score", "WHOLE"): NUMBERS,
    ("vae", "encode", "WHOLE"): ("npy", "csv"),
    ("vae", "decode", "CODES"): ("png", "npz"),
    ("vae", "reconstruct", "WHOLE"): ("parquet", ""),
    ("vae", "reconstruct", "ONE"): ("png",),
    ("autoencoder", "denoise", "WHOLE"): ("png",),
    ("vae", "traverse", "WHOLE", "-n", "2"): ("png", "npy", "parquet"),
    ("vae", "interpolate", "WHOLE", "ONE"): ("png", "npz", "csv"),
    ("table", "sample", "-n", "5"): ("csv", "parquet"),
    ("table", "impute", "LINES"): ("csv", "parquet"),
}
ASKED = [(run, words, ending) for (run, *words), endings in VERBS.items() for ending in endings]
NAMED = ["-".join([run, words[0], ending or "folder"]) for run, words, ending in ASKED]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """Four small runs and rows to ask them about."""
    place = tmp_path_factory.mktemp("desk")
    data = load_data("digits", binarise="threshold")
    lines = "\n".join(["age,colour", *(f"{20 + i % 30},{'ab'[i % 2]}" for i in range(40))])
    (place / "table.csv").write_text(lines)
    (place / "LINES.csv").write_text("age,colour\n,a\n31,\n40,b\n")
    torch.manual_seed(0)
    made = {
        "vae": VAE(data.shape, latent=2),
        "rbm": RBM(data.shape, hidden=5),
        "autoencoder": Autoencoder(data.shape, 2),
    }
    for name, model in made.items():
        fit(model, data, steps=2, mode="eager", run=place / name)
    asked = ["train", "my-table", f"data.path={place / 'table.csv'}", "train.steps=2", "train.mode=eager"]
    assert answer([*asked, "--out", str(place / "table"), "--quiet"]) == 0
    whole = data.test[:4].numpy()
    gappy = whole.copy()
    gappy[..., :4] = np.nan
    for name, rows in {"WHOLE": whole, "GAPPY": gappy, "ONE": whole[:1], "CODES": np.zeros((3, 2), "float32")}.items():
        np.save(place / f"{name}.npy", rows)
    return place


def asked(desk, run, words, out, seed) -> list[str]:
    verb, *rest = words
    files = {"GAPPY": "npy", "WHOLE": "npy", "CODES": "npy", "ONE": "npy", "LINES": "csv"}
    given = [str(desk / f"{word}.{files[word]}") if word in files else word for word in rest]
    return [verb, str(desk / run), *given, "--out", str(out), "--seed", str(seed), "--quiet"]


def bits(place) -> dict[str, bytes]:
    """Every file of a place by its name, but for what stands beside it."""
    files = sorted(place.iterdir()) if place.is_dir() else [place]
    return {file.name if place.is_dir() else "": file.read_bytes() for file in files}


@pytest.mark.parametrize(
    ("run", "words", "ending"),
    ASKED,
    ids=["-".join([run, words[0], ending or "folder"]) for run, words, ending in ASKED],
)
def test_the_seed_in_a_file_gives_the_file_again(run, words, ending, desk, tmp_path, capsys):
    name = f"out.{ending}" if ending else "out"
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, again = tmp_path / "a" / name, tmp_path / "b" / name
    assert answer(asked(desk, run, words, first, SEED)) == 0, capsys.readouterr().err
    note = note_of(first)
    assert note["seed"] == str(SEED)
    assert answer(asked(desk, run, words, again, note["seed"])) == 0
    assert bits(first) == bits(again)


@pytest.mark.parametrize("run", ["vae", "rbm"])
def test_another_seed_gives_another_file(run, desk, tmp_path):
    for seed in (1, 2):
        assert answer(asked(desk, run, ("sample", "-n", "5"), tmp_path / f"{seed}.npy", seed)) == 0
    assert bits(tmp_path / "1.npy") != bits(tmp_path / "2.npy")


def test_chains_say_their_seed(desk, tmp_path):
    import arviz as az

    found = []
    for name in "ab":
        place = tmp_path / f"{name}.nc"
        words = ("sample", "--chains", "2", "--draws", "6", "--burn-in", "1")
        assert answer(asked(desk, "rbm", words, place, SEED)) == 0
        found.append(az.from_netcdf(place))
    assert int(found[0].attrs["seed"]) == SEED
    assert found[0].posterior.equals(found[1].posterior)


def test_previews_of_a_training_say_its_seed(tmp_path):
    small = ["model.latent=2", "model.encoder.hidden=[8]", "model.decoder.hidden=[8]", "train.steps=2"]
    assert answer(["train", "digits-vae", *small, "--out", str(tmp_path / "r"), "--seed", "5", "--quiet"]) == 0
    (preview,) = (tmp_path / "r" / "previews").iterdir()
    assert note_of(preview)["seed"] == "5"


def test_a_note_beside_a_file_names_it(desk, tmp_path):
    place = tmp_path / "x.csv"
    assert answer(asked(desk, "vae", ("sample", "-n", "2"), place, SEED)) == 0
    assert json.loads(beside(place).read_text())["file"] == "x.csv"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.csv", "x.csv.note.json"]


def test_a_file_without_a_note_has_none(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros(3))
    assert note_of(tmp_path / "x.npy") == {}
