"""What the latent dimensions do: known codes, and a training that collapses beside two that do not."""

import pyro.distributions as dist
import pytest
import torch
from torch import nn

from genlatent import VAE, fit, load_data
from genlatent.distributions.likelihoods.gaussian import Gaussian
from genlatent.networks.mlp import MLP
from genlatent.objectives.base import Batch, Objective
from genlatent.objectives.collapse import summary
from genlatent.objectives.costs import FreeBits
from genlatent.objectives.elbo import ELBO
from genlatent.training.judge import ROWS, judged
from genlatent.training.optimizer import Optimizer


@pytest.fixture
def model(device):
    """A VAE of three latents whose posterior is set by hand."""
    made = VAE((4,), 3, likelihood=Gaussian(1.0), encoder=MLP(()), decoder=MLP(()))
    for parameter in made.parameters():
        nn.init.zeros_(parameter)
    return made.to(device)


def encode_by(device, model, gains, log_variances=(0.0, 0.0, 0.0)):
    with torch.no_grad():
        for j, gain in enumerate(gains):
            model.encoder.layers[0].weight[j, j] = gain
        model.encoder.layers[0].bias[3:] = torch.tensor(log_variances, device=device)


def test_a_collapsed_code_shows_nothing(model, device):
    found = summary(model, torch.randn(500, 4, device=device))
    assert all(float(value) == pytest.approx(0.0, abs=1e-5) for value in found.values())
    names = {"kl/0", "kl/1", "kl/2", "active_units", "mutual_information", "total_correlation"}
    assert set(found) == names


@pytest.mark.parametrize(("gain", "active"), [(0.09, 1), (0.12, 2)])
def test_a_unit_is_active_above_a_variance_of_a_hundredth(gain, active, model, device):
    encode_by(device, model, (1.0, gain))
    x = torch.randn(900, 4, device=device)
    x = (x - x.mean(0)) / x.std(0)
    assert int(summary(model, x)["active_units"]) == active


def test_divergence_of_each_dimension_is_exact(model, device):
    encode_by(device, model, (2.0, 0.0, 1.0), (-1.0, 0.0, 0.5))
    x = torch.randn(300, 4, device=device)
    found = summary(model, x)
    for j, (gain, log_variance) in enumerate(((2.0, -1.0), (0.0, 0.0), (1.0, 0.5))):
        q = torch.distributions.Normal(gain * x[:, j], torch.full_like(x[:, j], log_variance / 2).exp())
        expected = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).mean()
        torch.testing.assert_close(found[f"kl/{j}"], expected)


def test_a_code_that_names_every_row_has_the_logarithm_of_their_number(model, device):
    encode_by(device, model, (1000.0, 0.0, 0.0))
    found = summary(model, torch.arange(64.0, device=device)[:, None].expand(64, 4))
    assert float(found["mutual_information"]) == pytest.approx(4.158883, abs=1e-4)
    assert float(found["total_correlation"]) == pytest.approx(0.0, abs=1e-3)


def test_a_code_that_says_the_same_twice_has_total_correlation(model, device):
    encode_by(device, model, (1000.0, 1000.0, 0.0))
    found = summary(model, torch.arange(64.0, device=device)[:, None].expand(64, 4))
    assert float(found["total_correlation"]) == pytest.approx(4.158883, abs=1e-3)


@pytest.mark.parametrize(
    "prior", [dist.MultivariateNormal(torch.zeros(3), torch.eye(3)), dist.Laplace(0.0, 1.0)], ids=str
)
def test_any_prior(prior, device):
    model = VAE((4,), 3, likelihood=Gaussian(1.0), prior=prior).to(device)
    assert all(value.isfinite() for value in summary(model, torch.randn(20, 4, device=device)).values())


class Counting(Objective):
    """How often, and with how many rows, a summary is asked for."""

    asked = 0

    def validate(self, model, batch):
        return {"loss": batch.x[:, 0]}

    def summarise(self, model, batch):
        self.asked += 1
        assert torch.equal(batch.x[:, 0], batch.y.to(batch.x))
        return {"rows": torch.tensor(float(len(batch.x))), "last": batch.x[-1, 0]}


def test_a_judgement_has_one_summary_of_evenly_spaced_rows(model, device):
    rows = torch.arange(2.0 * ROWS, device=device)[:, None].expand(-1, 4)
    objective = Counting()
    found = judged(model, objective, rows, rows[:, 0].long())
    assert objective.asked == 1
    assert found == {"loss": ROWS - 0.5, "rows": ROWS, "last": 2 * ROWS - 1}


def test_a_summary_repeats_itself_and_moves_nothing(model, device):
    x = torch.randn(40, 4, device=device)
    before = torch.get_rng_state()
    first, second = (judged(model, ELBO(), x, None) for _ in range(2))
    assert first == second
    assert torch.equal(torch.get_rng_state(), before)
    assert Batch(x).num_rows is None


def deep(objective, device):
    """The VAE of the recipe digits-collapsed, trained shortly."""
    hidden = MLP((128,) * 4), MLP((128,) * 4)
    model = VAE((1, 8, 8), 16, encoder=hidden[0], decoder=hidden[1]).to(device)
    data = load_data("digits", binarise="threshold")
    fast = Optimizer(learning_rate=1e-2)
    history = fit(model, data, objective=objective, epochs=40, batch_size=100, optimizer=fast, validate_every=40)
    return {name: value for name, value in history.rows[-1].items() if name.startswith("valid/")}


@pytest.mark.slow
def test_a_collapse_is_seen_and_cured(device):
    """The bound of those that do not collapse is better too."""
    collapsed = deep(ELBO(), device)
    warm, free = deep(ELBO(warmup=0.5), device), deep(ELBO(cost=FreeBits(1.0, group=4)), device)
    assert collapsed["valid/active_units"] == 0
    assert collapsed["valid/mutual_information"] < 0.05
    assert warm["valid/active_units"] >= 2
    assert free["valid/active_units"] >= 4
    for cured in (warm, free):
        assert cured["valid/mutual_information"] > 1.0
        assert cured["valid/loss"] < collapsed["valid/loss"] - 1
