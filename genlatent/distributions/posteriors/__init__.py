"""What an encoder's outputs mean: approximate posteriors of z given x."""

from genlatent.distributions.posteriors.discrete import Bernoulli, Categorical, Concrete, RelaxedBernoulli
from genlatent.distributions.posteriors.flow import Flow
from genlatent.distributions.posteriors.laplace import Laplace
from genlatent.distributions.posteriors.normal import DiagonalNormal, FullNormal, LowRankNormal
from genlatent.distributions.posteriors.simplex import Dirichlet, LogisticNormal

__all__ = [
    "Bernoulli",
    "Categorical",
    "Concrete",
    "DiagonalNormal",
    "Dirichlet",
    "Flow",
    "FullNormal",
    "Laplace",
    "LogisticNormal",
    "LowRankNormal",
    "RelaxedBernoulli",
]
