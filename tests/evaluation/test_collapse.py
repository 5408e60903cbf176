import math

import pytest
import torch

from genlatent import VAE, LadderVAE
from genlatent.evaluation.collapse import collapse_records
from tests.evaluation.linear_gaussian import LATENT, NOISE, linear_gaussian


def judged(model, x):
    found = collapse_records(model, x, generator=torch.Generator(x.device).manual_seed(0))
    return {record.metric: record for record in found}


def test_a_linear_gaussian_code_has_the_divergences_and_the_information_of_its_closed_form(device):
    model, marginal = linear_gaussian(device)
    found = judged(model, marginal.sample((4000,)))
    scales = torch.tensor([2.0, 1.0, 0.3]).double()
    capacity = (1 + scales**2 / NOISE**2).log() / 2  # of each dimension; KL and information alike, under exact guides
    assert found["active units"].value == LATENT
    assert found["KL(q(z|x) || p(z))"].value == pytest.approx(float(capacity.sum()), abs=0.1)
    assert found["KL of the most used dimension"].value == pytest.approx(float(capacity.max()), abs=0.1)
    assert found["mutual information"].value == pytest.approx(float(capacity.sum()), abs=0.1)
    assert found["mutual information"].verdict == "ok"


def test_a_code_that_tells_nothing_is_called_collapsed(device):
    vae = VAE(6, latent=2).to(device)
    with torch.no_grad():
        vae.encoder.layers[-2].weight.zero_()
        vae.encoder.layers[-2].bias.zero_()
    found = judged(vae, torch.eye(6, device=device))
    assert found["active units"].verdict == "failed"
    assert found["mutual information"].value == pytest.approx(0, abs=1e-6)
    assert found["KL of the most used dimension"].value == pytest.approx(0, abs=1e-6)


def test_information_at_its_ceiling_is_doubted(device):
    model, marginal = linear_gaussian(device, narrower=50.0)
    found = judged(model, marginal.sample((10,)))["mutual information"]
    assert found.verdict == "doubtful"
    assert f"{math.log(10):.2f}" in found.reason


def test_every_site_of_several_is_spelled_out(device):
    found = judged(LadderVAE(6, latents=(3, 2)).to(device), torch.eye(6, device=device))
    assert {"KL of the most used dimension of z_1", "KL of the most used dimension of z_2"} <= set(found)
