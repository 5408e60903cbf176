import math

import pytest
import torch

from genlatent import RBM, VAE, VQVAE, load_data
from genlatent.errors import RecipeError
from genlatent.reproduce.scored import Scored
from genlatent.reproduce.weighted import Weighted
from tests.reproduce.test_judges import judged

X = (torch.rand(7, 6, generator=torch.Generator().manual_seed(0)) < 0.3).float()


def test_a_vae_that_ignores_its_code_costs_one_bit_for_each_fair_bit():
    vae = VAE(6, latent=2)
    with torch.no_grad():
        for parameter in (*vae.encoder.parameters(), *vae.decoder.parameters()):
            parameter.zero_()
    found = judged(Weighted(samples=4, also=(2,), rows=3, unit="bits"), vae, X)
    assert Weighted(unit="bits").metric == "bits per dimension, upper bound"
    assert [round(m.value, 5) for m in found.measures.values()] == [1.0] * 3


def test_the_score_of_a_small_machine_is_its_likelihood_but_for_its_normaliser():
    machine = RBM(6, 3)
    mean = float(-machine.score(X).double().mean())
    found = judged(Scored(bound=False), machine, X).measures
    assert math.isclose(found["negative log-likelihood"].value, mean, abs_tol=1e-6)
    low, high = found["negative log-likelihood"].interval
    assert low < mean < high


def test_a_vq_vae_is_scored_in_the_bits_that_it_says_itself():
    data = load_data("digits", binarise="threshold")
    net = VQVAE(data.shape, codes=2, codebook=4)
    with torch.no_grad():
        own = float(net.bits_per_dimension(data.test).double().mean())
    found = judged(Scored("bits"), net, data.test).measures["bits per dimension, upper bound"]
    assert math.isclose(found.value, own, rel_tol=1e-5)


def test_other_units_are_refused():
    with pytest.raises(RecipeError, match="unit is nats or bits, got 'bytes'"):
        Scored("bytes")
