"""A look at the model at each checkpoint, and at how its chains mix."""

import csv

import numpy as np
import pytest
import torch
from PIL import Image

from genlatent import VAE, Autoencoder, fit, load_data
from genlatent.cli.previews import Previews
from genlatent.cli.terminal import Terminal
from genlatent.networks.mlp import MLP


def train(run, *beside, model=None, data=None, **how):
    data = load_data("digits", binarise="threshold") if data is None else data
    torch.manual_seed(0)
    model = model or VAE(data.shape, latent=2, encoder=MLP((8,)), decoder=MLP((8,)))
    fit(model, data, steps=6, batch_size=100, mode="eager", run=run, callbacks=beside, **how)
    return model


@pytest.mark.parametrize("name", ["digits-vae", "digits-rbm", "digits-autoencoder"])
def test_a_run_ends_with_a_preview_of_its_model(name, runs):
    (place,) = (runs / name / "previews").iterdir()
    assert place.name == "0000003.png"
    with Image.open(place) as picture:
        assert picture.text["step"] == "3"
        assert np.asarray(picture.convert("L")).std() > 10


def test_none_is_written_where_none_is_wished(tmp_path, ask):
    said = ask("train", "digits-rbm", "train.steps=2", "--no-previews", "--out", tmp_path / "run")
    assert said.code == 0
    assert not (tmp_path / "run" / "previews").exists()


def test_the_chains_of_a_machine_are_diagnosed(tmp_path, ask):
    said = ask("train", "digits-rbm", "train.steps=2", "model.hidden=5", "--out", tmp_path / "run")
    (line,) = (line for line in said.out.splitlines() if line.startswith("step 2:"))
    assert "previews/0000002.png · chains: ESS " in line
    assert "of 6,400 draws, R-hat " in line


def test_a_preview_changes_nothing_that_is_learned(tmp_path):
    watched = train(tmp_path / "a", Previews(tmp_path / "a", Terminal(quiet=True)), checkpoint_steps=2)
    alone = train(tmp_path / "b", checkpoint_steps=2)
    assert len(list((tmp_path / "a" / "previews").iterdir())) >= 1
    for name, value in alone.state_dict().items():
        assert torch.equal(watched.state_dict()[name], value), name


def test_previews_of_steps_that_are_taken_again_are_forgotten(tmp_path):
    folder = tmp_path / "run" / "previews"
    folder.mkdir(parents=True)
    for step in (0, 5, 900):
        (folder / f"{step:07}.png").write_text("old")
    (folder / "mine.png").write_text("kept")

    previews = Previews(tmp_path / "run", Terminal(quiet=True))
    trainer = type("At", (), {"step": 5})()
    previews.begin(trainer)
    assert {path.name for path in folder.iterdir()} == {"0000000.png", "0000005.png", "mine.png"}


def test_a_model_that_cannot_draw_shows_rows_beside_their_reconstructions(tmp_path):
    from genlatent.cli.previews import shown

    data = load_data("digits")
    model = Autoencoder(data.shape, 2, encoder=MLP((8,)), decoder=MLP((8,)))
    trainer = type("At", (), {"model": model, "data": data, "state": {}})()
    rows = shown(trainer, torch.Generator())
    assert torch.equal(rows[::2], data.valid[:32])
    torch.testing.assert_close(rows[1::2], model.reconstruct(data.valid[:32]))


def test_a_tables_preview_is_a_table(tmp_path, ask):
    drawn = np.random.default_rng(0)
    lines = [f"{age},{colour}" for age, colour in zip(drawn.integers(20, 60, 40), drawn.choice(["a", "b"], 40))]
    (tmp_path / "t.csv").write_text("\n".join(["age,colour", *lines]))
    said = ask("train", "my-table", f"data.path={tmp_path / 't.csv'}", "train.epochs=1", "--out", tmp_path / "run")
    assert said.code == 0, said.err
    (place,) = (tmp_path / "run" / "previews").glob("*.csv")
    rows = list(csv.DictReader(place.read_text().splitlines()))
    assert {row["colour"] for row in rows} <= {"a", "b"}
    assert len(rows) == 64
