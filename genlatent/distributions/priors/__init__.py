"""What is known of z before x is seen."""

from genlatent.distributions.priors.discrete import Bernoulli, Categorical
from genlatent.distributions.priors.flow import Flow
from genlatent.distributions.priors.mixture import GaussianMixture
from genlatent.distributions.priors.simplex import Dirichlet, LogisticNormal
from genlatent.distributions.priors.standard import Laplace, StandardNormal, StudentT
from genlatent.distributions.priors.vamp import VampPrior

__all__ = [
    "Bernoulli",
    "Categorical",
    "Dirichlet",
    "Flow",
    "GaussianMixture",
    "Laplace",
    "LogisticNormal",
    "StandardNormal",
    "StudentT",
    "VampPrior",
]
