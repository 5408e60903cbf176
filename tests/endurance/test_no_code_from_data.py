"""Nothing that is read as data runs code: names in run folders, archives, arrays, and the sources themselves."""

import ast
import functools
import inspect
import io
import json
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from safetensors.torch import load_file
from torch import nn

import genlatent
from genlatent import RBM, components, fit, load
from genlatent.cli import main
from genlatent.cli.main import answer, app
from genlatent.data import conversions
from genlatent.data.archives import DAMAGED, read_archive
from genlatent.data.conditions import condition_rows
from genlatent.data.dataset import Dataset
from genlatent.data.sources import load_data
from genlatent.errors import DataError, GenlatentError, RecipeError
from genlatent.recipes import assembly
from genlatent.recipes.reading import dump, parse, read

ROOT = Path(__file__).parents[2]

BOMB = """\
from pathlib import Path
Path({mark!r}).write_text("imported")
from genlatent import RBM
class Bomb(RBM):
    pass
def bang(x):
    return x
"""

RECIPE = {
    "model": {"name": "evil_module:Bomb", "visible": [4], "hidden": 2},
    "data": {"path": "x.npy"},
    "train": {"steps": 2, "batch_size": 4},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The run of a tiny machine."""
    place = tmp_path_factory.mktemp("runs")
    np.save(place / "x.npy", (np.arange(80).reshape(20, 4) % 3 == 0).astype("f4"))
    torch.manual_seed(0)
    data = load_data(place / "x.npy")
    fit(RBM(4, 2), data, steps=2, batch_size=4, run=place / "run", mode="eager")
    return place


@pytest.fixture
def desk(trained, tmp_path, monkeypatch):
    """A folder with a run whose class lies in a module that leaves a mark when it is imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    (tmp_path / "evil_module.py").write_text(BOMB.format(mark=str(tmp_path / "mark")))
    (tmp_path / "evil_modulex.py").write_text(BOMB.format(mark=str(tmp_path / "mark")))
    named("run", "evil_module:Bomb")
    (tmp_path / "run" / "recipe.yaml").write_text(dump(RECIPE))
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("evil_")]:
        del sys.modules[name]


def named(run, name, **arguments):
    """Put another class into the description of a run's model."""
    for place in Path(run).glob("checkpoints/*/config.json"):
        config = json.loads(place.read_text())
        config["model"] = {**config["model"], "name": name, **arguments}
        place.write_text(json.dumps(config))


def leaves(command, path=()):
    """Every command below a group, with the words that call it."""
    for name, sub in getattr(command, "commands", {}).items():
        yield from leaves(sub, (*path, name))
    if not hasattr(command, "commands"):
        yield path, command


VERBS = dict(leaves(typer.main.get_command(app)))


def takes_run(command):
    """Whether it opens a run folder: an argument or option that is one, or a list in which there may be some."""
    return any("RUN" in (p.metavar or "") or p.name in ("run", "resume") for p in command.params)


OPENING = [words for words, command in VERBS.items() if takes_run(command)]


def call(words):
    """The least that a verb needs to open the run."""
    if words == ("train",):
        return ["train", "--resume", "run"]
    further = [p for p in VERBS[words].params if p.param_type_name == "argument" and p.required and p.name != "run"]
    return [*words, "run", *("run" if words == ("compare",) else "0" for _ in further)]


def test_the_verbs_are_found():
    known = {"train", "sample", "evaluate", "diagnose", "encode", "decode", "reconstruct", "denoise", "impute", "score"}
    assert {*known, "traverse", "interpolate", "compare", "report", "explore"} <= {words[0] for words in OPENING}
    assert len(VERBS) > len(OPENING)


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_a_verb_has_the_option_exactly_if_it_opens_a_run(words):
    assert any(p.name == "allow_import" for p in VERBS[words].params) == takes_run(VERBS[words])


