"""An RBM learns a small set of images whole, and completes halves of them as its exact conditional says."""

import pytest
import torch
from scipy.stats import chisquare

from genlatent import fit, load_data
from genlatent.data.patterns import bits_of
from genlatent.recipes import assembly
from genlatent.recipes.reading import read

HALF = 8  # bits
CHAINS, STEPS = 4000, 300


@pytest.fixture(scope="module")
def data():
    return load_data("bars-and-stripes")


@pytest.fixture(scope="module")
def learned(data):
    recipe = read("bars-and-stripes-rbm")
    torch.manual_seed(0)
    model = assembly.model(recipe, data)
    fit(model, data, objective=assembly.objective(recipe), **assembly.training(recipe))
    return model


def divergence(model, data):
    """KL(data || model), exact."""
    p = 1 / len(data.train)
    return float(-torch.log(torch.tensor(len(data.train))) - model.log_prob(data.train).detach().sum() * p)


def exact_completions(model, half):
    """Every lower half with its probability given the upper one."""
    lower = bits_of(16 - HALF)
    log_p = model.log_prob(torch.cat((half.expand(len(lower), -1), lower), 1)).detach()
    return (log_p - log_p.logsumexp(0)).exp()


@pytest.mark.slow
def test_the_divergence_is_below_a_tenth_of_a_nat(learned, data):
    assert divergence(learned, data) < 0.1


@pytest.mark.slow
def test_halves_are_completed_within_the_set_and_as_often_as_they_should_be(learned, data):
    known = {tuple(row) for row in data.train.flatten(1).long().tolist()}
    number = 2 ** torch.arange(16 - HALF - 1, -1, -1)
    for half in data.train.flatten(1)[:, :HALF].unique(dim=0):
        given = torch.cat((half, torch.full((16 - HALF,), torch.nan)))
        generator = torch.Generator().manual_seed(3)
        x = learned.sample(CHAINS, given={"x": given}, steps=STEPS, generator=generator).flatten(1)
        inside = sum(tuple(row) in known for row in x.long().tolist()) / CHAINS
        assert inside >= 0.95, half
        exact = exact_completions(learned, half)
        seen = torch.bincount((x[:, HALF:].long() * number).sum(1), minlength=len(exact)).double()
        often = exact * CHAINS >= 5  # rarer ones are counted together
        table = [torch.cat((part[often], part[~often].sum()[None])) for part in (seen, exact.double() * CHAINS)]
        assert chisquare(*table, sum_check=False).pvalue > 1e-6, half
