"""Terms row by row, for programs that a user wrote."""

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import Trace_ELBO, TraceMeanField_ELBO
from torch import nn

from genlatent.errors import RecipeError
from genlatent.objectives.base import Batch
from genlatent.objectives.elbo import ELBO
from genlatent.objectives.pyro_terms import terms, total

BATCH = 6


class Ladder(nn.Module):
    """Two layers of latents, one shared weight, and pixels in a plate of their own."""

    max_plate_nesting = 2

    def __init__(self, bottom_up=False, shared=True, keep=None):
        super().__init__()
        self.bottom_up, self.shared, self.keep = bottom_up, shared, keep
        self.loc = nn.Parameter(torch.tensor([0.3, -0.2, 0.1]))
        self.log_scale = nn.Parameter(torch.zeros(3))

    def model(self, x, y=None):
        standard = dist.Normal(x.new_zeros(()), 1.0)
        w = pyro.sample("w", standard) if self.shared else 1.0
        with pyro.plate("data", len(x), dim=-2):
            z_2 = pyro.sample("z_2", standard)
            z_1 = pyro.sample("z_1", dist.Normal(z_2, 1.0))
            with pyro.plate("pixels", x.shape[1], dim=-1):
                pyro.sample("x", dist.Normal(w * z_1, 1.0), obs=x)

    def guide(self, x, y=None):
        scale = self.log_scale.exp()
        mean = x.mean(1, keepdim=True)
        if self.shared:
            pyro.sample("w", dist.Normal(self.loc[0], scale[0]))
        with pyro.plate("data", len(x), dim=-2):
            if self.bottom_up:
                z_1 = pyro.sample("z_1", dist.Normal(self.loc[1] + mean, scale[1]))
                pyro.sample("z_2", dist.Normal(self.loc[2] + z_1, scale[2]))
            else:
                z_2 = pyro.sample("z_2", dist.Normal(self.loc[2] * mean, scale[2]))
                if self.keep != "z_2":
                    pyro.sample("z_1", dist.Normal(self.loc[1] + z_2, scale[1]))


@pytest.fixture
def x(device):
    return torch.randn(BATCH, 4, device=device)


def theirs(kind, model, x, particles):
    torch.manual_seed(1)
    elbo = kind(num_particles=particles, vectorize_particles=particles > 1, max_plate_nesting=2)
    value = elbo.differentiable_loss(model.model, model.guide, x) / len(x)
    return value, torch.autograd.grad(value, list(model.parameters()))


def ours(objective, model, x):
    torch.manual_seed(1)
    value = objective(model, Batch(x), {}).value
    return value, torch.autograd.grad(value, list(model.parameters()))


@pytest.mark.parametrize("particles", [1, 3])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize(("analytic", "kind"), [(True, TraceMeanField_ELBO), (False, Trace_ELBO)])
def test_deep_plates_and_shared_sites_equal_pyros(x, particles, shared, analytic, kind):
    model = Ladder(shared=shared).to(x.device)
    torch.testing.assert_close(ours(ELBO(particles, analytic=analytic), model, x), theirs(kind, model, x, particles))


def test_a_guide_in_another_order_is_never_given_the_closed_form(x):
    model = Ladder(bottom_up=True).to(x.device)
    torch.testing.assert_close(ours(ELBO(2), model, x), theirs(Trace_ELBO, model, x, 2))


def test_terms_are_shaped_by_particle_and_row(x):
    t = terms(Ladder().to(x.device), x, particles=3)
    assert set(t.log_likelihood) == {"x"}
    assert set(t.log_prior) == set(t.log_posterior) == {"w", "z_1", "z_2"}
    assert {tuple(v.shape) for v in t.log_posterior.values()} == {(3, BATCH), (3, 1)}
    assert t.log_weights().shape == (3, BATCH)
    assert t.log_weights().dtype == torch.float64


def test_log_weights_sum_the_terms(x):
    t = terms(Ladder().to(x.device), x, particles=3)
    expected = total(t.log_likelihood) + total(t.log_prior) - total(t.log_posterior)
    torch.testing.assert_close(t.log_weights().float(), expected)


def test_scale_and_mask_of_handlers_count(x):
    class Scaled(Ladder):
        def model(self, x, y=None):
            with pyro.poutine.scale(scale=0.5):
                super().model(x)

    torch.manual_seed(1)
    whole = terms(Ladder().to(x.device), x)
    torch.manual_seed(1)
    half = terms(Scaled().to(x.device), x)
    torch.testing.assert_close(half.log_likelihood["x"], whole.log_likelihood["x"] / 2)


def test_a_latent_that_the_guide_forgets_is_named(x):
    with pytest.raises(RecipeError, match="samples 'z_1' but the guide does not"):
        terms(Ladder(keep="z_2").to(x.device), x)
