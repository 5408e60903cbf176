"""The parts of the divergence against numerical integration of a mixture, and their estimates from batches."""

import math

import pyro.distributions as dist
import pytest
import torch

from genlatent.latent.vae import VAE
from genlatent.networks.mlp import MLP
from genlatent.objectives.aggregate import log_densities, log_shares, parts
from genlatent.objectives.base import Batch
from genlatent.objectives.collapse import summary
from genlatent.objectives.decomposed import DecomposedELBO
from genlatent.objectives.elbo import ELBO
from genlatent.objectives.pyro_terms import terms

LOCS = torch.tensor([[-1.5, -1.0], [0.2, 0.1], [1.6, 1.4], [1.0, -0.5]], dtype=torch.float64)
SCALES = torch.tensor([[0.3, 0.5], [0.4, 0.3], [0.6, 0.4], [0.5, 0.5]], dtype=torch.float64)
PRIOR = torch.distributions.Normal(0.0, 1.0)


def exact_parts(device):
    """Mutual information, total correlation and dimension-wise divergence of four rows, on a fine grid."""
    axis = torch.linspace(-6, 6, 801, dtype=torch.float64, device=device)
    cell = float(axis[1] - axis[0])
    rows = torch.distributions.Normal(LOCS.to(device)[:, :, None], SCALES.to(device)[:, :, None])
    single = rows.log_prob(axis)  # row, dimension, point
    rows = (single[:, 0, :, None] + single[:, 1, None, :]).exp()
    joint, marginals = rows.mean(0), single.exp().mean(0)
    product = marginals[0][:, None] * marginals[1]
    mutual = (rows * (rows.log() - joint.log()).nan_to_num()).sum((1, 2)).mean() * cell**2
    correlation = (joint * (joint / product).log()).sum() * cell**2
    apart = sum((m * (m.log() - PRIOR.log_prob(axis))).sum() * cell for m in marginals)
    return float(mutual), float(correlation), float(apart)


def draws(device, rows, count, generator_seed=0):
    torch.manual_seed(generator_seed)
    q = dist.Normal(LOCS.to(device)[rows], SCALES.to(device)[rows]).to_event(1)
    return [(q, q.sample()) for _ in range(count)]


def test_whole_data_give_the_exact_parts(device):
    everything = torch.arange(4, device=device)
    shares = log_shares(4, 4, True, LOCS.to(device))
    torch.testing.assert_close(shares, torch.full((4, 4), -math.log(4), dtype=torch.float64, device=device))
    found = torch.stack(
        [
            torch.stack(parts(log_densities(q, z), shares, PRIOR.log_prob(z).sum(-1)))
            for q, z in draws(device, everything, 2000)
        ]
    )
    error = found.mean(-1).std(0) / len(found) ** 0.5
    assert ((found.mean((0, 2)) - torch.tensor(exact_parts(device), device=device).double()).abs() < 4.5 * error).all()


def test_parts_sum_to_the_divergence(device):
    rows = torch.distributions.Normal(LOCS.to(device), SCALES.to(device))
    kl = torch.distributions.kl_divergence(rows, PRIOR).sum(-1).mean()
    assert sum(exact_parts(device)) == pytest.approx(float(kl), abs=1e-6)
    for stratified in (True, False):
        ((q, z),) = draws(device, torch.arange(4, device=device), 1)
        log_prior = PRIOR.log_prob(z).sum(-1)
        found = parts(log_densities(q, z), log_shares(4, 60, stratified, LOCS.to(device)), log_prior)
        torch.testing.assert_close(sum(found), q.log_prob(z) - log_prior)


def test_stratified_density_is_unbiased(device):
    """Over all batches of two rows out of four, the estimated q(z) of the first one's draw has the exact mean."""
    z = LOCS.to(device)[:1] + 0.4
    exact = dist.Normal(LOCS.to(device), SCALES.to(device)).to_event(1).log_prob(z).exp().mean()
    shares = log_shares(2, 4, True, LOCS.to(device))
    found = []
    for other in (1, 2, 3):
        q = dist.Normal(LOCS.to(device)[[0, other]], SCALES.to(device)[[0, other]]).to_event(1)
        found.append((log_densities(q, z)[0].sum(-1) + shares[0]).exp().sum())
    torch.testing.assert_close(torch.stack(found).mean(), exact)


def test_weighted_shares_are_those_of_the_paper(device):
    torch.testing.assert_close(
        log_shares(3, 50, False, LOCS.to(device)), torch.full((3, 3), -math.log(150), device=device).double()
    )


def test_a_single_row_stands_for_itself(device):
    assert log_shares(1, 1, True, LOCS.to(device)).exp().item() == 1.0


@pytest.fixture
def vae(device):
    return VAE((6,), 3, encoder=MLP((8,)), decoder=MLP((8,))).to(device)


@pytest.fixture
def x(device):
    return (torch.rand(32, 6, device=device) < 0.4).float()


def test_weights_of_one_give_the_plain_bound(vae, x):
    torch.manual_seed(1)
    found = DecomposedELBO(1.0, 1.0, 1.0)(vae, Batch(x, num_rows=500), {})
    torch.manual_seed(1)
    plain = ELBO(analytic=False)(vae, Batch(x), {})
    torch.testing.assert_close(found.value, plain.value)
    for a, b in zip(*(torch.autograd.grad(loss.value, list(vae.parameters())) for loss in (found, plain))):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_weights_reach_their_parts(vae, x):
    values = {}
    for weights in ((1.0, 1.0, 1.0), (2.0, 1.0, 1.0), (1.0, 2.0, 1.0), (1.0, 1.0, 2.0)):
        torch.manual_seed(1)
        loss = DecomposedELBO(*weights)(vae, Batch(x, num_rows=500), {})
        values[weights] = float(loss.value.detach())
    base = values.pop((1.0, 1.0, 1.0))
    names = ("mutual_information", "total_correlation", "dimension_wise")
    for value, name in zip(values.values(), names):
        assert value - base == pytest.approx(float(loss.metrics[name]), abs=1e-4)


def test_summary_agrees_with_the_decomposition_on_the_whole_data(vae, x):
    with torch.no_grad():
        found = [summary(vae, x) for _ in range(60)]
        expected = [DecomposedELBO().divide(terms(vae, x), len(x)) for _ in range(60)]
    for name in ("mutual_information", "total_correlation"):
        a = torch.stack([one[name] for one in found])
        b = torch.stack([getattr(one, name).mean() for one in expected])
        assert abs(a.mean() - b.mean()) < 4.5 * ((a.var() + b.var()) / 60) ** 0.5 + 1e-6


@pytest.mark.parametrize(
    ("args", "message"),
    [({"alpha": -1.0}, "must not be negative"), ({"sampling": "all"}, "'stratified' or 'weighted'")],
)
def test_impossible_arguments(args, message):
    with pytest.raises(ValueError, match=message):
        DecomposedELBO(**args)
