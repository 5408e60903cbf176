"""What a decoder's outputs mean: densities of x given its parameters, in nats."""

from genlatent.distributions.likelihoods.bernoulli import CLOSEST, Bernoulli
from genlatent.distributions.likelihoods.categorical import Categorical
from genlatent.distributions.likelihoods.columns import Columns
from genlatent.distributions.likelihoods.counts import NegativeBinomial, Poisson, ZeroInflated
from genlatent.distributions.likelihoods.gaussian import Gaussian
from genlatent.distributions.likelihoods.grey import Beta, ContinuousBernoulli
from genlatent.distributions.likelihoods.heavy_tailed import Laplace, StudentT
from genlatent.distributions.likelihoods.logistics import DiscretisedLogistics

__all__ = [
    "CLOSEST",
    "Bernoulli",
    "Beta",
    "Categorical",
    "Columns",
    "ContinuousBernoulli",
    "DiscretisedLogistics",
    "Gaussian",
    "Laplace",
    "NegativeBinomial",
    "Poisson",
    "StudentT",
    "ZeroInflated",
]
