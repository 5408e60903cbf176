"""How annotations are checked while the tests run."""

from typing import Any

from beartype import BeartypeConf, beartype

checks = beartype(conf=BeartypeConf(is_pep484_tower=True))  # an int will do where a float is asked for, as in PEP 484


def checked(thing: Any) -> Any:
    """Checked, but for constructors of estimators: scikit-learn asks of them to keep whatever they are given."""
    kept = thing.__module__.startswith("genlatent.estimators") and getattr(thing, "__name__", "") == "__init__"
    return thing if kept else checks(thing)