@pytest.mark.parametrize("words", OPENING, ids=" ".join)
def test_without_consent_a_verb_stops_before_anything_is_imported(words, desk, capsys):
    for consent in ([], ["--allow-import", "evil_modulex"], ["--allow-import", "evil"]):
        assert answer([*call(words), *consent]) == 2
        said = capsys.readouterr().err
        assert said.startswith("genlatent: ")
        assert said.count("\n") == 1
        assert "'evil_module:Bomb' is code from outside genlatent" in said
        assert "--allow-import evil_module" in said
        assert not (desk / "mark").exists()
        assert "evil_module" not in sys.modules


@pytest.mark.parametrize("words", OPENING, ids=" ".join)
def test_with_consent_it_goes_on(words, desk, capsys, monkeypatch):
    monkeypatch.setattr("genlatent.components.build", halted(components.build))
    monkeypatch.setattr("genlatent.training.checkpoint.build", halted(components.build))
    with pytest.raises(Halted):
        answer([*call(words), "--allow-import", "evil_module"])
    assert (desk / "mark").exists()


class Halted(BaseException):
    """The model was built, which is as far as this test goes."""


def halted(build):
    """Building a model, and then no further."""

    def stopping(*given, **named):
        build(*given, **named)
        raise Halted

    return stopping


def test_with_consent_verbs_answer(desk):
    consent = ["--allow-import", "evil_module", "--quiet"]
    assert answer(["sample", "run", "-n", "3", "--out", "s.npy", *consent]) == 0
    assert answer(["score", "run", "x.npy", "--out", "s.csv", *consent]) == 0
    assert answer(["encode", "run", "x.npy", "--out", "z.npy", *consent]) == 0
    assert (desk / "mark").exists()


@pytest.mark.parametrize(
    "place",
    [
        *("evil_modulex:Bomb", "evil_module.sub:Bomb", "genlatentx:Bomb", "torch.nnx:Bomb", "torch:jit.ScriptModule"),
        *("os:system", "builtins:eval", ":Bomb", ".evil_module:Bomb", "evil_module :Bomb", "torch.jit:ScriptModule"),
        *("genlatent.storage:os.system", "genlatent.components:importlib.import_module", "torch.nn:Module.__class__"),
        *("genlatent.storage:shutil.rmtree", "torch.nn.modules.module:torch.jit.ScriptModule"),
        "pyro.distributions:torch.hub.load",
    ],
)
@pytest.mark.parametrize("kind", ["model", "function"])
def test_names_that_lead_elsewhere_are_refused(place, kind, desk):
    spec = {"name": place} if kind == "model" else {"name": "function", "place": place}
    with pytest.raises(RecipeError):
        components.build(spec, "model", allow=())
    assert not (desk / "mark").exists()


def test_consent_is_for_whole_parts_of_a_name(desk):
    for allowed in ("evil", "evil_modul", "evil_module.sub", "evil_modulex", "", "Evil_module", "evil_module:Bomb"):
        with pytest.raises(RecipeError, match="--allow-import evil_module"):
            components.build({"name": "evil_module:Bomb"}, "model", allow=(allowed,))
    assert not (desk / "mark").exists()
    package = desk / "evil_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "part.py").write_text(BOMB.format(mark=str(desk / "mark")))
    made = components.build({"name": "evil_package.part:Bomb", "visible": [4], "hidden": 2}, "model", ("evil_package",))
    assert type(made).__name__ == "Bomb"


@pytest.mark.parametrize(
    "hidden",
    [
        {"name": "evil_module:Bomb"},
        [{"name": "evil_module:Bomb"}],
        {"a": [{"b": {"name": "evil_module:Bomb"}}]},
        {"name": "function", "place": "evil_module:bang"},
        {"name": "torch.nn:Sequential", "args": [{"name": "evil_module:Bomb"}]},
    ],
)
def test_a_name_is_refused_however_deep_it_lies(hidden, desk):
    named("run", "rbm", visible_units=hidden)
    with pytest.raises(GenlatentError, match="--allow-import evil_module"):
        load("run")
    assert not (desk / "mark").exists()


def test_in_python_too(desk):
    for opening in (load, RBM.from_pretrained, genlatent.load):
        with pytest.raises(RecipeError, match="--allow-import evil_module"):
            opening("run")
    assert not (desk / "mark").exists()
    assert type(load("run", allow=["evil_module"])).__name__ == "Bomb"
    assert type(RBM.from_pretrained("run", allow=["evil_module"])).__name__ == "Bomb"


