"""What is said of chains while they run."""

import pytest
import torch

from genlatent.explorer.watching import Watch


def watched(draws, step):
    watch = Watch()
    for draw in range(draws):
        watch.add({"energy": step(draw)})
    return watch


def test_too_few_draws_say_nothing():
    assert watched(5, lambda draw: torch.randn(4)).plain()["rhat"] is None


def test_chains_that_agree():
    found = watched(2000, lambda draw: torch.randn(8)).plain()
    assert found["rhat"] == pytest.approx(1, abs=0.01)
    assert found["ess"] > 4000


def test_chains_that_are_stuck_apart():
    found = watched(200, lambda draw: torch.arange(4.0)).plain()
    assert (found["rhat"], found["worst"]) == (999.0, "energy")


def test_chains_of_different_means():
    assert watched(500, lambda draw: torch.randn(4) + 3 * torch.arange(4)).plain()["rhat"] > 2


def test_chains_that_never_move_and_agree_say_nothing():
    assert watched(100, lambda draw: torch.zeros(4)).plain()["rhat"] is None


def test_a_bad_beginning_is_forgotten():
    """A drift that ends is no disagreement for ever: with the beginning counted R-hat would stay above 1.1."""
    found = watched(1100, lambda draw: torch.randn(4) + (50 * torch.arange(4) if draw < 60 else 0)).plain()
    assert found["rhat"] < 1.05
    assert found["draws"] == 1100


def test_what_counts_is_between_half_and_all_but_a_quarter():
    watch = Watch()
    for draw in range(1, 3000):
        watch.add({"energy": torch.randn(2)})
        assert watch.seen == watch.draws or 0.5 * draw <= watch.seen <= 0.76 * draw
