import numpy as np
import pytest
import torch

from genlatent.errors import DataError
from genlatent.evaluation.importance_weights import pareto_record, pareto_shapes, used_records


def pareto(shape, draws=4000, rows=20):
    r"""Weights with :math:`P(w > t) = t^{-1/k}`."""
    generator = torch.Generator().manual_seed(0)
    return -shape * torch.rand(draws, rows, generator=generator, dtype=torch.float64).log()


@pytest.mark.parametrize("shape", [0.3, 0.6, 1.0])
def test_the_shape_of_pareto_weights_is_found(shape):
    assert np.mean(pareto_shapes(pareto(shape))) == pytest.approx(shape, abs=0.05)


def test_equal_weights_have_no_tail():
    assert (pareto_shapes(torch.zeros(100, 3)) == -np.inf).all()
    assert pareto_record(torch.zeros(100, 3)).verdict == "ok"


def test_heavy_tails_are_doubted():
    assert pareto_record(pareto(0.3)).verdict == "ok"
    found = pareto_record(pareto(1.0))
    assert found.verdict == "doubtful"
    assert "of the rows" in found.reason
    assert found.value == pytest.approx(1.0, abs=0.1)


def test_few_draws_are_refused():
    with pytest.raises(DataError, match="at least 25 draws"):
        pareto_shapes(torch.zeros(10, 3))


def test_a_collapsed_code_fails():
    kl = {"z": torch.tensor([0.5, 0.0]), "u": torch.zeros(1)}
    active = {"z": torch.tensor([True, False]), "u": torch.tensor([False])}
    records = {record.metric: record for record in used_records(kl, active, 100)}
    assert (records["active units of z"].value, records["active units of z"].verdict) == (1, "ok")
    assert records["KL(q(z|x) || p(z)) of z"].value == pytest.approx(0.5)
    assert records["active units of u"].verdict == "failed"
