"""A small reproduction of two parts, defined as those that ship are."""

import pytest

SMALL = """
describe: Two small models of 4x4 bars and stripes.
conditions: The 30 images.
selection: The learning rate is chosen here.
parts:
- title: a machine
  recipe: bars-and-stripes-rbm
  changes: [model.hidden=4, objective.chains=10, objective.steps=1, train.steps=4, train.batch_size=10,
    train.mode=traced]
  choose:
    among: [[train.optimizer.learning_rate=0.001], [train.optimizer.learning_rate=0.3]]
    changes: [train.steps=2]
    judge: {name: two-sided, runs: 10, steps: 5, agree: 100}
  final: [train.average=0.5]
  seeds: [3, 5]
  judge: {name: two-sided, runs: 10, steps: 5, agree: 100}
  published: [{value: -7.5, source: A paper (2001), tag: Q}]
  goals: [{value: -1000, minutes: 1000}, {value: 0}]
- title: an autoencoder with codes
  recipe: digits-vae
  changes: [data.name=bars-and-stripes, data.binarise=none, model.latent=2, "model.encoder.hidden=[8]",
    "model.decoder.hidden=[8]", train.steps=3, train.batch_size=10, train.mode=traced]
  seeds: [0]
  judge: {name: importance, samples: 20, also: [5], rows: 16}
  goals: [{value: 1000, measure: 5 draws}]
"""


@pytest.fixture
def small(tmp_path):
    """The file that defines it."""
    place = tmp_path / "small.yaml"
    place.write_text(SMALL)
    return place
