"""Estimators keep scikit-learn's promises, and their numbers are those of the models inside."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

import genlatent as gl
from genlatent.errors import DataError
from genlatent.estimators import AutoencoderEstimator, ModelEstimator, RBMEstimator, VAEEstimator
from genlatent.networks.mlp import MLP
from genlatent.training.optimizer import Optimizer

SHORT = {"epochs": 2, "mode": "eager"}


@parametrize_with_checks(
    [
        AutoencoderEstimator(latent=1, hidden=(4,), **SHORT),
        RBMEstimator(hidden=3, **SHORT),
        VAEEstimator(latent=1, hidden=(4,), num_samples=5, **SHORT),
    ]
)
def test_scikit_learn_s_own_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def table():
    """Rows along a line in three columns of very different units."""
    noise = np.random.default_rng(0).normal(size=(400, 4))
    return (noise[:, :1] + 0.1 * noise[:, 1:]) * [0.01, 1, 1000] + [5, 0, 1e6]


def test_a_linear_autoencoder_rebuilds_as_well_as_principal_components(table):
    linear = gl.Autoencoder(3, 1, encoder=MLP(()), decoder=MLP(()))
    coder = ModelEstimator(linear, how=Optimizer("lbfgs"), epochs=30, batch_size=400, mode="eager").fit(table)
    spread = table.std(0)
    centred = (table - table.mean(0)) / spread
    pca = PCA(1).fit(centred)
    best = np.square(centred - pca.inverse_transform(pca.transform(centred))).mean()
    ours = np.square((table - coder.reconstruct(table)) / spread).mean()
    assert best - 1e-9 <= ours <= 1.001 * best
    np.testing.assert_allclose(coder.inverse_transform(coder.transform(table)), coder.reconstruct(table))


def test_a_log_density_is_one_of_rows_in_their_own_units(table):
    vae = VAEEstimator(1, (16,), epochs=3, mode="eager", random_state=0)
    scores, scaled = vae.fit(table).score_samples(table), clone(vae).fit(10 * table).score_samples(10 * table)
    np.testing.assert_allclose(scaled, scores - 3 * np.log(10), atol=1e-3)


def test_a_trained_vae_scores_near_the_density_that_made_the_rows(table):
    vae = VAEEstimator(1, (32,), epochs=150, learning_rate=5e-3, mode="traced", random_state=0).fit(table[:300])
    scale = np.array([0.01, 1, 1000])
    covariance = scale[:, None] * (np.ones((3, 3)) + 0.01 * np.eye(3)) * scale
    difference = table[300:] - [5, 0, 1e6]
    quadratic = np.einsum("ni,ij,nj->n", difference, np.linalg.inv(covariance), difference)
    truth = -0.5 * (quadratic + np.linalg.slogdet(2 * np.pi * covariance)[1])
    gap = truth - vae.score_samples(table[300:])
    assert -0.1 < gap.mean() < 0.5
    assert np.median(vae.sample(500), axis=0)[2] == pytest.approx(1e6, abs=300)


def test_an_rbm_scores_minus_its_free_energy():
    bits = load_digits().data[:200] > 7
    rbm = RBMEstimator(10, epochs=5, mode="eager", random_state=0).fit(bits)
    inside = torch.as_tensor(bits, dtype=torch.float64)
    np.testing.assert_allclose(rbm.score_samples(bits), -rbm.model_.free_energy(inside).numpy(force=True))
    assert set(np.unique(rbm.sample(5))) <= {0.0, 1.0}


def test_codes_of_an_rbm_serve_in_a_pipeline_and_a_search():
    digits = load_digits()
    X, y = digits.data[:300] > 7, digits.target[:300]
    pipe = make_pipeline(
        RBMEstimator(32, epochs=60, batch_size=50, learning_rate=0.2, mode="traced", random_state=0),
        LogisticRegression(max_iter=200),
    )
    search = GridSearchCV(pipe, {"rbmestimator__hidden": [2, 32]}, cv=2).fit(X, y)
    assert search.best_params_ == {"rbmestimator__hidden": 32}
    assert search.best_score_ > 0.6


def test_gaps_are_filled_in_the_units_of_the_table(table):
    vae = VAEEstimator(1, (32,), missing=True, epochs=150, learning_rate=5e-3, mode="traced", random_state=0).fit(table)
    gaps = table[:100].copy()
    gaps[:, 2] = np.nan
    filled = vae.impute(gaps)
    np.testing.assert_allclose(filled[:, :2], table[:100, :2], rtol=1e-6)
    assert np.abs(filled[:, 2] - table[:100, 2]).mean() < 0.4 * np.abs(table[:100, 2] - 1e6).mean()


def test_any_model_is_trained_as_a_copy(table):
    bits = (table > np.median(table, 0)).astype(float)
    model = gl.LadderVAE(3, (2, 2))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    estimator = ModelEstimator(model, random_state=1, **SHORT).fit(bits)
    assert estimator.transform(bits).shape[0] == len(bits)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    with pytest.raises(DataError, match="2 columns"):
        ModelEstimator(model, **SHORT).fit(bits[:, :2])


def test_one_seed_is_one_answer_and_nobody_else_s_stream_moves(table):
    before = torch.get_rng_state()
    one, two = (VAEEstimator(1, (4,), random_state=3, **SHORT).fit(table) for _ in range(2))
    np.testing.assert_array_equal(one.sample(4), two.sample(4))
    np.testing.assert_array_equal(one.score_samples(table), two.score_samples(table))
    assert torch.equal(before, torch.get_rng_state())


def test_rows_that_an_rbm_cannot_learn_are_one_sentence():
    with pytest.raises(DataError, match="binary or real rows, these are count"):
        RBMEstimator(3, support="count", **SHORT).fit(np.arange(12.0).reshape(6, 2))


@pytest.mark.parametrize("verb", ["transform", "reconstruct", "inverse_transform", "score_samples", "score", "impute"])
@pytest.mark.parametrize("kind", [VAEEstimator, RBMEstimator, AutoencoderEstimator])
def test_what_is_not_fitted_says_so(kind, verb):
    with pytest.raises(NotFittedError):
        getattr(kind(), verb)(np.zeros((3, 2)))
