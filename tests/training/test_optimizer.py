"""Learning rates are the stated function of progress; every optimiser moves a parameter downhill."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from genlatent.components import build, describe
from genlatent.errors import RecipeError
from genlatent.training import schedule
from genlatent.training.optimizer import NAMES, Optimizer


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("constant", [1, 1, 1]),
        ("linear", [1, 0.5, 0]),
        ("cosine", [1, 0.5, 0]),
        ("exponential", [1, 1e-3**0.5, 1e-3]),
    ],
)
def test_shapes(shape, expected):
    assert [schedule.factor(shape, t) for t in (0.0, 0.5, 1.0)] == pytest.approx(expected)


def test_warmup_hold_and_final():
    def rate(progress):
        return schedule.factor("linear", progress, warmup=0.1, hold=0.4, final=0.2)

    assert [rate(t) for t in (0.0, 0.05, 0.1, 0.5, 0.75, 1.0)] == pytest.approx([0, 0.5, 1, 1, 0.6, 0.2])


@given(st.sampled_from(list(schedule.SHAPES)), st.floats(0, 0.4), st.floats(0, 0.4), st.floats(0, 1), st.floats(0, 1))
def test_factor_stays_between_zero_and_one(shape, warmup, hold, final, progress):
    assert 0 <= schedule.factor(shape, progress, warmup=warmup, hold=hold, final=final) <= 1 + 1e-12


@pytest.mark.parametrize("name", NAMES)
def test_every_optimizer_goes_downhill(name):
    weight = torch.nn.Parameter(torch.tensor([3.0, -2.0]))
    optimizer = Optimizer(name, learning_rate=0.1, momentum=0.5).make([weight])

    def closure():
        optimizer.zero_grad()
        loss = weight.square().sum()
        loss.backward()
        return loss

    before = float(closure().detach())
    for _ in range(20):
        optimizer.step(closure)
    assert float(closure().detach()) < before


def test_sgd_takes_the_stated_step():
    weight = torch.nn.Parameter(torch.tensor([1.0]))
    optimizer = Optimizer("sgd", learning_rate=0.25).make([weight])
    weight.grad = torch.tensor([2.0])
    optimizer.step()
    assert weight.item() == 0.5


def test_description_makes_the_same_optimizer():
    made = build(describe(Optimizer("sgd", 0.6, schedule="linear", warmup=0.01, betas=[0.8, 0.9])))
    assert (made.method, made.learning_rate, made.schedule, made.betas) == ("sgd", 0.6, "linear", (0.8, 0.9))
    assert math.isclose(made.rate(0.01), 0.6)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"method": "adm"}, "did you mean 'adam'"),
        ({"schedule": "linaer"}, "did you mean 'linear'"),
        ({"learning_rate": 0}, "above 0"),
        ({"warmup": 0.7, "hold": 0.5}, "below 1"),
    ],
)
def test_bad_settings(arguments, words):
    with pytest.raises(RecipeError, match=words):
        Optimizer(**arguments)
