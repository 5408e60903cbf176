"""What genlatent is made from: declared, bounded, licensed, and tried with the oldest versions that it allows."""

import ast
import json
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DIRECT = [Requirement(line) for line in PROJECT["dependencies"]]
EXTRAS = [Requirement(line) for lines in PROJECT["optional-dependencies"].values() for line in lines]
# Part of what another one promises.
WITH = {"starlette": "fastapi", "xarray": "arviz", "h5netcdf": "arviz", "click": "typer", "h11": "uvicorn"}
FREE = re.compile("MIT|BSD|Apache|PSF|Python Software Foundation|ISC|MPL-2.0|Zlib|0BSD|CC0", re.I)


def imported():
    """Names of distributions that the package imports."""
    providers = metadata.packages_distributions()
    for path in (ROOT / "genlatent").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            else:
                continue
            for name in {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"genlatent"}:
                yield WITH.get(name, providers.get(name, [name])[0])


def plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_what_is_imported_is_declared():
    assert {plain(name) for name in imported()} <= {plain(one.name) for one in (*DIRECT, *EXTRAS)}


def test_every_dependency_has_a_lowest_version_and_stands_with_a_free_licence():
    page = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    licences = {plain(name): licence for name, licence in re.findall(r"^\| (\S+) \| \d\S* \| (.+) \|$", page, re.M)}
    for one in DIRECT:
        assert any(bound.operator == ">=" for bound in one.specifier), one
        assert plain(one.name) in licences, f"{one.name} is missing: python docs/licences.py"
    assert all(FREE.search(licence) for licence in licences.values())


def test_the_lowest_versions_that_are_allowed_were_tried():
    """With `pytest -m campaign tests/endurance/test_lowest_versions.py` in an environment of just these."""
    tried = json.loads((ROOT / "tests" / "endurance" / "results" / "lowest-versions.json").read_text())["found"]
    for one in DIRECT:
        lowest = next(bound.version for bound in one.specifier if bound.operator == ">=")
        assert tried[one.name].startswith(lowest), f"{one.name} {lowest} was not tried, but {tried[one.name]}"
