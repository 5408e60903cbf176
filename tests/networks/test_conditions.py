"""Conditions as numbers, and first layers that take them."""

import pytest
import torch
from torch import nn

from genlatent.errors import DataError, RecipeError
from genlatent.networks.base import Network
from genlatent.networks.conditions import Labels, Quadrants, Values, quadrants
from genlatent.networks.mlp import MLP


@pytest.mark.parametrize("classes", [4, (2, 3)])
def test_a_row_of_weights_is_the_product_with_ones(classes):
    condition = Labels(classes)
    term = condition.term(MLP((7,), inputs=3, outputs=2))
    y = torch.stack([torch.arange(6) % n for n in condition.counts], -1).squeeze(-1)
    torch.testing.assert_close(term(y), condition.features(y) @ term.weight)


@pytest.mark.parametrize(("shape", "cells"), [((1, 28, 28), (196, 392, 588)), ((3, 5, 7), (27, 45, 81))])
def test_quadrants_of_any_image(shape, cells):
    assert tuple(int(quadrants(shape, n).sum()) for n in (1, 2, 3)) == cells


def test_quadrants_stand_where_they_should():
    assert quadrants((1, 2, 2), 1).int().tolist() == [[[0, 0], [1, 0]]]
    assert quadrants((1, 2, 2), 2).int().tolist() == [[[1, 0], [1, 0]]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Labels(1), "classes must be at least 2"),
        (lambda: Labels(()), "classes must be at least 2"),
        (lambda: Values(0), "shape must be at least 1"),
        (lambda: Quadrants(4), "observed must be 1, 2 or 3"),
        (lambda: Quadrants(1).bind(torch.Size([64])), "quadrants are of images"),
    ],
)
def test_bad_arguments_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_values_of_another_size_or_not_finite_are_refused():
    with pytest.raises(DataError, match="these have shape"):
        Values(3).of(None, torch.zeros(2, 4))
    with pytest.raises(DataError, match="finite"):
        Values(1).check(torch.tensor([[torch.nan]]))


def test_a_network_without_a_first_layer_to_split_is_refused():
    class Strange(Network):
        layers = nn.Sequential(nn.ReLU())

    with pytest.raises(RecipeError, match="first layer of Strange cannot be told a condition"):
        Labels(3).term(Strange())
