"""The VQ-VAE: its bound and prior by enumeration, its verbs, its refusals, and what its prior draws."""

import math

import pytest
import torch
from scipy.stats import chi2
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from genlatent import components, fit, load_data
from genlatent.distributions.likelihoods import Gaussian
from genlatent.errors import DataError, RecipeError, Unsupported
from genlatent.latent.vq import VQVAE
from genlatent.networks.grids import GridDecoder, GridEncoder
from genlatent.networks.mlp import MLP
from genlatent.objectives.base import Batch
from genlatent.training.optimizer import Optimizer

PARTS = {
    "dense": {"codes": 3},
    "map": {"codes": (2, 2)},
    "convolutional": {"codes": (4, 4), "encoder": GridEncoder((8,)), "decoder": GridDecoder((8,))},
    "continuous": {"codes": 3, "likelihood": Gaussian("learned")},
}


@pytest.fixture(params=PARTS)
def model(request, device):
    made = VQVAE((1, 8, 8), codebook=6, embedding=4, **components.build(components.describe(PARTS[request.param])))
    return made.to(device)


@pytest.fixture
def x(device):
    return (torch.rand(10, 1, 8, 8, device=device) < 0.3).float()


def small(device, **parts):
    """27 code maps, with a prior and a codebook that are not even."""
    made = VQVAE((1, 4, 4), codes=3, codebook=3, embedding=2, encoder=MLP((8,)), decoder=MLP((8,)), **parts).double()
    torch.nn.init.normal_(made.code_prior.read.weight, std=0.1)
    return made.eval().to(device)


EVERY = torch.cartesian_prod(*[torch.arange(3)] * 3)


def test_the_prior_sums_to_one(device):
    total = small(device).log_prior(EVERY.to(device)).exp().sum()
    torch.testing.assert_close(total, torch.tensor(1.0, device=device).double())


def test_score_is_one_term_of_the_likelihood(device):
    model = small(device)
    x = (torch.rand(30, 1, 4, 4, device=device) < 0.5).double()
    params = model.params(model.look_up(EVERY.to(device)))
    terms = torch.stack([model.log_prior(EVERY.to(device)) + model.likelihood(params).log_prob(row) for row in x])
    number = (model.encode(x) * torch.tensor([9, 3, 1], device=device)).sum(1)
    score = model.score(x)
    torch.testing.assert_close(score, terms.gather(1, number[:, None]).squeeze(1))
    assert (score < terms.logsumexp(1)).all()
    torch.testing.assert_close(model.bits_per_dimension(x), -score / (16 * math.log(2.0)))


def test_codes_are_drawn_from_the_prior(device):
    model, n = small(device), 4000
    codes = model.sample_codes(n, generator=torch.Generator(device).manual_seed(0))
    found = ((codes * torch.tensor([9, 3, 1], device=device)).sum(1)).bincount(minlength=27)
    expected = n * model.log_prior(EVERY.to(device)).exp().detach()
    assert expected.min() > 5
    assert expected.std() > 0.2 * expected.mean()
    assert ((found - expected).square() / expected).sum() < chi2.isf(1e-6, 26)


def test_the_nearest_entry_is_chosen(model, x):
    vectors = model.vectors(x)
    distances = (vectors[..., None, :] - model.entries).square().sum(-1)
    assert torch.equal(model.encode(x), distances.argmin(-1))


def test_verbs(model, x):
    codes = model.encode(x)
    assert codes.shape == (10, *model.code_shape)
    assert codes.dtype == torch.int64
    torch.testing.assert_close(model.reconstruct(x), model.decode(codes))
    assert model.sample(10, given={"z": codes}).shape == model.sample(10).shape == x.shape
    assert model.score(x).shape == (10,)


def test_gradients_reach_every_parameter(model, x):
    torch.nn.init.normal_(model.code_prior.read.weight)
    loss = model.objective()(model, Batch(x), {})
    loss.value.backward()
    for name, p in model.named_parameters():
        assert p.grad is not None, name
        assert p.grad.isfinite().all(), name
        assert p.grad.any(), name
    assert set(loss.buffers) == {name for name, _ in model.named_buffers()}