def test_whatever_reads_a_model_in_python_can_be_told_whom_to_trust():
    assert inspect.signature(load).parameters["allow"].default == ()
    assert inspect.signature(components.build).parameters["allow"].default == ()


def test_a_recipe_is_consent_to_its_own_imports_only(desk):
    (desk / "mine.yaml").write_text(dump(RECIPE))
    recipe = read("mine.yaml")
    assert assembly.imports(recipe) == ["evil_module"]
    spec = {"name": "evil_modulex:Bomb", "visible": [4], "hidden": 2}
    with pytest.raises(RecipeError, match="--allow-import evil_modulex"):
        components.build(spec, "model", assembly.imports(recipe))
    assert answer(["train", "mine.yaml", "--out", "made", "--quiet"]) == 0
    assert (desk / "mark").exists()


def test_showing_or_rehearsing_no_recipe_imports_it_before_it_is_trained(desk):
    (desk / "mine.yaml").write_text(dump(RECIPE))
    assert answer(["recipes", "show", "mine.yaml", "--json"]) == 0
    assert not (desk / "mark").exists()


def test_yaml_makes_plain_values_only(desk):
    for text in ("!!python/object/apply:os.system ['touch mark']", "!!python/name:os.system", "!!python/module:os"):
        with pytest.raises(RecipeError, match="not valid YAML"):
            parse(f"a: {text}")
    assert not (desk / "mark").exists()


class Pickled:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark):
        self.mark = str(mark)

    def __reduce__(self):
        return Path.touch, (Path(self.mark),)


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
def test_arrays_of_objects_are_refused_in_a_sentence(name, tmp_path):
    values = np.array([Pickled(tmp_path / "mark")], dtype=object)
    path = tmp_path / name
    (np.save if name.endswith("npy") else np.savez)(path, values, allow_pickle=True)
    for reader in (load_data, lambda place: condition_rows(str(place), "data")):
        with pytest.raises(DataError, match="may hold code; only arrays of numbers are read"):
            reader(path)
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize("ending", [".pt", ".pth", ".pkl", ".pickle", ".joblib"])
def test_pickles_are_refused_by_name(ending, tmp_path):
    (tmp_path / f"x{ending}").write_bytes(b"")
    with pytest.raises(DataError, match="pickles, which can run code"):
        load_data(tmp_path / f"x{ending}")


def test_a_pickle_in_the_place_of_weights_is_refused(desk):
    named("run", "rbm")
    for place in (desk / "run").glob("checkpoints/*/model.safetensors"):
        with place.open("wb") as file:
            torch.save({"W": nn.Parameter(torch.zeros(4, 2))}, file)
    with pytest.raises(GenlatentError, match="cannot be read"):
        load("run")


OUTSIDE = ("../escaped.png", "/tmp/escaped.png", "a/../../escaped.png", "images/../../../../escaped.png")


def everything_below(folder):
    return sorted(str(path) for path in folder.rglob("*"))


