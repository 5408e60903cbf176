"""How annotations are checked while the tests run."""

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))  # an int will do where a float is asked for, as in PEP 484