def test_the_codebook_starts_at_vectors_of_the_data(model, x):
    model.prepare(x)
    vectors = model.vectors(x).flatten(0, -2)
    gaps = (model.entries[:, None] - vectors).square().sum(-1).amin(1)
    torch.testing.assert_close(gaps, torch.zeros_like(gaps))


def test_missing_values_are_left_out(device, x):
    model = VQVAE((1, 8, 8), codes=3, codebook=6, missing=True).to(device)
    whole, half = x.clone(), x.clone()
    half[:, :, :4] = torch.nan
    assert (model.score(half) > model.score(whole)).all()


def test_gaps_are_filled_from_the_codes(device, x):
    model = VQVAE((1, 8, 8), codes=3, codebook=6).to(device)
    gappy = x.clone()
    gappy[:, :, 5:] = torch.nan
    filled = model.impute(gappy)
    assert torch.equal(filled[:, :, :5], x[:, :, :5])
    once = model.impute(gappy, rounds=1)
    torch.testing.assert_close(once[:, :, 5:], model.reconstruct(gappy.nan_to_num())[:, :, 5:])
    assert torch.equal(model.impute(x), x)


def test_it_is_no_pair_of_programs(model, x):
    for program in (model.model, model.guide):
        with pytest.raises(Unsupported, match="no model/guide pair"):
            program(x)


def test_what_it_refuses(x, device):
    model = VQVAE((1, 8, 8), codes=(2, 2), codebook=6).to(device)
    with pytest.raises(DataError, match=r"code maps of shape \(2, 2\), got \(4,\)"):
        model.decode(torch.zeros(3, 4, dtype=torch.int64, device=device))
    with pytest.raises(DataError, match="between 0 and 5, got 0 to 6"):
        model.decode(torch.arange(8, device=device).reshape(2, 2, 2) % 7)
    with pytest.raises(DataError, match="3 rows for 2 draws"):
        model.sample(2, given={"z": torch.zeros(3, 2, 2, device=device)})
    with pytest.raises(RecipeError, match=r"2 halvings make a grid of \(2, 2\), not \(4, 4\)"):
        VQVAE((1, 8, 8), codes=(4, 4), encoder=GridEncoder((8, 8)))


@pytest.mark.slow
def test_on_digits_the_codebook_is_used_and_draws_are_recognised(device):
    """Two classifiers that know only real digits agree on most draws, and on far fewer made of codes by chance."""
    data = load_data("digits", binarise="threshold").to(device)
    model = VQVAE((1, 8, 8), codes=4, encoder=MLP((256,)), decoder=MLP((256,))).to(device)
    fit(model, data, epochs=25, batch_size=100, optimizer=Optimizer(learning_rate=2e-3, schedule="linear"))
    used = len(model.encode(data.test).unique())
    assert used > 32, f"{used} of 64 entries are chosen for the test rows"
    random = torch.Generator(device).manual_seed(0)
    codes = model.sample_codes(500, generator=random)
    by_chance = torch.randint(64, codes.shape, generator=random, device=device)
    recognised = Recogniser(data)
    assert recognised.share(data.test) > 0.95
    share = recognised.share(model.decode(codes) > 0.5)
    assert share > 0.8
    assert share > recognised.share(model.decode(by_chance) > 0.5) + 0.1


class Recogniser:
    """The share of images on which a support vector machine and five neighbours name the same digit."""

    def __init__(self, data):
        pair = (SVC(C=5), KNeighborsClassifier(5))
        self.pair = [one.fit(data.train.flatten(1).numpy(), data.labels.train.numpy()) for one in pair]

    def share(self, x):
        first, second = (one.predict(x.flatten(1).float().numpy()) for one in self.pair)
        return (first == second).mean()
