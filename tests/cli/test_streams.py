"""`-` in the place of a file."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from genlatent import load, load_data


@pytest.fixture
def x():
    return load_data("digits").test[:3]


def as_bytes(values):
    place = io.BytesIO()
    np.save(place, values)
    return place.getvalue()


def test_arrays_go_in_and_out_by_standard_streams(runs, x, command):
    said = command("encode", runs / "digits-autoencoder", "-", "--out", "-", stdin=as_bytes(x.numpy()))
    found = np.load(io.BytesIO(said.stdout))
    torch.testing.assert_close(torch.from_numpy(found), load(runs / "digits-autoencoder").encode(x))
    assert b"3 rows, codes by Autoencoder" in said.stderr


def test_tables_go_in_and_the_ending_says_what_comes_out(runs, x, command, tmp_path):
    text = "\n".join(",".join(f"{value:.9g}" for value in row.flatten().tolist()) for row in x)
    said = command("reconstruct", runs / "digits-autoencoder", "-", "--out", "-.png", stdin=text.encode())
    assert Image.open(io.BytesIO(said.stdout)).text["seed"] == "0"
    said = command("reconstruct", runs / "digits-autoencoder", "-", "--out", "-", stdin=text.encode())
    assert len(said.stdout.decode().splitlines()) == 4
    assert list(tmp_path.iterdir()) == []


def test_draws_and_scores_go_to_standard_output(runs, command):
    said = command("sample", runs / "digits-rbm", "-n", 2, "--seed", 1, "--out", "-")
    assert np.load(io.BytesIO(said.stdout)).shape == (2, 1, 8, 8)
    said = command("score", runs / "digits-rbm", "-", "--out", "-", "--quiet", stdin=said.stdout)
    assert said.stdout.decode().splitlines()[0] == "row,energy"
    assert said.stderr == b""


def test_rows_and_json_do_not_share_standard_output(runs, ask):
    said = ask("sample", runs / "digits-rbm", "--out", "-", "--json")
    assert said.code == 2
    assert "cannot hold JSON" in said.err
