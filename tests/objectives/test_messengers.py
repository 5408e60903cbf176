"""Pyro programs apart from Pyro's global state."""

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from pyro.nn import PyroModule, PyroParam
from torch import nn

from genlatent.errors import RecipeError
from genlatent.objectives.messengers import apart, unvalidated


def test_parameters_are_answered_as_they_stand(device):
    module = nn.Linear(2, 2).to(device)
    leaf = module.weight.detach().clone().t().requires_grad_()  # the store would copy what is not contiguous
    with nn.utils.stateless._reparametrize_module(module, {"weight": leaf}), apart(module):
        assert pyro.param("weight", module.weight) is leaf


def test_a_parameter_that_nobody_would_train_is_refused(device):
    with (
        apart(nn.Linear(2, 2).to(device)),
        pytest.raises(RecipeError, match=r"pyro\.param\('mine'\) lives in Pyro's global store"),
    ):
        pyro.param("mine", torch.zeros(1, device=device))


def test_constrained_parameters_of_pyro_modules_get_gradients(device):
    class Scale(PyroModule):
        def __init__(self):
            super().__init__()
            self.scale = PyroParam(torch.tensor(2.0, device=device), dist.constraints.positive)

        def forward(self):
            return self.scale

    module = Scale()
    with apart(module):
        module().backward()
    assert module.scale_unconstrained.grad.item() == pytest.approx(2.0)
    assert not dict(pyro.get_param_store().items())


def test_the_store_and_outer_handlers_see_nothing(device):
    module = nn.Linear(2, 2).to(device)
    with poutine.trace() as outer, apart(module):
        pyro.module("mine", module)
        pyro.sample("z", dist.Normal(0.0, 1.0))
    assert not outer.trace.nodes
    assert not dict(pyro.get_param_store().items())


def test_validation_is_switched_off_in_a_copy_only(device):
    mine = dist.Normal(torch.zeros(3, device=device), torch.ones(3, device=device)).to_event(1)
    quiet = unvalidated(mine)
    assert quiet._validate_args is quiet.base_dist._validate_args is False
    assert mine.base_dist._validate_args is not False
    quiet.log_prob(torch.full((3,), torch.nan, device=device))
    with pytest.raises(ValueError, match="value argument"):
        mine.log_prob(torch.full((3,), torch.nan, device=device))


def test_validation_stays_on_where_the_user_has_it_on(device):
    with apart(nn.Linear(2, 2).to(device)), poutine.trace() as tracer:
        pyro.sample("x", dist.Normal(0.0, 1.0), obs=torch.tensor(torch.nan, device=device))
    with pytest.raises(ValueError, match="value argument"):
        tracer.trace.compute_log_prob()
