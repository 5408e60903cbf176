"""Sums of exponentials against exact values."""

import math

import torch

from genlatent.numerics.logspace import effective_sample_size, log_mean_exp


def test_log_mean_exp_of_known_weights():
    weights = torch.tensor([1.0, 2.0, 5.0], dtype=torch.float64)
    assert math.isclose(float(log_mean_exp(weights.log())), math.log(8 / 3))
    assert math.isclose(float(log_mean_exp(weights.log() - 5000)), math.log(8 / 3) - 5000)


def test_float32_weights_are_summed_in_float64():
    weights = torch.full((1000,), -86.3)
    assert math.isclose(float(log_mean_exp(weights)), float(weights[0].double()), rel_tol=1e-12)


def test_effective_sample_size_between_one_and_all():
    assert math.isclose(float(effective_sample_size(torch.zeros(7))), 7)
    assert math.isclose(float(effective_sample_size(torch.tensor([0.0, -1000.0, -1000.0]))), 1)
    two = torch.tensor([3.0, 1.0]).log()
    assert math.isclose(float(effective_sample_size(two)), 16 / 10, rel_tol=1e-6)
