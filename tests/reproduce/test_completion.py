import math

import pytest
import torch

from genlatent import fit, load_data
from genlatent.components import build, describe
from genlatent.data.dataset import Dataset
from genlatent.errors import DataError
from genlatent.networks.conditions import Quadrants
from genlatent.networks.mlp import MLP
from genlatent.reproduce.completion import PlainCompletion
from genlatent.training.optimizer import Optimizer

SHAPE = torch.Size([1, 2, 2])
PAIRS = torch.tensor([[0, 0, 0, 0], [0, 1, 0, 1], [1, 0, 0, 0], [1, 1, 1, 1]], dtype=torch.float32)


def images(rows):
    return rows.reshape(-1, *SHAPE)


def by_hand(net, x):
    """Right column given the left one, cell by cell."""
    left, right = x[:, 0, :, 0], x[:, 0, :, 1]
    p = torch.sigmoid(net.network(left).reshape(-1, 2, 2)[:, :, 1])
    return (right * p.log() + (1 - right) * (1 - p).log()).sum(1)


def test_the_likelihood_is_that_of_the_unseen_cells_alone():
    net, x = PlainCompletion(SHAPE, Quadrants(2), network=MLP((5,))), images(PAIRS)
    with torch.no_grad():
        assert torch.allclose(net.score(x), by_hand(net, x), atol=1e-6)


def test_what_it_predicts_changes_no_prediction():
    net, x = PlainCompletion(SHAPE, Quadrants(2)), images(PAIRS[2:3])
    total = torch.stack([net.score(image).exp() for image in every_right(x)]).sum()
    assert math.isclose(float(total), 1.0, abs_tol=1e-5)


def every_right(x):
    for above in (0, 1):
        for below in (0, 1):
            image = x.clone()
            image[..., 0, 1], image[..., 1, 1] = above, below
            yield image


def test_it_learns_what_the_seen_cells_tell():
    rows = images(PAIRS.repeat(50, 1))
    data = Dataset(rows, rows, rows, SHAPE, "binary", "four")
    net = PlainCompletion(SHAPE, Quadrants(2), network=MLP((16,)))
    fit(net, data, steps=300, batch_size=200, optimizer=Optimizer(learning_rate=0.02), mode="traced")
    # above left 0, below left 0: both right cells are equal and fair, so a network without a code needs 2 ln 2 there
    assert float(-net.score(images(PAIRS)).mean()) == pytest.approx(math.log(2), abs=0.05)


def test_it_is_rebuilt_from_plain_values():
    net = PlainCompletion(SHAPE, Quadrants(1), network=MLP((3,)))
    again = build(describe(net), "model")
    again.load_state_dict(net.state_dict())
    assert torch.equal(again.score(images(PAIRS)), net.score(images(PAIRS)))


def test_grey_cells_are_refused_under_bits():
    with pytest.raises(DataError, match="Bernoulli"):
        PlainCompletion((1, 8, 8), Quadrants(1)).score(load_data("digits").test)
