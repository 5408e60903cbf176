"""An RBM learns a small set of images whole, and completes halves of them as its exact conditional says."""

import time

import pytest
import torch
from scipy.stats import chisquare

from genlatent import fit, load_data
from genlatent.data.patterns import bits_of
from genlatent.recipes import assembly
from genlatent.recipes.reading import read

CHAINS, STEPS = 1500, 300
BITS = torch.arange(16).reshape(4, 4)
GIVEN = {"upper": BITS[:2], "lower": BITS[2:], "left": BITS[:, :2], "right": BITS[:, 2:]}
MINUTE = 60.0  # seconds on one core


@pytest.fixture(scope="module")
def data():
    return load_data("bars-and-stripes")


@pytest.fixture(scope="module")
def training(data):
    """The machine, and the seconds of a core that its training took."""
    recipe = read("bars-and-stripes-rbm")
    torch.manual_seed(0)
    model = assembly.model(recipe, data)
    begun = time.process_time()
    fit(model, data, objective=assembly.objective(recipe), **assembly.training(recipe))
    return model, time.process_time() - begun


@pytest.fixture(scope="module")
def learned(training):
    return training[0]


def divergence(model, data):
    """KL(data || model), exact."""
    p = 1 / len(data.train)
    return float(-torch.log(torch.tensor(len(data.train))) - model.log_prob(data.train).detach().sum() * p)


def exact_completions(model, known, half):
    """Every other half with its probability given this one."""
    other = bits_of(8)
    x = half.expand(len(other), -1).new_zeros(len(other), 16)
    x[:, known], x[:, rest(known)] = half, other
    log_p = model.log_prob(x).detach()
    return (log_p - log_p.logsumexp(0)).exp()


def rest(known):
    return torch.tensor([bit for bit in range(16) if bit not in known.tolist()])


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_divergence_is_below_a_tenth_of_a_nat_in_less_than_a_minute(training, data):
    model, seconds = training
    assert divergence(model, data) < 0.1
    assert seconds < MINUTE


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", GIVEN)
def test_halves_are_completed_within_the_set_and_as_often_as_they_should_be(part, learned, data):
    known = GIVEN[part].flatten()
    patterns = {tuple(row) for row in data.train.flatten(1).long().tolist()}
    halves = data.train.flatten(1)[:, known].unique(dim=0)
    given = torch.full((len(halves), 16), torch.nan)
    given[:, known] = halves
    generator = torch.Generator().manual_seed(3)
    told = given.repeat_interleave(CHAINS, 0)
    drawn = learned.sample(len(told), given={"x": told}, steps=STEPS, generator=generator).flatten(1)
    number = 2 ** torch.arange(7, -1, -1)
    for half, x in zip(halves, drawn.split(CHAINS)):
        inside = sum(tuple(row) in patterns for row in x.long().tolist()) / CHAINS
        assert inside >= 0.95, half
        exact = exact_completions(learned, known, half)
        seen = torch.bincount((x[:, rest(known)].long() * number).sum(1), minlength=len(exact)).double()
        often = exact * CHAINS >= 5  # rarer ones are counted together
        table = [torch.cat((part[often], part[~often].sum()[None])) for part in (seen, exact.double() * CHAINS)]
        assert chisquare(*table, sum_check=False).pvalue > 1e-6, half
