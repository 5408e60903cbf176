import pytest
import torch

from genlatent import VAE
from genlatent.distributions import posteriors, priors
from genlatent.errors import RecipeError, Unsupported
from genlatent.evaluation.annealed_bits import BitPath, annealed_bits, flipped, made_of_bits

BITS, PIXELS = 4, 10


@pytest.fixture
def model(device):
    """Bits that matter, under a guide that does not know which."""
    torch.manual_seed(0)
    model = VAE(PIXELS, BITS, prior=priors.Bernoulli(0.3), posterior=posteriors.Bernoulli()).to(device)
    with torch.no_grad():
        for parameter in model.decoder.parameters():
            parameter.mul_(2)
        for parameter in model.encoder.parameters():
            parameter.mul_(1.5)
    return model


@pytest.fixture
def x(device):
    return (torch.rand(6, PIXELS, generator=torch.Generator().manual_seed(1)) < 0.5).float().to(device)


def stream(x, seed=0):
    return torch.Generator(x.device).manual_seed(seed)


@torch.no_grad()
def enumerated(model, x):
    """log p(x, z) of every row under every code."""
    codes = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * BITS).to(x)
    recalled = torch.stack([model.likelihood(model.params(codes)).log_prob(row) for row in x])
    return codes, (recalled + model.prior().log_prob(codes)).double()


def test_the_mean_weight_is_the_sum_over_all_codes(model, x):
    found = annealed_bits(model, x, runs=2000, steps=12, generator=stream(x))
    true = enumerated(model, x)[1].logsumexp(1)
    assert float(((found.value - true) / found.error.clamp_min(1e-6)).abs().max()) < 5
    assert float(found.error.max()) < 0.1
    assert 0 < float(found.acceptance.min()) < float(found.acceptance.max()) < 1


def test_heights_are_the_densities(model, x):
    path = BitPath(model, x, 2, calls=1)
    codes, joint = enumerated(model, x)
    z = codes[torch.tensor([3, 9], device=x.device)][:, None].expand(2, len(x), BITS)
    found = path.heights(z)
    with torch.no_grad():
        q = torch.stack([model.infer(x).log_prob(code) for code in z[:, 0]]).double()
    torch.testing.assert_close(found.end, joint[:, [3, 9]].T, atol=1e-5, rtol=0)
    torch.testing.assert_close(found.start, q, atol=1e-5, rtol=0)


def test_flips_leave_the_posterior_as_it_is(model, x):
    codes, joint = enumerated(model, x[:1])
    chance = joint.softmax(1)[0]
    runs = 4000
    path = BitPath(model, x[:1], runs, calls=20)
    z = codes[torch.multinomial(chance.float(), runs, replacement=True, generator=stream(x))][:, None]
    here, generator = path.heights(z), stream(x, 1)
    for _ in range(20):
        z, here, _ = flipped(path, z, here, 1.0, generator)
    seen, expected = z[:, 0].mean(0).double(), chance @ codes.double()
    error = (expected * (1 - expected) / runs).sqrt()
    assert float(((seen - expected) / error).abs().max()) < 5


def test_codes_of_real_numbers_are_no_bits(x, device):
    real = VAE(PIXELS, BITS).to(device)
    assert not made_of_bits(real, x)
    with pytest.raises(Unsupported, match="the codes of VAE are not bits"):
        annealed_bits(real, x)


def test_one_run_is_refused(model, x):
    with pytest.raises(RecipeError, match="runs and steps must be at least 2"):
        annealed_bits(model, x, runs=1)
