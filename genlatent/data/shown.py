"""Rows of text as they are read: in columns, and as an HTML table."""

from collections.abc import Sequence
from html import escape

Rows = Sequence[Sequence[str]]


def as_text(rows: Rows) -> str:
    """The first row as a header, every column as wide as its widest cell.

    >>> print(as_text([("model", "nats"), ("rbm", "-86.3")]))
    model  nats
    rbm    -86.3
    """
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def as_html(rows: Rows) -> str:
    """The same for a notebook.

    >>> as_html([("a",), ("<b>",)])
    '<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>&lt;b&gt;</td></tr></tbody></table>'
    """
    head, *body = ("".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in row) for tag, row in _tagged(rows))
    lines = "".join(f"<tr>{line}</tr>" for line in body)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"


def _tagged(rows: Rows) -> list[tuple[str, Sequence[str]]]:
    return [("td" if number else "th", row) for number, row in enumerate(rows)]
