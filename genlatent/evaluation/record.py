"""One judged number, with everything without which it means nothing."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

VERDICTS = ("ok", "doubtful", "failed")


@dataclass(frozen=True)
class Record:
    """A value, how it was found, how sure it is, and whether it can be believed.

    Args:
        metric: what was measured, for example `log-likelihood`.
        value: the number.
        method: how it was found, for example `exact, 2^10 hidden states`.
        unit: what it is counted in; only a likelihood is in nats.
        interval: where the true number lies with 95 % confidence; `None` where nothing says.
        samples: draws for each row, or of the chains; 0 where nothing was drawn.
        rows: held-out rows it is the mean over; 0 where it is not about rows.
        data, binarisation: what it was measured on; numbers under different ones are not compared.
        verdict: `ok`, `doubtful` or `failed`.
        reason: why it is not `ok`, or what to bear in mind.

    >>> print(Record("log-likelihood", -12.5, "exact", unit="nats", interval=(-12.75, -12.25)))
    log-likelihood: -12.500 [-12.750, -12.250] nats (exact): ok
    """

    metric: str
    value: float
    method: str
    unit: str = ""
    interval: tuple[float, float] | None = None
    samples: int = 0
    rows: int = 0
    data: str = ""
    binarisation: str = "none"
    verdict: str = "ok"
    reason: str = ""

    def __post_init__(self):
        if self.verdict not in VERDICTS:
            raise ValueError(f"verdict must be one of {', '.join(VERDICTS)}, got {self.verdict!r}")
        if self.verdict != "ok" and not self.reason:
            raise ValueError(f"{self.metric}: a verdict of {self.verdict!r} needs its reason")
        if self.interval is not None:
            object.__setattr__(self, "interval", (float(self.interval[0]), float(self.interval[1])))
        object.__setattr__(self, "value", float(self.value))
        if not math.isfinite(self.value) and self.verdict == "ok":
            object.__setattr__(self, "verdict", "failed")
            object.__setattr__(self, "reason", f"{self.value} is no finite number")

    def plain(self) -> dict[str, Any]:
        """Plain values, for JSON and CSV; :meth:`from_plain` is the way back."""
        return asdict(self)

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> "Record":
        """The record that plain values spell.

        >>> record = Record("chains", 1.01, "rank R-hat", interval=(1.0, 1.02))
        >>> Record.from_plain(record.plain()) == record
        True
        """
        known = {field.name: values[field.name] for field in fields(cls) if field.name in values}
        if known.get("interval") is not None:
            known["interval"] = tuple(known["interval"])
        return cls(**known)

    def __str__(self) -> str:
        interval = "" if self.interval is None else f" [{number(self.interval[0])}, {number(self.interval[1])}]"
        unit = f" {self.unit}" if self.unit else ""
        end = f" ({self.reason})" if self.reason else ""
        return f"{self.metric}: {number(self.value)}{interval}{unit} ({self.method}): {self.verdict}{end}"


def number(value: float) -> str:
    """A value as it stands in tables.

    >>> number(-86.34211), number(1234.5678), number(0.00012)
    ('-86.342', '1234.6', '0.00012')
    """
    if value == 0 or not math.isfinite(value):
        return str(value)
    if abs(value) < 0.01:
        return f"{value:.3g}"
    return f"{value:.3f}" if abs(value) < 1000 else f"{value:.1f}"


HEADER = ("metric", "value", "95 % interval", "unit", "method", "samples", "rows", "data", "verdict", "reason")


def table(records: Sequence[Record]) -> list[tuple[str, ...]]:
    """Header and rows of text.

    >>> table([Record("log-likelihood", -12.5, "exact", unit="nats")])[1][:5]
    ('log-likelihood', '-12.500', '-', 'nats', 'exact')
    """
    return [HEADER, *(_row(record) for record in records)]


def _row(record: Record) -> tuple[str, ...]:
    interval = "-" if record.interval is None else " .. ".join(number(side) for side in record.interval)
    counts = tuple(str(count) if count else "-" for count in (record.samples, record.rows))
    shown = (record.metric, number(record.value), interval, record.unit, record.method)
    return (*shown, *counts, record.data, record.verdict, record.reason)
