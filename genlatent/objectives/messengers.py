"""Small handlers that let Pyro programs run inside the step engine and apart from Pyro's global state."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyro
import pyro.distributions as dist
import torch
from pyro import poutine
from pyro.poutine.messenger import Messenger
from torch import nn

from genlatent.errors import RecipeError


class ParametersAsTheyStand(Messenger):
    """Answers `param` statements with the model's own tensors, so that Pyro's parameter store stays out of it.

    Inside the step engine those are the tensors that gradients are taken of; going through the store would detach
    them. A statement about a tensor that the model does not hold would never be trained, and is refused.
    """

    def __init__(self, module: nn.Module):
        super().__init__()
        self.own = {id(parameter) for parameter in module.parameters()}

    def _pyro_param(self, msg: Any) -> None:
        if len(msg["args"]) < 2:
            return  # a PyroParam, which its module has just looked up itself
        value = msg["args"][1]
        if id(value) not in self.own:
            raise RecipeError(
                f"pyro.param({msg['name']!r}) lives in Pyro's global store, where it would not be trained or saved "
                "with the model; make it an nn.Parameter (or a PyroParam) of a module of the model"
            )
        msg["value"], msg["done"], msg["stop"] = value, True, True


class Unvalidated(Messenger):
    """Switches validation off in distributions made while it was on: it reads values, and tracing forbids that."""

    def _pyro_sample(self, msg: Any) -> None:
        msg["fn"] = unvalidated(msg["fn"])


def unvalidated(distribution: Any) -> Any:
    """A shallow copy of a distribution, and of those inside it, that checks nothing."""
    made = copy.copy(distribution)
    for name, value in vars(made).items():
        if isinstance(value, torch.distributions.Distribution):
            vars(made)[name] = unvalidated(value)
    if isinstance(made, torch.distributions.Distribution):
        made._validate_args = False
    return made


@contextmanager
def apart(module: nn.Module) -> Iterator[None]:
    """Run Pyro programs of this module with its own parameters; Pyro's parameter store is left as it was."""
    with poutine.block(), pyro.get_param_store().scope(), ParametersAsTheyStand(module):
        if dist.is_validation_enabled():
            yield
        else:
            with Unvalidated():
                yield
