import pytest
import torch

from genlatent.distributions.likelihoods.matching import MATCHING, matching
from genlatent.distributions.supports import check, names
from genlatent.errors import RecipeError


@pytest.mark.parametrize("kind", [*MATCHING, "categorical:1", "categorical:5"])
def test_each_kind_gets_a_likelihood_that_covers_it(kind):
    likelihood = matching((kind, "real"), (2,))
    likelihood.bind([2])
    torch.manual_seed(0)
    draws = likelihood(torch.randn(200, likelihood.num_params(torch.Size([2])))).sample()
    check(draws, likelihood.support)
    assert names(likelihood.support)[0] in (kind, "categorical:2")


def test_the_density_is_the_product_of_the_columns_densities():
    likelihood = matching(("binary", "count", "binary", "categorical:3"), (4,))
    likelihood.bind([4])
    params = torch.randn(1, likelihood.num_params(torch.Size([4])), dtype=torch.float64)
    cells = torch.cartesian_prod(torch.arange(2.0), torch.arange(80.0), torch.arange(2.0), torch.arange(3.0)).double()
    total = likelihood(params.expand(len(cells), -1)).log_prob(cells).exp().sum()
    assert abs(float(total) - 1) < 1e-6


def test_one_support_stands_for_all_columns():
    assert matching("real", (3,)).columns == ((0, 1, 2),)


@pytest.mark.parametrize(
    ("support", "sentence"),
    [
        (("real", "categorical"), r"chosen for categorical \(column 1\); say how many classes, categorical:K"),
        (("spin", "real"), r"chosen for spin \(column 0\); name likelihoods and columns"),
    ],
)
def test_what_has_no_likelihood_is_refused(support, sentence):
    with pytest.raises(RecipeError, match=sentence):
        matching(support, (2,))
