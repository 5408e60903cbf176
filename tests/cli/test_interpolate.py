"""What lies between rows: on a line, or on an arc."""

import numpy as np
import pytest
import torch

from genlatent import load, load_data
from genlatent.cli.walking import between


def test_the_command_decodes_what_lies_between_test_rows(runs, tmp_path, command):
    command("interpolate", runs / "digits-autoencoder", "0,1", "5", "--steps", 3, "--out", "i.npy")
    model, x = load(runs / "digits-autoencoder"), load_data("digits").test
    a, b = model.encode(x[[0, 1]]), model.encode(x[[5, 5]])
    expected = torch.stack([model.decode(z) for z in (a, (a + b) / 2, b)], 1)
    torch.testing.assert_close(torch.from_numpy(np.load(tmp_path / "i.npy")), expected)


def test_files_stand_at_the_ends_and_gaussian_codes_go_on_an_arc(runs, tmp_path, ask):
    x = load_data("digits", binarise="threshold").test
    np.save(tmp_path / "a.npy", x[:3].numpy())
    asked = ["interpolate", runs / "digits-vae", tmp_path / "a.npy", "7", "--steps", 4, "--json"]
    assert ask(*asked, "--out", tmp_path / "i.npy").json == {
        "run": str(runs / "digits-vae"),
        "out": str(tmp_path / "i.npy"),
        "path": "spherical",
        "shape": [3, 4, 1, 8, 8],
    }
    model = load(runs / "digits-vae")
    z = between(model.encode(x[:3]), model.encode(x[[7, 7, 7]]), 4, spherical=True)
    torch.testing.assert_close(torch.from_numpy(np.load(tmp_path / "i.npy"))[:, 2], model.decode(z[:, 2]))
    assert ask(*asked, "--path", "straight", "--out", tmp_path / "i.png").json["path"] == "straight"
    assert (tmp_path / "i.png").stat().st_size > 1000


def test_an_arc_keeps_the_length_and_the_angle_of_codes():
    a, b = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 3.0]])
    z = between(a, b, 7, spherical=True)[0]
    torch.testing.assert_close(z.norm(dim=1), torch.full((7,), 3.0))
    torch.testing.assert_close(torch.atan2(z[:, 1], z[:, 0]), torch.linspace(0, torch.pi / 2, 7))


def test_an_arc_between_codes_that_point_the_same_way_is_a_line():
    a = torch.tensor([[1.0, 2.0], [0.0, 0.0]])
    torch.testing.assert_close(between(a, 3 * a, 5, spherical=True), between(a, 3 * a, 5, spherical=False))


@pytest.mark.parametrize(
    ("ends", "reason"),
    [
        (["0,1", "2,3,4"], "as many rows in A as in B are wanted, or one, got 2 and 3"),
        (["0", "250"], "no test row 250 among 250"),
        (["0", "nowhere.npy"], "nowhere.npy"),
        (["0", "1", "--path", "curved"], "--path is one of auto, straight, spherical"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_no_file(ends, reason, runs, tmp_path, monkeypatch, ask):
    monkeypatch.chdir(tmp_path)
    said = ask("interpolate", runs / "digits-vae", *ends)
    assert said.code == 2
    assert reason in said.err
    assert list(tmp_path.iterdir()) == []
