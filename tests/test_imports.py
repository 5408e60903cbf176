"""What the source may say, whatever it does: read from the syntax trees, and from a fresh process."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "genlatent"

# Each may import only from those before it.
HOUSE = (
    "errors",
    "storage",
    "registry",
    "components",
    "model",
    "numerics",
    "distributions",
    "networks",
    "sampling",
    "objectives",
    "data",
    "autoencoders",
    "energy",
    "latent",
    "training",
    "evaluation",
    "estimators",
    "plots",
    "recipes",
    "report",
    "reproduce",
    "explorer",
    "cli",
)

FILES = sorted(PACKAGE.rglob("*.py"))


def room(path):
    """The room or front file that a file belongs to."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imports(tree):
    """Every module of the package that a syntax tree imports, with its line, and whether a function does it."""
    inside = {id(node) for f in ast.walk(tree) if isinstance(f, FUNCTIONS) for node in ast.walk(f)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module] if node.module != "genlatent" else [f"genlatent.{a.name}" for a in node.names]
            names = [f"{'.' * node.level}{name or ''}" if node.level else name for name in names]
        else:
            continue
        for name in names:
            if name.startswith((".", "genlatent")):
                yield name, node.lineno, id(node) in inside


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def trees(*, without=()):
    for path in FILES:
        if room(path) not in without:
            yield path, ast.parse(path.read_text(encoding="utf-8"), str(path))


def test_every_room_of_the_house_is_in_the_order():
    assert {room(path) for path in FILES} - {"__init__"} <= set(HOUSE)


def test_imports_go_one_way():
    for path, tree in trees(without=["__init__"]):
        for name, line, _ in imports(tree):
            assert not name.startswith("."), f"{path}:{line} imports {name}; write the whole name"
            wanted = name.split(".")[1] if "." in name else room(path)
            here = room(path)
            assert HOUSE.index(wanted) <= HOUSE.index(here), f"{path}:{line}: {here} imports upward from {wanted}"


def test_no_function_imports_the_package_except_where_the_command_line_defers_it():
    for path, tree in trees(without=["__init__", "cli"]):
        for name, line, deferred in imports(tree):
            assert not deferred, f"{path}:{line} imports {name} inside a function; break the cycle instead"


def test_the_rooms_order_is_that_of_the_readme():
    drawn = (PACKAGE.parent / "README.md").read_text(encoding="utf-8").partition("\ngenlatent/\n")[2]
    built = [name for name in HOUSE if (PACKAGE / name).exists() or (PACKAGE / f"{name}.py").exists()]
    places = [drawn.index(f"  {name} ") for name in built]
    assert places == sorted(places)


def test_importing_the_package_loads_nothing_heavy():
    code = "import sys, genlatent; print([m for m in ('torch', 'pyro', 'arviz', 'matplotlib') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_the_models_load_no_plotting_and_no_command_line():
    code = (
        "import sys; from genlatent import RBM, VAE, Autoencoder; "
        "print([m for m in ('matplotlib', 'sklearn', 'typer', 'rich', 'pydantic') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def calls(tree):
    """Names that are called, with their line: `print`, `yaml.load`, `torch.load`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_the_library_prints_nothing():
    for path, tree in trees(without=["cli"]):
        for name, node in calls(tree):
            assert name != "print", f"{path}:{node.lineno} prints; that belongs to cli/"


def test_nothing_that_can_run_code_is_read():
    for path, tree in trees():
        for node in ast.walk(tree):
            names = [alias.name for alias in getattr(node, "names", [])] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            assert not {"pickle", "dill", "joblib", "marshal"} & set(names), f"{path}:{node.lineno} imports {names}"
        for name, node in calls(tree):
            assert name not in ("yaml.load", "yaml.unsafe_load", "torch.load", "eval", "exec"), f"{path}:{node.lineno}"
            for keyword in node.keywords:
                allowed = keyword.arg != "allow_pickle" or ast.unparse(keyword.value) == "False"
                assert allowed, f"{path}:{node.lineno} allows pickles"


@pytest.mark.parametrize("word", ["cuda"])
def test_one_file_names_a_device(word):
    for path, tree in trees():
        if path.relative_to(PACKAGE).as_posix() == "numerics/devices.py":
            continue
        for node in ast.walk(tree):
            named = (isinstance(node, ast.Attribute) and node.attr == word) or (
                isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.split(":")[0] == word
            )
            assert not named, f"{path}:{node.lineno} names {word}; ask numerics/devices.py"