@pytest.mark.parametrize("name", OUTSIDE)
def test_members_of_a_zip_stay_in_it(name, tmp_path):
    inside = tmp_path / "deep" / "inside"
    inside.mkdir(parents=True)
    for path, reader in ((inside / "x.zip", conversions.from_omniglot_zip), (inside / "x.npz", read_archive)):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name if path.suffix == ".zip" else name.replace("png", "npy"), b"x")
        before = everything_below(tmp_path)
        with pytest.raises((*DAMAGED, GenlatentError)):
            reader(path)
        assert everything_below(tmp_path) == before


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
@pytest.mark.parametrize("target", ["../secret", "/etc/passwd", "data_batch_1.bin"])
def test_links_of_a_tar_lead_nowhere(kind, target, tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret").write_bytes(bytes(conversions.CIFAR_RECORD))
    with tarfile.open(inside / "x.tar", "w") as archive:
        for name in ("data_batch_1.bin", "test_batch.bin"):
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.type, member.linkname = kind, target
            archive.addfile(member, io.BytesIO())
    before = everything_below(tmp_path)
    with pytest.raises((*DAMAGED, GenlatentError)):
        conversions.from_cifar_tar(inside / "x.tar")
    assert everything_below(tmp_path) == before


@pytest.mark.parametrize("name", ["../../elsewhere", "/etc", "..", ".", "a/b", "", "last\0", "é" * 600])
def test_pointers_stay_in_their_run(name, desk):
    (desk / "elsewhere").mkdir()
    shutil.copytree(next((desk / "run" / "checkpoints").glob("0*")), desk / "elsewhere" / "checkpoint")
    (desk / "run" / "checkpoints" / "last").write_text(f"{name}\n")
    with pytest.raises(GenlatentError):
        load("run")


FILES = sorted([*ROOT.glob("*.py"), *(ROOT / "genlatent").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")])
RUNNING = ("pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve")
UNSAFE = (
    *("eval", "exec", "compile", "__import__", "torch.load", "torch.jit.load", "torch.hub.load", "torch.save"),
    *("yaml.load", "yaml.unsafe_load", "yaml.full_load", "pandas.read_pickle", "pd.read_pickle", "os.system"),
)
UNPACKING = ("extract", "extractall", "unpack_archive")
IMPORTING = ("registry.py", "components.py", "__init__.py")  # by names, after they were looked at


@functools.cache
def walked():
    """Calls, imports and classes of all sources."""
    trees = ((path, ast.parse(path.read_text(encoding="utf-8"), str(path))) for path in FILES)
    kinds = (ast.Call, ast.Import, ast.ImportFrom, ast.ClassDef)
    return [(path, node) for path, tree in trees for node in ast.walk(tree) if isinstance(node, kinds)]


def nodes(kind):
    return [(path, node) for path, node in walked() if isinstance(node, kind)]


def test_no_source_reads_pickles_or_runs_text():
    for path, node in nodes((ast.Import, ast.ImportFrom)):
        names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
        assert not set(RUNNING) & {name.partition(".")[0] for name in names}, f"{path}:{node.lineno}"
    for path, node in nodes(ast.Call):
        name = ast.unparse(node.func)
        assert name not in UNSAFE, f"{path}:{node.lineno} calls {name}"
        assert name.rpartition(".")[2] not in UNPACKING, f"{path}:{node.lineno} unpacks an archive into a folder"


def test_what_could_read_more_than_data_is_told_not_to():
    for path, node in nodes(ast.Call):
        name, given = ast.unparse(node.func), {word.arg: ast.unparse(word.value) for word in node.keywords}
        if "savez" in name:
            assert path.name == "npz.py", f"{path}:{node.lineno}: write_npz looks for objects first"
        if name in ("np.load", "numpy.load", "np.save"):
            mapped = "mmap_mode" in given or "benchmarks" in path.parts
            assert mapped or given.get("allow_pickle") == "False", f"{path}:{node.lineno}"
        if name == "Image.open":
            assert "formats" in given, f"{path}:{node.lineno} lets a file choose its reader"
        if name in ("importlib.import_module", "import_module"):
            assert path.name in IMPORTING, f"{path}:{node.lineno} imports by name"


def test_every_loader_of_yaml_is_the_safe_one():
    for path, node in nodes(ast.ClassDef):
        for base in map(ast.unparse, node.bases):
            assert not base.endswith("Loader") or base == "yaml.SafeLoader", f"{path}:{node.lineno}"


def test_a_run_folder_holds_plain_files_only(trained):
    endings = {path.suffix for path in (trained / "run").rglob("*") if path.is_file()}
    assert endings <= {"", ".json", ".jsonl", ".safetensors"}
    for place in (trained / "run").rglob("*.safetensors"):
        assert all(isinstance(value, torch.Tensor) for value in load_file(place).values())


def test_the_data_that_the_tests_stand_on(trained):
    assert isinstance(load_data(trained / "x.npy"), Dataset)
    assert main.BAD_INPUT == 2
