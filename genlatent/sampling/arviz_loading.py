"""ArviZ, loaded by whoever first needs it: it takes seconds, and few callers do."""

import warnings
from typing import Any


def load_arviz() -> Any:
    """The module `arviz`, without what it announces about its own future once a day."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"\s*ArviZ is undergoing", FutureWarning)
        import arviz
    return arviz
