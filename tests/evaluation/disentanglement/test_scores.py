"""Every score on a code built to score 1, on one built to score 0, and on one whose score is known."""

import itertools
import math

import pytest
import torch
from torch.distributions import Independent, Normal

from genlatent import VAE
from genlatent.distributions.likelihoods import Gaussian
from genlatent.errors import DataError
from genlatent.evaluation.disentanglement import gaps, importance, information, interventions
from genlatent.evaluation.disentanglement.scores import disentanglement, scores

LEVELS = (3, 4, 5)


@pytest.fixture(scope="module")
def factors():
    """Every combination of levels equally often, in random order."""
    grid = torch.tensor(list(itertools.product(*(range(n) for n in LEVELS)))).repeat(40, 1)
    return grid[torch.randperm(len(grid), generator=torch.Generator().manual_seed(1))]


@pytest.fixture(scope="module")
def perfect(factors):
    """One dimension for each factor, of any scale and sign."""
    return factors.float() * torch.tensor([1.0, -3.0, 0.2]) + 1


@pytest.fixture(scope="module")
def noise(factors):
    return torch.randn(len(factors), 3, generator=torch.Generator().manual_seed(2))


@pytest.fixture(scope="module")
def rotated(factors):
    """Every dimension holds all factors equally."""
    z = (factors - factors.float().mean(0)) / factors.float().std(0)
    turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(3))).Q
    return z @ turn


def test_perfect_code(factors, perfect):
    found = information.binned_information(perfect, factors)
    assert gaps.mutual_information_gap(found) == pytest.approx([1.0] * 3, abs=1e-6)
    assert found.entropy == pytest.approx([math.log(n) for n in LEVELS], abs=1e-9)
    assert gaps.modularity(found) == pytest.approx(1.0, abs=1e-6)
    assert gaps.attribute_gap(perfect, factors) == pytest.approx([1.0] * 3, abs=1e-6)
    assert gaps.total_correlation(perfect) == pytest.approx(0.0, abs=1e-6)
    assert interventions.factor_vae_score(perfect, factors).share == 1
    assert interventions.beta_vae_score(perfect, factors).share == 1
    assert min(importance.dci(perfect, factors)) > 0.99


def test_code_that_knows_nothing(factors, noise):
    found = information.binned_information(noise, factors)
    assert float(gaps.mutual_information_gap(found).max()) < 0.01
    assert float(gaps.attribute_gap(noise, factors).max()) < 0.01
    for score in (interventions.factor_vae_score, interventions.beta_vae_score):
        assert score(noise, factors).share < 0.45, "chance is one third"
    found = importance.dci(noise, factors)
    assert found.disentanglement < 0.05
    assert found.informativeness < 0.35


def test_rotated_code_informs_without_disentangling(factors, rotated):
    found = information.binned_information(rotated, factors)
    assert float(gaps.mutual_information_gap(found).mean()) < 0.2
    dci = importance.dci(rotated, factors)
    assert dci.informativeness > 0.9
    assert dci.disentanglement < 0.5


def test_a_factor_held_twice_has_no_gap(factors, perfect):
    twice = torch.cat((perfect, perfect[:, 2:]), dim=1)
    found = information.binned_information(twice, factors)
    assert gaps.mutual_information_gap(found) == pytest.approx([1, 1, 0], abs=1e-6)
    assert gaps.attribute_gap(twice, factors) == pytest.approx([1, 1, 0], abs=1e-6)
    assert gaps.modularity(found) == pytest.approx(1.0, abs=1e-6)


def test_a_dimension_that_holds_two_factors_is_not_modular(factors, perfect):
    both = (factors[:, 0] * LEVELS[1] + factors[:, 1]).float()
    found = information.binned_information(torch.stack((both, perfect[:, 2]), dim=1), factors)
    expected = (1 - (math.log(3) / math.log(4)) ** 2 / 2 + 1) / 2
    assert gaps.modularity(found) == pytest.approx(expected, abs=1e-6)


def test_mutual_information_of_a_noisy_copy():
    """A bit that is flipped with probability 1/4: log 2 minus the entropy of the flip."""
    v = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1])[:, None]
    z = torch.tensor([0.0, 0, 0, 1, 1, 1, 1, 0])[:, None]
    flip = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    found = information.binned_information(z, v)
    assert found.mutual.item() == pytest.approx(math.log(2) - flip, abs=1e-12)


