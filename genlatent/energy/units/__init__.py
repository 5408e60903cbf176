"""Kinds of units, one family of distributions each."""

from genlatent.energy.units.base import Unit
from genlatent.energy.units.bernoulli import Bernoulli, softplus
from genlatent.energy.units.categorical import Categorical
from genlatent.energy.units.gaussian import Gaussian
from genlatent.energy.units.relu import ReLU
from genlatent.energy.units.spin import Spin

__all__ = ["Bernoulli", "Categorical", "Gaussian", "ReLU", "Spin", "Unit", "softplus"]
