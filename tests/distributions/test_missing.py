"""Cells that were not observed."""

import pyro.distributions as dist
import pytest
import torch

from genlatent.distributions.missing import masked, split
from genlatent.errors import RecipeError


def test_each_column_is_filled_inside_its_own_support():
    x = torch.full((2, 4), torch.nan)
    filled, observed = split(x, ("real", "unit", "open-unit", "categorical:3"))
    assert filled.tolist() == [[0.0, 0.5, 0.5, 0.0]] * 2
    assert not observed.any()


def test_cells_that_are_tied_together_cannot_be_masked():
    tied = dist.MultivariateNormal(torch.zeros(2), torch.eye(2))
    with pytest.raises(RecipeError, match="MultivariateNormal ties the cells"):
        masked(tied, torch.tensor([True, False]))


def test_a_cell_of_several_values_is_observed_where_all_of_them_are():
    pixels = dist.OneHotCategorical(torch.ones(2, 3)).to_event(1)
    x = torch.eye(3)[:2]
    observed = torch.ones(2, 3, dtype=torch.bool)
    observed[1, 2] = False
    assert masked(pixels, observed).log_prob(x).item() == pytest.approx(torch.tensor(1 / 3).log().item())
