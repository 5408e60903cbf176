from typing import NamedTuple

import pytest
import torch

from genlatent.errors import RecipeError
from genlatent.numerics.matmul import fast_matmul
from genlatent.sampling.driver import average, run, trace


class Count(NamedTuple):
    layers: dict[str, torch.Tensor]


class Counting:
    """A kernel whose state is the number of steps taken, plus ten times the chain's number."""

    def init(self, chains, generator=None):
        return Count({"n": 10.0 * torch.arange(chains)})

    def step(self, state, generator=None):
        return Count({"n": state.layers["n"] + 1}), {}

    def runner(self, state, generator=None):
        return CountingRunner(state)

    def products(self, state):
        return []


class CountingRunner:
    def __init__(self, state):
        self.state = Count({"n": state.layers["n"].clone()})

    def advance(self, steps):
        self.state.layers["n"].add_(steps)


@pytest.fixture
def start(device):
    return Count({"n": Counting().init(2).layers["n"].to(device)})


def test_run_takes_so_many_steps(start):
    assert run(Counting(), start, 173).layers["n"].tolist() == [173, 183]
    assert start.layers["n"].tolist() == [0, 10]


def test_trace_counts_burn_in_and_thinning(start):
    last, draws = trace(Counting(), start, 3, burn_in=100, thin=7)
    assert draws["n"].tolist() == [[107, 114, 121], [117, 124, 131]]
    assert last.layers["n"].tolist() == [121, 131]
    assert (draws.burn_in, draws.thin) == (100, 7)


def test_observations_keep_their_shape_and_type(start):
    def observe(state):
        return {"pair": torch.stack((state.layers["n"],) * 2, 1), "odd": state.layers["n"] % 2 == 1}

    draws = trace(Counting(), start, 4, observe=observe)[1]
    assert draws["pair"].shape == (2, 4, 2)
    assert draws["odd"].dtype == torch.bool


def test_average_is_the_mean_of_the_trace(start):
    how = {"burn_in": 3, "thin": 2}
    expected = trace(Counting(), start, 5, **how)[1]["n"].mean(1)
    assert torch.equal(average(Counting(), start, 5, lambda state: state.layers["n"].clone(), **how), expected)


def test_progress_ends_at_the_total(start):
    seen = []
    trace(Counting(), start, 3, burn_in=120, thin=2, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(50, 126), (100, 126), (120, 126), (122, 126), (124, 126), (126, 126)]


@pytest.mark.parametrize("how", [{"draws": 0}, {"draws": 1, "thin": 0}, {"draws": 1, "burn_in": -1}])
def test_counts_that_are_refused(how, start):
    with pytest.raises(RecipeError, match="draws and thin must be at least 1, burn_in at least 0"):
        trace(Counting(), start, **how)
    with pytest.raises(RecipeError, match="steps must be at least 1, got 0"):
        run(Counting(), start, 0)


def test_the_process_wide_switch_is_put_back(start):
    before = torch.backends.mkldnn.matmul.fp32_precision

    def fails(state):
        raise KeyError

    with pytest.raises(KeyError), fast_matmul("float32"):
        trace(Counting(), start, 1, observe=fails)
    assert torch.backends.mkldnn.matmul.fp32_precision == before
