import pytest
import torch

from genlatent import (
    RBM,
    VAE,
    VQVAE,
    Autoencoder,
    ClassificationRBM,
    ConditionalRBM,
    DeepBeliefNet,
    NeuralEnergy,
    load_data,
)
from genlatent.distributions.likelihoods import ContinuousBernoulli, Gaussian
from genlatent.errors import DataError, RecipeError
from genlatent.evaluation.evaluate import evaluate
from genlatent.networks.mlp import MLP

MODELS = {
    "autoencoder": lambda: Autoencoder((1, 8, 8), latent=2),
    "vae": lambda: VAE((1, 8, 8), latent=2),
    "vq-vae": lambda: VQVAE((1, 8, 8), codes=2, codebook=8, embedding=3),
    "rbm": lambda: RBM(visible=(1, 8, 8), hidden=10),
    "large rbm": lambda: RBM(visible=(1, 8, 8), hidden=40),
    "conditional rbm": lambda: ConditionalRBM((1, 8, 8), 5, 10),
    "large conditional rbm": lambda: ConditionalRBM((1, 8, 8), 40, 10),
    "classification rbm": lambda: ClassificationRBM((1, 8, 8), 40, 10),
    "deep belief net": lambda: DeepBeliefNet((1, 8, 8), (40, 30)),
    "neural energy": lambda: NeuralEnergy((1, 8, 8), MLP((8,)), support="unit"),
}
ANNEALED = ["log-likelihood", "log-likelihood, forward", "log-likelihood, reverse"]
BOUNDED = [metric.replace("log-likelihood", "log-likelihood, lower bound") for metric in ANNEALED]
CHAINS = ["R-hat", "effective draws"]
METRICS = {
    "autoencoder": ["reconstruction error"],
    "vae": ["log-likelihood, lower bound", "evidence lower bound", "reconstruction error", "active units"],
    "vq-vae": ["log-likelihood, lower bound", "bits per dimension, upper bound", "reconstruction error"],
    "rbm": ["log-likelihood", "R-hat", "effective draws", "reconstruction error"],
    "large rbm": [*ANNEALED, *CHAINS, "reconstruction error"],
    "conditional rbm": ["log-likelihood", "reconstruction error"],
    "large conditional rbm": [*ANNEALED, "reconstruction error"],
    "classification rbm": [*ANNEALED, *CHAINS, "reconstruction error", "accuracy"],
    "deep belief net": [*BOUNDED, "reconstruction error"],
    "neural energy": [*ANNEALED, *CHAINS, "reconstruction error"],
}


@pytest.fixture(scope="module")
def data(device):
    return load_data("digits", binarise="threshold").to(device)


@pytest.mark.parametrize("name", MODELS)
def test_every_family_is_judged_by_what_it_answers(name, data, device):
    records = evaluate(MODELS[name]().to(device), data, samples=50, effort=(20, 50))
    assert [record.metric for record in records] == METRICS[name]
    assert {record.data for record in records} == {"digits, threshold bits"}
    assert {record.binarisation for record in records} == {"threshold"}


@pytest.mark.parametrize("name", MODELS)
def test_judging_moves_no_weight_and_no_random_number_and_is_repeatable(name, data, device):
    model = MODELS[name]().to(device)
    model.train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    torch.manual_seed(5)
    first = evaluate(model, data, samples=20, seed=1, effort=(20, 50))
    after = torch.rand(3)
    torch.manual_seed(5)
    assert bool((after == torch.rand(3)).all())
    assert all(bool((value == before[key]).all()) for key, value in model.state_dict().items())
    assert model.training
    assert evaluate(model, data, samples=20, seed=1, effort=(20, 50)) == first


def test_only_an_autoencoder_says_that_its_error_is_no_likelihood(data, device):
    (record,) = evaluate(MODELS["autoencoder"]().to(device), data)
    assert record.unit != "nats"
    assert record.reason == "no likelihood"


def test_squared_error_is_that_of_the_reconstruction(data, device):
    model = MODELS["autoencoder"]().to(device)
    (record,) = evaluate(model, data)
    expected = (model.reconstruct(data.test) - data.test).flatten(1).square().sum(1).mean()
    assert record.value == pytest.approx(float(expected), rel=1e-6)


def test_the_bound_of_a_code_is_what_the_model_scores(data, device):
    model = MODELS["vq-vae"]().to(device)
    bound, bits, _ = evaluate(model, data)
    assert bound.value == pytest.approx(float(model.score(data.test).mean()), rel=1e-5)
    assert bits.value == pytest.approx(float(model.bits_per_dimension(data.test).mean()), rel=1e-5)
    assert (bound.unit, bits.unit, bits.reason) == ("nats", "bits", "")
    assert bound.method == "one term of the sum over codes, the encoder's own"
    assert bound.interval[0] < bound.value < bound.interval[1]
    assert bound.samples == 0, "nothing is drawn"


def test_bits_of_a_density_say_so_and_those_of_real_numbers_are_not_given(device):
    grey = load_data("digits").to(device)
    judged = {}
    for likelihood in (ContinuousBernoulli(), Gaussian()):
        model = VQVAE((1, 8, 8), codes=2, codebook=8, embedding=3, likelihood=likelihood).to(device)
        judged[type(likelihood).__name__] = {record.metric: record for record in evaluate(model, grey)}
    assert "no code length" in judged["ContinuousBernoulli"]["bits per dimension, upper bound"].reason
    assert list(judged["Gaussian"]) == ["log-likelihood, lower bound", "reconstruction error"]


def test_grey_data_under_a_binary_model_are_refused(device):
    with pytest.raises(DataError, match="binarise the data"):
        evaluate(MODELS["vae"]().to(device), load_data("digits").to(device))


def test_rows_of_another_shape_are_refused(device):
    with pytest.raises(DataError, match="takes rows of shape"):
        evaluate(RBM(visible=5, hidden=2).to(device), load_data("digits", binarise="threshold").to(device))


def test_at_least_one_sample_is_wanted(data, device):
    with pytest.raises(RecipeError, match="samples must be at least 1"):
        evaluate(MODELS["vae"]().to(device), data, samples=0)
