"""Models behind scikit-learn's interface: for pipelines, searches over settings, and cross-validation."""

from genlatent.estimators.autoencoder import AutoencoderEstimator
from genlatent.estimators.base import Estimator
from genlatent.estimators.rbm import RBMEstimator
from genlatent.estimators.vae import VAEEstimator
from genlatent.estimators.wrapped import ModelEstimator

__all__ = ["AutoencoderEstimator", "Estimator", "ModelEstimator", "RBMEstimator", "VAEEstimator"]
