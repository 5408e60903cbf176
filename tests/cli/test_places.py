"""Where verbs write to: folders that are not there are made, for every verb alike."""

import numpy as np
import pytest

VAE, RBM, PLAIN = "digits-vae", "digits-rbm", "digits-autoencoder"
ASKED = {  # verb, what stands before --out, and a name for what it writes
    "sample": ([VAE, "-n", 2], "x.png"),
    "sample, a folder": ([VAE, "-n", 2], "pictures"),
    "sample, chains": ([RBM, "--chains", 2, "--draws", 4, "--burn-in", 0, "--thin", 1], "x.nc"),
    "encode": ([PLAIN, "rows.npy"], "x.csv"),
    "decode": ([PLAIN, "codes.npy"], "x.npz"),
    "reconstruct": ([PLAIN, "rows.npy"], "x.png"),
    "denoise": ([PLAIN, "rows.npy"], "x.npy"),
    "impute": ([VAE, "half.npy"], "x.npy"),
    "score": ([PLAIN, "rows.npy"], "x.csv"),
    "traverse": ([PLAIN, "rows.npy", "--steps", 2, "-n", 2], "x.png"),
    "interpolate": ([PLAIN, "0", "1", "--steps", 2], "x.npy"),
    "report": ([PLAIN], "x.html"),
    "compare": ([PLAIN, VAE, "--samples", 2], "x.csv"),
    "train": (["digits-vae", "train.steps=1", "--no-previews"], "run"),
}


@pytest.fixture
def desk(tmp_path, monkeypatch):
    rows = np.random.default_rng(0).random((3, 1, 8, 8)).round().astype("float32")
    np.save(tmp_path / "rows.npy", rows)
    np.save(tmp_path / "half.npy", np.where(np.arange(8) < 4, np.nan, rows))
    np.save(tmp_path / "codes.npy", np.zeros((3, 2), dtype="float32"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def asked(what, runs):
    """The verb, its arguments with runs by their place, and the name of what it writes."""
    verb, (arguments, name) = what.partition(",")[0], ASKED[what]
    there = set() if verb == "train" else {VAE, RBM, PLAIN}
    return verb, [runs / one if one in there else one for one in arguments], name


@pytest.mark.parametrize("what", ASKED)
def test_folders_that_are_not_there_are_made(what, runs, desk, ask):
    verb, arguments, name = asked(what, runs)
    place = desk / "a" / "new folder" / name
    said = ask(verb, *arguments, "--out", place, "--quiet")
    assert said.code == 0, said.err
    assert place.exists()
    assert {path.name for path in place.parent.iterdir()} <= {name, f"{name}.note.json"}


@pytest.mark.parametrize("what", [name for name in ASKED if name not in ("train", "sample, a folder")])
def test_a_folder_in_the_place_of_a_file_is_one_sentence(what, runs, desk, ask):
    """Whatever the verb found out by then, nothing is left of it, and the sentence names the place alone."""
    verb, arguments, name = asked(what, runs)
    (desk / name).mkdir()
    said = ask(verb, *arguments, "--out", name, "--quiet")
    assert said.code == 2
    assert said.err.count("\n") == 1
    assert f"{name} could not be written" in said.err
    assert ".partial" not in said.err
    assert not list(desk.rglob("*partial*"))
