"""Numbers in the width that models learn from."""

from typing import Any

import numpy as np


def cast(values: Any, dtype: Any = np.float32) -> np.ndarray:
    """Numbers in another type, in memory of their own; one that it cannot hold becomes infinite, without a warning.

    Infinite values are refused where a data set is checked, with the row that they stand in.

    >>> cast([1.5, 1e300])
    array([1.5, inf], dtype=float32)
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return np.array(values, dtype=dtype)
