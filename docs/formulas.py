"""Formulas of the docstrings as MathML, which browsers draw without a script."""

from html import escape

from latex2mathml.converter import convert

# What the converter does not know, and a character that says the same.
SAID_OTHERWISE = {r"\|": "‖", r"\langle": "⟨", r"\rangle": "⟩", r"\arg\min": r"\mathrm{arg\,min}"}


def mathml(formula: str, *, display: bool = False) -> str:
    r"""The formula as a `math` element, with its source as a label for readers of another kind.

    >>> mathml(r"x_i").startswith('<math alttext="x_i"')
    True
    """
    known = formula
    for name, said in SAID_OTHERWISE.items():
        known = known.replace(name, said)
    if r"\\" in known and r"\begin" not in known:
        known = rf"\begin{{split}}{known}\end{{split}}"
    drawn = convert(known, display="block" if display else "inline")
    return drawn.replace("<math ", f'<math alttext="{escape(formula)}" ', 1)
