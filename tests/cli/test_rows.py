"""Rows of the user's go in, what the model makes of them comes out, in the format that the names say."""

import csv
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from genlatent import Autoencoder, ConditionalVAE, SparseCoding, load, load_data, save
from genlatent.networks.mlp import MLP

VERBS = ("encode", "decode", "reconstruct", "denoise", "impute")


@pytest.fixture
def x():
    return load_data("digits").test[:5]


@pytest.fixture
def model(runs):
    return load(runs / "digits-autoencoder")


def asked(ask, *arguments):
    said = ask(*arguments, "--json")
    assert said.code == 0, said.err
    return said.json


def test_codes_of_an_array_are_those_of_the_model_and_decode_to_its_reconstructions(runs, model, x, tmp_path, ask):
    np.save(tmp_path / "x.npy", x.numpy())
    run, codes, back, again = runs / "digits-autoencoder", *(tmp_path / f"{name}.npy" for name in ("z", "b", "r"))
    assert asked(ask, "encode", run, tmp_path / "x.npy", "--out", codes)["shape"] == [5, 2]
    asked(ask, "decode", run, codes, "--out", back)
    asked(ask, "reconstruct", run, tmp_path / "x.npy", "--out", again)
    torch.testing.assert_close(torch.from_numpy(np.load(codes)), model.encode(x))
    torch.testing.assert_close(torch.from_numpy(np.load(back)), model.reconstruct(x))
    np.testing.assert_allclose(np.load(back), np.load(again), atol=1e-6)


@pytest.mark.parametrize("ending", ["npy", "npz", "csv"])
def test_the_answer_has_the_format_of_the_question(ending, runs, model, x, tmp_path, monkeypatch, ask):
    monkeypatch.chdir(tmp_path)
    if ending == "csv":
        np.savetxt("x.csv", x.flatten(1).numpy(), delimiter=",", fmt="%.9g")
    else:
        {"npy": np.save, "npz": lambda file, x: np.savez(file, x=x)}[ending](f"x.{ending}", x.numpy())
    assert asked(ask, "denoise", runs / "digits-autoencoder", f"x.{ending}")["out"] == f"denoised.{ending}"
    if ending == "csv":
        rows = list(csv.reader((tmp_path / "denoised.csv").read_text().splitlines()))[1:]
        found = np.array(rows, dtype=np.float32).reshape(5, 1, 8, 8)
    else:
        loaded = np.load(f"denoised.{ending}")
        found = loaded["x"] if ending == "npz" else loaded
    np.testing.assert_allclose(found, model.denoise(x).numpy(), atol=1e-5)


def test_one_picture_comes_back_as_one_picture_and_a_folder_as_a_folder(runs, model, tmp_path, ask):
    values = np.random.default_rng(0).integers(0, 256, (3, 8, 8), dtype=np.uint8)
    (tmp_path / "in").mkdir()
    for number, picture in enumerate(values):
        Image.fromarray(picture).convert("RGB").save(tmp_path / "in" / f"{number}.png")
    expected = model.denoise(torch.from_numpy(values / 255).float().unsqueeze(1)).clamp(0, 1).mul(255).round().numpy()
    asked(ask, "denoise", runs / "digits-autoencoder", tmp_path / "in" / "1.png", "--out", tmp_path / "one.png")
    np.testing.assert_allclose(np.asarray(Image.open(tmp_path / "one.png")), expected[1, 0], atol=1)
    asked(ask, "denoise", runs / "digits-autoencoder", tmp_path / "in", "--out", tmp_path / "all")
    names = sorted(path.name for path in (tmp_path / "all").iterdir())
    assert names == ["0000.png", "0001.png", "0002.png"]
    np.testing.assert_allclose(np.asarray(Image.open(tmp_path / "all" / "0002.png")), expected[2, 0], atol=1)


def test_without_a_file_the_runs_own_test_rows_are_taken(runs, tmp_path, ask):
    run = runs / "digits-autoencoder"
    assert asked(ask, "encode", run, "--out", tmp_path / "z.npy")["shape"] == [250, 2]
    assert asked(ask, "decode", run, "--out", tmp_path / "x.npy")["shape"] == [250, 1, 8, 8]
    assert asked(ask, "reconstruct", run, "--out", tmp_path / "x.png")["shape"] == [250, 1, 8, 8]


@pytest.mark.parametrize("name", ["digits-vae", "digits-rbm", "digits-autoencoder"])
def test_gaps_are_filled_and_what_was_seen_stays(name, runs, x, tmp_path, ask):
    half = (x > 0.5).float()
    half[:, :, 4:] = np.nan
    np.save(tmp_path / "half.npy", half.numpy())
    for seed in (1, 1, 2):
        asked(ask, "impute", runs / name, tmp_path / "half.npy", "--out", tmp_path / f"{seed}.npy", "--seed", seed)
    one = np.load(tmp_path / "1.npy")
    assert (one[:, :, :4] == half[:, :, :4].numpy()).all()
    assert np.isfinite(one).all()


