"""Reconstruction losses: their values, their gaps, and that they are no likelihoods."""

import pytest
import torch

from genlatent import components, registry
from genlatent.distributions.likelihoods import Bernoulli
from genlatent.distributions.reconstructions import CrossEntropy, SquaredError
from genlatent.errors import DataError


@pytest.fixture(params=list(registry.KINDS["reconstruction"]))
def loss(request):
    return components.build(request.param, "reconstruction")


def test_contract(loss):
    loss.bind([2, 3])
    params = torch.randn(5, 4, loss.num_params(torch.Size([2, 3])), requires_grad=True)
    x = torch.rand(4, 2, 3)
    assert loss.mean(params).shape == (5, 4, 2, 3)
    assert loss.loss(params, x).shape == (5, 4)
    loss.loss(params, x).sum().backward()
    assert (params.grad != 0).all()
    assert loss.unit != "nats"


def test_least_where_the_reconstruction_is_the_data(loss):
    loss.bind([3])
    x = torch.tensor([[0.2, 0.5, 0.7]])
    best = loss.params_at(x[0])[None]
    torch.testing.assert_close(loss.mean(best), x)
    assert (loss.loss(best, x) < loss.loss(best + 0.1, x)).all()
    assert (loss.loss(best, x) < loss.loss(best - 0.1, x)).all()


def test_missing_cells_are_left_out(loss):
    loss.bind([3])
    params, x = torch.randn(2, 3), torch.rand(2, 3)
    observed = torch.tensor([[True, False, True], [False, False, False]])
    by_cell = loss.cells(params, x)
    torch.testing.assert_close(loss.loss(params, x, observed), (by_cell * observed).sum(-1))


def test_cross_entropy_on_bits_is_bernoulli():
    params, x = torch.randn(6, 4), (torch.rand(6, 4) < 0.5).float()
    torch.testing.assert_close(CrossEntropy([4]).loss(params, x), Bernoulli([4]).loss(params, x))


def test_squared_error_is_summed_over_cells():
    assert SquaredError([2]).loss(torch.zeros(2), torch.tensor([1.0, 2.0])).item() == 5.0


def test_cross_entropy_refuses_values_beyond_one():
    with pytest.raises(DataError, match=r"CrossEntropy: 1\.5 in row 0, column 1"):
        CrossEntropy([2]).check(torch.tensor([[0.0, 1.5]]))
