"""Whether single dimensions of a code stand for single factors."""

from collections.abc import Sequence
from typing import Any

import torch

from genlatent.errors import DataError, RecipeError
from genlatent.evaluation.disentanglement.scores import ROWS_AT_ONCE, drawn_codes, scores
from genlatent.evaluation.record import Record
from genlatent.numerics import devices
from genlatent.numerics.randomness import stream
from genlatent.reproduce.measured import Asked, Measure, Measured
from genlatent.reproduce.two_sided import measure_of

KEPT = ("MIG", "FactorVAE score", "beta-VAE score", "DCI disentanglement", "SAP", "modularity")


class Disentangled:
    """MIG, FactorVAE score and others of draws from q(z | x), between the dimensions of z and the rows' true factors.

    Args:
        first: the score that the record is known by.
    """

    unit, sign = "", 1

    def __init__(self, first: str = "MIG"):
        if first not in KEPT:
            raise RecipeError(f"first is one of {', '.join(KEPT)}, got {first!r}")
        self.first = self.metric = first

    def pieces(self, rows: int) -> int:
        """All rows at once, since every score compares rows."""
        return 1

    def piece(self, asked: Asked, number: int) -> dict[str, Any]:
        """All scores, the wanted one first."""
        if asked.y is None or asked.y.dim() != 2:
            raise DataError("these rows have no true factors, which a code could stand for")
        draws = stream(asked.seed, devices.of(asked.model), name="disentanglement")
        codes = torch.cat([drawn_codes(asked.model, rows, draws) for rows in asked.x.split(ROWS_AT_ONCE)])
        found = {one.metric: _measure(one) for one in scores(codes, asked.y, seed=asked.seed)}
        kept = {name: found[name] for name in (self.first, *KEPT)}
        return Measured(kept, True, "", "of one draw of each row's code").plain()

    def gathered(self, pieces: Sequence[dict[str, Any]]) -> Measured:
        """The one piece."""
        (only,) = pieces
        return Measured({k: measure_of(m) for k, m in only["measures"].items()}, True, "", only["method"])


def _measure(record: Record) -> Measure:
    return Measure(record.value, record.interval)
