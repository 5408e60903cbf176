"""How the API reference is built from the docstrings: `make docs`, then open build/docs/index.html.

Formulas become MathML, which browsers draw by themselves: the pages need no script and no network.
"""

import sys
from pathlib import Path

from docutils import nodes

import genlatent

sys.path.insert(0, str(Path(__file__).parent))

from formulas import mathml

project = "genlatent"
author = "The genlatent developers"
release = genlatent.__version__
extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.apidoc", "sphinx.ext.viewcode", "myst_parser"]
apidoc_modules = [
    {
        "path": "../genlatent",
        "destination": "api",
        "exclude_patterns": ["../genlatent/**/__pycache__"],
        "separate_modules": True,
        "module_first": True,
        "max_depth": 2,
        "automodule_options": {"members", "undoc-members", "show-inheritance"},
    }
]
autodoc_typehints = "signature"
default_role = "code"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
myst_heading_anchors = 3
html_theme = "furo"
html_title = "genlatent"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_math_renderer = "mathml"
exclude_patterns = ["build"]
suppress_warnings = ["myst.xref_missing", "ref.python"]


def inline(translator, node: nodes.math) -> None:
    """A formula within a sentence."""
    translator.body.append(mathml(node.astext()))
    raise nodes.SkipNode


def displayed(translator, node: nodes.math_block) -> None:
    """A formula on a line of its own, with its number if it has one."""
    number = f'<span class="eqno">({node["number"]})</span>' if node.get("number") else ""
    translator.body.append(f'<div class="math">{number}{mathml(node.astext(), display=True)}</div>')
    raise nodes.SkipNode


def not_ours(app, what, name, obj, skip, options) -> bool | None:
    """Leave out what scikit-learn adds to every estimator for its own routing."""
    return True if name.startswith("set_") and name.endswith("_request") else None


def setup(app) -> None:
    """Tell Sphinx of the renderer, and of what to leave out."""
    app.add_html_math_renderer("mathml", (inline, None), (displayed, None))
    app.connect("autodoc-skip-member", not_ours)
