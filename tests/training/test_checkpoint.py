"""What is saved comes back equal; what cannot be read is refused in one sentence."""

import json
import resource
import shutil

import pytest
import torch
from torch import nn

from genlatent import Autoencoder, fit, load, save
from genlatent.errors import RecipeError, RunError
from genlatent.training.checkpoint import weights
from genlatent.training.run import RunFolder, checkpoint_of, data_info


def assert_equal(one, other):
    assert weights(one).keys() == weights(other).keys()
    for name, tensor in weights(one).items():
        assert torch.equal(tensor, weights(other)[name]), name


@pytest.fixture(scope="module")
def run(tmp_path_factory, digits):
    folder = tmp_path_factory.mktemp("runs") / "autoencoder"
    model = Autoencoder((1, 8, 8), latent=3)
    fit(model, digits, epochs=4, run=folder, patience=50)
    return folder, model


def test_saved_model_comes_back(make, digits, tmp_path):
    model = make()
    fit(model, digits, steps=3)
    save(model, tmp_path / "model")
    torch.manual_seed(3)
    before = torch.get_rng_state()
    found = load(tmp_path / "model")
    assert torch.equal(torch.get_rng_state(), before), "loading draws no random numbers"
    assert type(found) is type(model)
    assert not found.training
    assert_equal(found, model)


def test_saving_does_not_overwrite(make, tmp_path):
    save(make(), tmp_path / "model")
    with pytest.raises(RunError, match="exists already"):
        save(make(), tmp_path / "model")


def test_run_folder(run):
    folder, model = run
    files = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    assert {"metrics.jsonl", "checkpoints/last", "checkpoints/best"} <= files
    assert {"config.json", "model.safetensors"} == {f.name for f in RunFolder(folder).checkpoint("best").iterdir()}
    assert_equal(load(folder), model)
    assert_equal(load(RunFolder(folder).checkpoint("best")), model)
    assert len(RunFolder(folder).read_metrics()) == 4


@pytest.mark.parametrize("keep", ["last", "best"])
def test_a_run_made_light_answers_as_before_and_is_not_gone_on_with(digits, tmp_path, keep):
    model, how = Autoencoder((1, 8, 8), latent=3), {"epochs": 3, "run": tmp_path / "run", "keep": keep}
    fit(model, digits, **how)
    for _ in range(2):
        RunFolder(tmp_path / "run").lighten()
        assert_equal(load(tmp_path / "run"), model)
    assert [path.name for path in tmp_path.rglob("*.safetensors")] == ["model.safetensors"]
    with pytest.raises(RunError, match="cannot be read"):
        fit(model, digits, **how, resume=True)


def test_run_remembers_its_data(run, digits):
    info = data_info(run[0])
    assert (info["title"], info["binarisation"], info["shape"]) == ("digits, dynamic bits", "dynamic", [1, 8, 8])
    assert info["fingerprint"] == digits.fingerprint


def test_a_run_is_not_overwritten(run, digits):
    with pytest.raises(RunError, match="holds a run already; resume it"):
        fit(Autoencoder((1, 8, 8), latent=3), digits, epochs=4, run=run[0])


def test_finished_run_resumes_to_itself(run, digits):
    model = Autoencoder((1, 8, 8), latent=3)
    history = fit(model, digits, epochs=4, run=run[0], patience=50, resume=True)
    assert len(history.rows) == 4
    assert_equal(model, run[1])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"epochs": 5}, "settings was steps=44, now 55"),
        ({"seed": 1}, "settings was seed=0, now 1"),
    ],
)
def test_other_settings_cannot_resume(run, digits, options, words):
    with pytest.raises(RunError, match=words):
        fit(
            Autoencoder((1, 8, 8), latent=3),
            digits,
            **{"epochs": 4, "patience": 50, **options},
            run=run[0],
            resume=True,
        )


def test_another_model_cannot_resume(run, digits):
    with pytest.raises(RunError, match="model was latent=3, now 4"):
        fit(Autoencoder((1, 8, 8), latent=4), digits, epochs=4, patience=50, run=run[0], resume=True)


class Foreign(nn.Module):
    """A network whose argument cannot be written down."""

    def __init__(self, function):
        super().__init__()
        self.function = function
        self.linear = nn.Linear(64, 3)

    def forward(self, x):
        return self.function(self.linear(x.flatten(1)))


