"""Batches of which a fixed part is labelled."""

import pytest
import torch

from genlatent import SemiSupervisedVAE, fit, load_data
from genlatent.distributions.likelihoods import Gaussian
from genlatent.errors import RecipeError
from genlatent.networks.mlp import MLP
from genlatent.training.order import Mixed


@pytest.fixture(scope="module")
def digits():
    return load_data("digits", num_labels=30)


def small(data):
    networks = {name: MLP((8,)) for name in ("encoder", "decoder", "classifier")}
    return SemiSupervisedVAE(data.shape, 10, latent=2, likelihood=Gaussian(), **networks)


def test_every_batch_has_its_labelled_rows_first(digits):
    order = Mixed(digits, 100, 20, torch.Generator().manual_seed(0))
    batches = list(order)
    assert len(batches) == len(order) == 16
    seen = []
    for batch in batches:
        count, weight = batch.labelled
        labels = batch.labels[batch.index]
        assert (labels[:count] >= 0).all()
        assert (labels[count:] < 0).all()
        assert count * weight / (len(labels) - count) == pytest.approx(30 / 1267)
        seen.append(batch.index[count:])
    assert torch.cat(seen).sort().values.equal((digits.labels.train < 0).nonzero().squeeze(1))


def test_labelled_rows_come_round_equally_often(digits):
    batches = list(Mixed(digits, 100, 15, torch.Generator().manual_seed(0)))[:14]
    counts = torch.cat([batch.index[:15] for batch in batches]).bincount()
    assert counts[counts > 0].tolist() == [7] * 30


def test_an_epoch_left_in_the_middle_goes_on_as_it_was(digits):
    whole = [batch.index for batch in Mixed(digits, 200, 50, torch.Generator().manual_seed(3))]
    order = Mixed(digits, 200, 50, torch.Generator().manual_seed(3))
    rest = iter(order)
    first = [next(rest).index for _ in range(3)]
    other = Mixed(digits, 200, 50, torch.Generator())
    other.restore(order.state())
    assert all(torch.equal(a, b) for a, b in zip(whole, [*first, *(batch.index for batch in other)]))


def test_a_training_counts_its_epochs_by_them(digits):
    history = fit(small(digits), digits, epochs=2, batch_size=100, labelled=20)
    assert [row["step"] for row in history.rows] == [16, 32]


@pytest.mark.parametrize("labelled", [0, 100, 200])
def test_a_share_that_leaves_nothing_is_refused(digits, labelled):
    with pytest.raises(RecipeError, match="at least 1 and below the batch size of 100"):
        fit(small(digits), digits, epochs=1, batch_size=100, labelled=labelled)


def test_rows_of_both_kinds_are_needed():
    data = load_data("digits")
    with pytest.raises(RecipeError, match="1297 rows have a label and 0 have none"):
        fit(small(data), data, epochs=1, batch_size=100, labelled=20)
