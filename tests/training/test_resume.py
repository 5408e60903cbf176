"""A run that was killed, again and again, ends with the same bits as one that was not."""

import pytest

from tests.endurance.trials import TRAIN, kill_training
from tests.training.conftest import FAMILIES

KILLS = 7  # of each family: 21 in all, every second one while a checkpoint is being written


@pytest.mark.slow
@pytest.mark.parametrize("family", list(FAMILIES))
def test_killed_run_ends_bit_identical(tmp_path, family):
    killed = kill_training(TRAIN, family, "traced", tmp_path, KILLS)
    assert killed.anywhere + killed.writing == KILLS
    assert killed.writing >= KILLS // 2
