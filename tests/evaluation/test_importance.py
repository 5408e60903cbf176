import warnings

import pytest
import torch
from torch import nn

from genlatent import VAE, ConditionalVAE, LadderVAE, SemiSupervisedVAE
from genlatent.errors import RecipeError
from genlatent.evaluation import importance
from genlatent.evaluation.importance import log_weights, plan, score
from genlatent.networks.mlp import MLP
from genlatent.numerics.logspace import effective_sample_size, log_mean_exp


@pytest.fixture
def vae(device):
    vae = VAE((12,), latent=2, encoder=MLP((8,)), decoder=MLP((8,))).to(device)
    with torch.no_grad():
        for parameter in vae.parameters():
            parameter.normal_(0, 0.4)
    return vae


@pytest.fixture
def x(device):
    return (torch.rand(70, 12) < 0.4).float().to(device)  # the same rows on every device


@pytest.fixture
def narrow(monkeypatch):
    """Blocks so small that the ends of rows and draws do not come out even."""
    monkeypatch.setattr(importance, "MOST_PAIRS", 96)
    monkeypatch.setattr(importance, "MOST_DRAWS", 16)
    monkeypatch.setattr(importance, "ROWS_AT_ONCE", 25)


def weights(model, x, samples, **kwargs):
    generator = torch.Generator(x.device).manual_seed(3)
    return list(log_weights(model, x, samples, generator=generator, **kwargs))


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize(("rows", "samples"), [(70, 50), (1, 1), (9, 200), (26, 17)])
def test_every_row_gets_its_draws_whatever_the_blocks(rows, samples, vae, x):
    found = weights(vae, x[:rows], samples)
    assert torch.cat(found, 1).shape == (samples, rows)
    assert torch.cat(found, 1).dtype == torch.float64
    assert max(part.shape[1] for part in found) <= 25


@pytest.mark.parametrize("samples", [1, 63, 64, 65, 129, 1000, 5000])
def test_hardly_a_draw_is_left_out(samples):
    size = plan(10_000, samples, 784)
    assert samples <= size.draws * size.rounds < samples + size.rounds
    assert size.rows * size.draws * 784 <= importance.NUMBERS


@pytest.mark.usefixtures("narrow")
def test_traced_weights_are_the_eager_ones_to_the_last_bit(vae, x):
    eager, traced = (torch.cat(weights(vae, x, 50, mode=mode), 1) for mode in ("eager", "traced"))
    assert bool((eager == traced).all())


@pytest.mark.slow
def test_compiled_weights_are_the_eager_ones_but_for_rounding_however_rows_lie_in_memory(vae, x):
    eager, compiled = (torch.cat(weights(vae, x, 50, mode=mode), 1) for mode in ("eager", "compiled"))
    torch.testing.assert_close(eager, compiled, atol=1e-5, rtol=1e-6)
    column_by_column = x.T.contiguous().T
    again = torch.cat(weights(vae, column_by_column, 50, mode="compiled"), 1)
    assert torch.equal(again, compiled)


def test_one_block_holds_the_weights_of_the_model_itself(vae, x):
    (found,) = weights(vae, x, 20, matmul="float32")
    expected = vae.log_weights(x, 20, torch.Generator(x.device).manual_seed(3))
    torch.testing.assert_close(found, expected, atol=1e-9, rtol=0)


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("name", ["vae", "ladder", "classes summed over"])
def test_many_draws_agree_with_the_models_own_score(name, vae, x, device):
    others = {"ladder": LadderVAE(12, latents=(3, 2)), "classes summed over": SemiSupervisedVAE(12, 3, latent=2)}
    model = others.get(name, vae).to(device)
    w = torch.cat(weights(model, x, 2000), 1)
    error = (2 / effective_sample_size(w)).sqrt()
    assert bool(((log_mean_exp(w) - model.score(x, num_samples=2000)).abs() < 5 * error).all())


TOLD = {
    "condition": lambda: ConditionalVAE((12,), condition=3, latent=2),
    "classes": lambda: SemiSupervisedVAE(12, 3, latent=2),
}


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("name", TOLD)
def test_what_is_told_beside_the_rows_goes_into_the_graph_with_them(name, x, device):
    model = TOLD[name]().to(device)
    y = torch.arange(len(x), device=device) % 3
    eager, traced = (torch.cat(weights(model, x, 50, y=y, mode=mode), 1) for mode in ("eager", "traced"))
    assert bool((eager == traced).all())
    many = torch.cat(weights(model, x, 200, y=y), 1)
    error = (2 / effective_sample_size(many)).sqrt()
    assert bool(((log_mean_exp(many) - model.score(x, y, num_samples=200)).abs() < 5 * error).all())
    assert bool((many != torch.cat(weights(model, x, 200, y=(y + 1) % 3), 1)).any()), "the same draws, told otherwise"


class Reading(nn.Module):
    """A decoder that reads values, which no graph can hold."""

    def __init__(self, inside):
        super().__init__()
        self.inside = inside

    def forward(self, z):
        return self.inside(z) if float(z.abs().max()) < 1e6 else self.inside(z.clamp(-1e6, 1e6))


@pytest.mark.usefixtures("narrow")
def test_what_cannot_be_traced_runs_as_it_stands_unless_a_graph_was_asked_for(vae, x, device):
    vae.decoder = Reading(vae.decoder).to(device)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.cat(weights(vae, x, 600), 1).shape == (600, 70)
    with pytest.raises(RecipeError, match="cannot run traced, use mode='eager'"):
        weights(vae, x, 50, mode="traced")


@pytest.mark.usefixtures("narrow")
def test_scores_are_the_log_mean_weights_of_each_row(vae, x):
    found = score(vae, x, 50, generator=torch.Generator(x.device).manual_seed(3))
    torch.testing.assert_close(found, log_mean_exp(torch.cat(weights(vae, x, 50), 1)), atol=0, rtol=0)


def test_weights_move_nothing_of_anybody(vae, x):
    vae.train()
    before = torch.get_rng_state()
    first = torch.cat(weights(vae, x, 30), 1)
    assert bool((torch.get_rng_state() == before).all())
    assert vae.training
    assert bool((torch.cat(weights(vae, x, 30), 1) == first).all())


def test_unknown_modes_and_no_draws_are_refused(vae, x):
    with pytest.raises(RecipeError, match="mode must be one of auto, eager, traced, compiled, got 'fast'"):
        weights(vae, x, 5, mode="fast")
    with pytest.raises(RecipeError, match="samples must be at least 1, got 0"):
        weights(vae, x, 0)
