"""Every formula in a docstring can be drawn as MathML, so that the reference needs no network."""

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs"))

from formulas import mathml  # noqa: E402  (it lies beside the pages that use it)

BLOCK = re.compile(r"^( *)\.\. math::[ ]*(.*\n(?:(?:\1 +.*)?\n)*)", re.MULTILINE)
INLINE = re.compile(r":math:`([^`]+)`")
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def docstrings():
    for path in sorted((ROOT / "genlatent").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node)):
                yield path, text + "\n"


def formulas():
    for path, text in docstrings():
        for found in BLOCK.finditer(text):
            yield from ((path, part.strip()) for part in re.split(r"\n\s*\n", found[2]) if part.strip())
        for found in INLINE.finditer(text):
            yield path, " ".join(found[1].split())


def test_every_formula_is_drawn_with_no_command_left_over():
    found = list(formulas())
    assert len(found) > 500
    for path, formula in found:
        drawn = mathml(formula, display=True)
        left = re.search(r"\\[A-Za-z|]+", drawn.partition(">")[2])
        assert not left, f"{path}: {left[0]} is not drawn in {formula}"


def test_a_formula_of_several_lines_is_aligned():
    assert mathml(r"a &= b \\ &= c").count("<mtr>") == 2


def test_a_command_that_nobody_knows_would_be_found():
    assert "nosuchthing" in mathml(r"\nosuchthing x").partition(">")[2]
