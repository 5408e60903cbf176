"""A likelihood and a prior of the user's own, from a recipe to a score, without touching the toolkit."""

import json

import numpy as np
import pytest

PARTS = {
    "Poisson": """\
import pyro.distributions as dist
from torch.nn.functional import softplus
from genlatent import Likelihood
class Poisson(Likelihood):
    support = "count"
    def forward(self, params):
        rate = softplus(params.unflatten(-1, self.event_shape))
        return dist.Poisson(rate).to_event(len(self.event_shape))
""",
    "Bumps": """\
import pyro.distributions as dist
import torch
from genlatent import Prior
class Bumps(Prior):
    def bind(self, event_shape):
        super().bind(event_shape)
        self.loc = torch.nn.Parameter(torch.randn(4, *event_shape))
    def forward(self):
        bumps = dist.Normal(self.loc, 1.0).to_event(1)
        return dist.MixtureSameFamily(dist.Categorical(self.loc.new_ones(4)), bumps)
""",
}
RECIPE = """\
model:
  name: vae
  latent: 2
  likelihood: own_parts:Poisson
  prior: own_parts:Bumps
  encoder: {name: mlp, hidden: [16]}
  decoder: {name: mlp, hidden: [16]}
data: {path: counts.npy}
train: {epochs: 60, batch_size: 20, optimizer: {name: adam, learning_rate: 1e-2}}
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with the user's module, data and recipe, as the user would stand in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_parts.py").write_text("".join(PARTS.values()))
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    np.save("counts.npy", np.random.default_rng(0).poisson([1, 5, 9, 2], (200, 4)).astype("float32"))
    return tmp_path


def test_each_is_at_most_ten_lines():
    assert all(len(text.splitlines()) <= 10 for text in PARTS.values())


def test_they_are_trained_saved_loaded_sampled_and_scored(place, ask):
    assert ask("train", "recipe.yaml", "--out", "run", "--quiet").code == 0
    trust = ("--allow-import", "own_parts")
    refused = ask("sample", "run", "--out", "x.npy")
    assert refused.code == 2
    assert "--allow-import own_parts" in refused.err
    assert ask("sample", "run", "-n", 50, "--out", "x.npy", *trust).code == 0
    draws = np.load("x.npy")
    assert draws.shape == (50, 4)
    assert (draws == draws.round()).all()
    assert draws.mean(0).argmax() == 2
    said = ask("evaluate", "run", "--samples", 20, "--json", *trust)
    assert said.code == 0
    assert said.json["records"]
    config = json.loads(next(place.glob("run/checkpoints/*/config.json")).read_text())
    assert config["model"]["likelihood"]["name"] == "own_parts:Poisson"
    assert config["model"]["prior"]["name"] == "own_parts:Bumps"


MODEL = """\
from genlatent import VAE
from genlatent.networks.mlp import MLP
class Small(VAE):
    def __init__(self, event_shape, width=8):
        super().__init__(event_shape, latent=2, encoder=MLP((width,)), decoder=MLP((width,)))
        self.width = width
"""


def test_a_model_of_ones_own_goes_through_the_same_verbs(tmp_path, monkeypatch, ask):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_model.py").write_text(MODEL)
    (tmp_path / "mine.yaml").write_text(
        "model: {name: 'own_model:Small', width: 6}\ndata: {name: digits, binarise: threshold}\ntrain: {steps: 2}\n"
    )
    assert ask("train", "mine.yaml", "model.width=5", "--out", "run", "--quiet").code == 0
    trust = ("--allow-import", "own_model")
    assert "--allow-import own_model" in ask("score", "run").err
    assert ask("score", "run", "--samples", 2, "--out", "s.csv", *trust).code == 0
    assert ask("traverse", "run", "--steps", 2, "--out", "t.npy", *trust).code == 0
    assert np.load("t.npy").shape == (2, 2, 1, 8, 8)
    assert '"width": 5' in next(tmp_path.glob("run/checkpoints/*/config.json")).read_text()