def test_a_model_without_a_way_to_denoise_reconstructs(runs, x, tmp_path, ask):
    np.save(tmp_path / "x.npy", (x > 0.5).float().numpy())
    for verb in ("denoise", "reconstruct"):
        asked(ask, verb, runs / "digits-vae", tmp_path / "x.npy", "--out", tmp_path / f"{verb}.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "denoise.npy"), np.load(tmp_path / "reconstruct.npy"))


@pytest.fixture
def conditional(tmp_path):
    model = ConditionalVAE((1, 8, 8), 10, latent=2, encoder=MLP((8,)), decoder=MLP((8,)))
    save(model, tmp_path / "conditional", about={"data": {"shape": [1, 8, 8], "support": "binary", "title": "bits"}})
    return tmp_path / "conditional", model


def test_a_conditional_model_is_told_the_labels(conditional, x, tmp_path, ask):
    place, model = conditional
    x = (x > 0.5).float()
    np.save(tmp_path / "x.npy", x.numpy())
    np.save(tmp_path / "y.npy", np.array([3, 1, 4, 1, 5]))
    said = ask("encode", place, tmp_path / "x.npy", "--out", tmp_path / "z.npy")
    assert said.code == 2
    assert "add --label 3, or labels.npy" in said.err
    for label, y in (("3", [3] * 5), (tmp_path / "y.npy", [3, 1, 4, 1, 5])):
        asked(ask, "encode", place, tmp_path / "x.npy", "--label", label, "--out", tmp_path / "z.npy")
        expected = model.encode(x, torch.tensor(y))
        torch.testing.assert_close(torch.from_numpy(np.load(tmp_path / "z.npy")), expected)


REFUSED = [
    (["encode", "x.npy", "--out", "codes.png"], "codes are numbers"),
    (["denoise", "x.npy", "--out", "x.npy"], "write to another file"),
    (["denoise", "x.npy", "--out", "y.jpg"], "y.jpg: draws are written as"),
    (["denoise", "nowhere.npy"], "nowhere.npy: there is no such file"),
    (["denoise", "nowhere.png"], "nowhere.png"),
    (["encode", "wide.npy"], "do not fill shape (1, 8, 8)"),
    (["encode", "far.npy"], "far.npy"),
    (["encode", "gaps.npy"], "NaN"),
    (["decode", "wide.npy"], "do not fill shape (2,)"),
    (["impute", "x.npy"], "no value is missing"),
    (["encode", "x.npy", "--label", "3"], "without labels"),
    (["encode", "x.npy", "--label", "three"], "--label is a number"),
]


@pytest.mark.parametrize(("arguments", "reason"), REFUSED, ids=[" ".join(a) for a, _ in REFUSED])
def test_what_cannot_be_done_is_one_sentence_and_no_file(arguments, reason, runs, x, tmp_path, monkeypatch, ask):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", x.numpy())
    np.save("wide.npy", np.zeros((2, 65)))
    np.save("far.npy", 255 * x.numpy())
    np.save("gaps.npy", np.where(x.numpy() > 0.5, np.nan, x.numpy()))
    before = sorted(tmp_path.iterdir())
    said = ask(arguments[0], runs / "digits-autoencoder", *arguments[1:])
    assert said.code == 2
    assert reason in said.err
    assert said.err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_a_model_that_fills_no_gaps_says_so(x, tmp_path, ask):
    about = {"data": {"shape": [1, 8, 8], "support": "real", "title": "pixels"}}
    save(SparseCoding((1, 8, 8), atoms=5), tmp_path / "m", about=about)
    np.save(tmp_path / "gaps.npy", np.where(x.numpy() > 0.5, np.nan, x.numpy()))
    said = ask("impute", tmp_path / "m", tmp_path / "gaps.npy", "--out", tmp_path / "x.npy")
    assert said.code == 2
    assert "SparseCoding has no 'impute'" in said.err
    assert not (tmp_path / "x.npy").exists()


def test_a_saved_model_without_a_recipe_wants_a_file(tmp_path, ask):
    save(Autoencoder((2,), 1), tmp_path / "m", about={"data": {"shape": [2], "support": "real", "title": "points"}})
    said = ask("encode", tmp_path / "m", "--out", tmp_path / "z.npy")
    assert said.code == 2
    assert "name a FILE of rows" in said.err


def test_the_command_works_in_a_process_of_its_own(runs, x, tmp_path):
    np.save(tmp_path / "x.npy", x.numpy())
    arguments = ["denoise", runs / "digits-autoencoder", tmp_path / "x.npy", "--out", tmp_path / "y.png"]
    done = subprocess.run([sys.executable, "cli.py", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "5 rows, denoised by Autoencoder of" in done.stdout
    assert Image.open(tmp_path / "y.png").text["seed"] == "0"


def test_black_and_white_pictures_are_bits(runs, tmp_path, ask):
    bits = np.random.default_rng(0).integers(0, 2, (8, 8), dtype=np.uint8)
    Image.fromarray(255 * bits).save(tmp_path / "x.png")
    asked(ask, "encode", runs / "digits-vae", tmp_path / "x.png", "--out", tmp_path / "z.npy")
    expected = load(runs / "digits-vae").encode(torch.from_numpy(bits).float().reshape(1, 1, 8, 8))
    torch.testing.assert_close(torch.from_numpy(np.load(tmp_path / "z.npy")), expected)
    np.save(tmp_path / "far.npy", 2.0 * bits)
    assert ask("encode", runs / "digits-vae", tmp_path / "far.npy").code == 2
