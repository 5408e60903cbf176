"""Metrics that wait, are summed in bulk, and are named where they are not finite."""

import math

import torch

from genlatent.training.tally import WAITING, Tally


def steps(*values):
    tally = Tally()
    for value in values:
        tally.add(torch.tensor(value), {"kl": torch.tensor(value / 2)})
    return tally


def test_means_are_over_all_steps_since_the_last_ones():
    tally = steps(1.0, 2.0)
    assert tally.read() is None
    tally.add(torch.tensor(6.0), {"kl": torch.tensor(3.0)})
    assert tally.read() is None
    assert tally.means() == {"loss": 3.0, "kl": 1.5}
    assert tally.means() == {}


def test_a_metric_called_loss_stands_for_the_value():
    tally = Tally()
    tally.add(torch.tensor(5.0), {"loss": torch.tensor(4.0)})
    tally.read()
    assert tally.means() == {"loss": 4.0}


def test_the_part_that_spoilt_the_loss_is_named_with_its_step():
    broken = steps(1.0, math.inf, 2.0, math.nan).read()
    assert broken is not None
    assert (broken.name, broken.value, broken.behind) == ("kl", math.inf, 2)


def test_a_loss_whose_parts_are_finite_is_named_itself():
    tally = Tally()
    tally.add(torch.tensor(-math.inf), {"kl": torch.tensor(1.0)})
    assert tally.read() == ("loss", -math.inf, 0)


def test_it_is_full_once_so_many_steps_wait():
    tally = steps(*[1.0] * (WAITING - 1))
    assert not tally.full
    tally.add(torch.tensor(1.0), {"kl": torch.tensor(1.0)})
    assert tally.full
