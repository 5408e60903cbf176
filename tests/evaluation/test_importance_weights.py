import numpy as np
import pytest
import torch

from genlatent.errors import DataError
from genlatent.evaluation.importance_weights import (
    draws_needed,
    largest_shape,
    pareto_record,
    pareto_shapes,
    used_records,
)


def pareto(device, shape, draws=4000, rows=20):
    r"""Weights with :math:`P(w > t) = t^{-1/k}`."""
    generator = torch.Generator(device).manual_seed(0)
    return -shape * torch.rand(draws, rows, generator=generator, dtype=torch.float64, device=device).log()


@pytest.mark.parametrize("shape", [0.3, 0.6, 1.0])
def test_the_shape_of_pareto_weights_is_found(shape, device):
    assert np.mean(pareto_shapes(pareto(device, shape))) == pytest.approx(shape, abs=0.05)


def test_the_largest_shape_is_the_one_that_the_draws_suffice_for():
    for shape in (0.3, 0.5, 0.65):
        assert largest_shape(draws_needed(shape)) == pytest.approx(shape, abs=2e-3)
    assert largest_shape(10**6) == largest_shape(draws_needed(0.9)) == 0.7


def test_equal_weights_have_no_tail(device):
    assert (pareto_shapes(torch.zeros(100, 3, device=device)) == -np.inf).all()
    assert pareto_record(torch.zeros(100, 3, device=device)).verdict == "ok"


def test_heavy_tails_are_doubted(device):
    assert pareto_record(pareto(device, 0.3)).verdict == "ok"
    found = pareto_record(pareto(device, 1.0))
    assert found.verdict == "doubtful"
    assert "of the rows" in found.reason
    assert found.value == pytest.approx(1.0, abs=0.1)


def test_few_draws_are_refused(device):
    with pytest.raises(DataError, match="at least 25 draws"):
        pareto_shapes(torch.zeros(10, 3, device=device))


def test_a_collapsed_code_fails(device):
    kl = {"z": torch.tensor([0.5, 0.0], device=device), "u": torch.zeros(1, device=device)}
    active = {"z": torch.tensor([True, False], device=device), "u": torch.tensor([False], device=device)}
    records = {record.metric: record for record in used_records(kl, active, 100)}
    assert (records["active units of z"].value, records["active units of z"].verdict) == (1, "ok")
    assert records["KL(q(z|x) || p(z)) of z"].value == pytest.approx(0.5)
    assert records["active units of u"].verdict == "failed"