def test_what_cannot_be_described_is_loaded_with_the_model(digits, tmp_path):
    def made():
        torch.manual_seed(0)
        return Autoencoder((1, 8, 8), latent=3, encoder=Foreign(lambda x: x.tanh()))

    model = made()
    with pytest.warns(UserWarning, match="will need the model again"):
        fit(model, digits, steps=3, run=tmp_path / "run")
    with pytest.raises(RunError, match="needs the model object"):
        load(tmp_path / "run")
    assert_equal(load(tmp_path / "run", made()), model)


def damaged(run, tmp_path, damage):
    folder = tmp_path / "damaged"
    shutil.copytree(run[0], folder)
    damage(RunFolder(folder).checkpoint("last"))
    return folder


def rewrite(name, **changes):
    def damage(folder):
        config = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(config | changes))

    return damage


def truncate(name):
    def damage(folder):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])

    return damage


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (rewrite("config.json", format=99), "has format 99, this version of genlatent reads format 1"),
        (truncate("config.json"), "cannot be read"),
        (truncate("model.safetensors"), "missing or damaged"),
        (lambda folder: (folder / "model.safetensors").unlink(), "missing or damaged"),
        (rewrite("config.json", model={"name": "rbm", "visible": 64, "hidden": 3}), "should have shape"),
    ],
    ids=["version", "truncated json", "truncated weights", "no weights", "another model"],
)
def test_damage_is_named(run, tmp_path, damage, words):
    with pytest.raises(RunError, match=words):
        load(damaged(run, tmp_path, damage), which="last")


def test_code_from_outside_is_refused(run, tmp_path):
    folder = damaged(run, tmp_path, rewrite("config.json", model={"name": "antigravity:geohash"}))
    with pytest.raises(RecipeError, match="--allow-import antigravity"):
        load(folder, which="last")


def test_not_a_run_folder(tmp_path):
    with pytest.raises(RunError, match="does not exist"):
        checkpoint_of(tmp_path / "nothing")
    with pytest.raises(RunError, match="holds no checkpoint"):
        checkpoint_of(tmp_path)


def test_a_folder_in_use_is_refused(run, digits):
    with RunFolder(run[0]).held(), pytest.raises(RunError, match="being written by another process"):
        fit(Autoencoder((1, 8, 8), latent=3), digits, epochs=4, patience=50, run=run[0], resume=True)


def test_a_full_disk_keeps_the_checkpoint_before(digits, tmp_path, monkeypatch):
    folder = tmp_path / "run"

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    from genlatent.training.callbacks import Callback

    class Fill(Callback):
        def tick(self, trainer):
            if trainer.step == 12:
                monkeypatch.setattr("genlatent.training.checkpoint.save_file", full)

    with pytest.raises(RunError, match="No space left on device; nothing half-written"):
        fit(Autoencoder((1, 8, 8), latent=3), digits, epochs=3, run=folder, checkpoint_steps=11, callbacks=[Fill()])
    monkeypatch.undo()
    assert RunFolder(folder).checkpoint("last").name == "00000011"
    assert load(folder).latent == 3
    assert not list(folder.rglob("*.partial"))


def test_a_best_checkpoint_whose_pointer_has_not_followed_yet_is_kept(run, tmp_path):
    """A process may die between the two pointers; the last checkpoint says which best one belongs to it."""
    folder = RunFolder(shutil.copytree(run[0], tmp_path / "run"))
    best = folder.checkpoint("best")
    (folder.checkpoints / "best").write_text("best-00000000\n")
    folder.tidy()
    assert best.is_dir()


def test_rows_of_metrics_are_written_whole_or_not_at_all(tmp_path, monkeypatch):
    folder = RunFolder(tmp_path)
    folder.append({"step": 1, "loss": 2.0})
    before = folder.metrics.read_text()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    monkeypatch.setattr("genlatent.training.run.json.dumps", lambda row: "x" * 10**7)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, hard))
    try:
        with pytest.raises(RunError, match=r"metrics\.jsonl could not be written: File too large"):
            folder.append({"step": 2, "loss": 1.0})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert folder.metrics.read_text() == before