def test_posterior_information_of_narrow_and_of_wide_posteriors(factors, perfect):
    narrow = information.posterior_information(perfect, torch.full_like(perfect, 1e-3), factors)
    assert narrow.mutual.diag() == pytest.approx(narrow.entropy, abs=1e-6)
    wide = information.posterior_information(torch.zeros_like(perfect), torch.ones_like(perfect), factors)
    assert float(wide.mutual.max()) < 1e-9


def test_posterior_information_of_two_overlapping_normals():
    """Two levels at -1 and 1 with unit noise: h(mixture) - h(normal), by quadrature."""
    factors = torch.arange(2).repeat(2000)[:, None]
    loc = 2.0 * factors - 1
    found = information.posterior_information(loc, torch.ones_like(loc), factors).mutual.item()
    z = torch.linspace(-12, 12, 20001, dtype=torch.float64)
    p = sum(torch.exp(-((z - m) ** 2) / 2) / math.sqrt(2 * math.pi) / 2 for m in (-1, 1))
    exact = float(torch.trapezoid(torch.special.entr(p), z)) - math.log(2 * math.pi * math.e) / 2
    assert abs(found - exact) < 5 * 0.6 / math.sqrt(4000), "the log-ratio of one draw has a deviation below 0.6"


def test_total_correlation_of_two_correlated_dimensions():
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(1000, 2, generator=generator, dtype=torch.float64)
    z = torch.linalg.qr(z - z.mean(0)).Q  # uncorrelated to rounding
    z[:, 1] = 0.6 * z[:, 0] + 0.8 * z[:, 1]
    assert gaps.total_correlation(z).item() == pytest.approx(-math.log(1 - 0.36) / 2, abs=1e-9)
    still = torch.cat((z, torch.ones(1000, 1)), dim=1)
    assert gaps.total_correlation(still).item() == pytest.approx(-math.log(1 - 0.36) / 2, abs=1e-9)


def test_unused_dimensions_get_no_votes(factors, perfect):
    idle = 1e-4 * torch.randn(len(perfect), 5, generator=torch.Generator().manual_seed(0))
    assert interventions.factor_vae_score(torch.cat((perfect, idle), 1), factors).share == 1


def test_records_name_every_score(factors, perfect):
    found = {record.metric: record for record in scores(perfect, factors)}
    assert found["MIG"].interval is not None
    low, high = found["MIG"].interval
    assert low <= found["MIG"].value <= high
    assert set(found) == {
        *("MIG", "FactorVAE score", "beta-VAE score", "SAP", "modularity", "total correlation"),
        *(f"DCI {part}" for part in ("disentanglement", "completeness", "informativeness")),
    }


def test_a_model_is_judged_by_its_codes(factors):
    class Copies:
        def encode(self, x):
            return x.float()

    found = {record.metric: record.value for record in disentanglement(Copies(), factors, factors)}
    assert found["MIG"] == pytest.approx(1.0, abs=1e-6)


def test_a_faint_copy_in_a_mean_that_noise_covers_is_no_message(factors):
    class Guide(VAE):
        def infer(self, x):
            loc = torch.cat([x, 0.01 * x], 1)
            return Independent(Normal(loc, torch.tensor([1e-6] * 3 + [1.0] * 3)), 1)

    model = Guide(3, 6, likelihood=Gaussian())
    found = {record.metric: record.value for record in disentanglement(model, factors.float(), factors)}
    means = torch.cat([factors, 0.01 * factors], 1)
    assert found["MIG"] > 0.85
    assert float(gaps.mutual_information_gap(information.binned_information(means, factors)).max()) < 1e-6


@pytest.mark.parametrize(
    ("codes", "levels", "said"),
    [
        (torch.zeros(3, 2), torch.zeros(3, 1, dtype=torch.int64), "never changes"),
        (torch.zeros(3, 2), torch.tensor([[0], [1]]), "same rows"),
        (torch.full((2, 1), math.nan), torch.tensor([[0], [1]]), "not finite"),
    ],
)
def test_bad_input_is_refused(codes, levels, said):
    with pytest.raises(DataError, match=said):
        information.binned_information(codes, levels)
