"""Metrics and previews where TensorBoard looks for them."""

import sys

import pytest

from genlatent.training.run import RunFolder


@pytest.fixture
def events():
    """What a run left for TensorBoard, read by TensorBoard itself."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def read(run):
        found = EventAccumulator(str(run / "tensorboard"))
        found.Reload()
        return found

    return read


@pytest.mark.filterwarnings("ignore::DeprecationWarning:tensorboard", "ignore::DeprecationWarning:google")
def test_every_metric_stands_at_its_step(tmp_path, ask, events):
    said = ask("train", "digits-rbm", "train.steps=30", "--tensorboard", "--out", tmp_path / "run", "--quiet")
    assert said.code == 0, said.err
    rows = RunFolder(tmp_path / "run").read_metrics()
    found = events(tmp_path / "run")
    scalars = [(event.step, event.value) for event in found.Scalars("loss")]
    assert scalars == [(row["step"], pytest.approx(row["loss"], rel=1e-6)) for row in rows]
    assert "valid/loss" in found.Tags()["scalars"]
    assert found.Images("preview")[0].step == 30


def test_without_the_package_the_user_is_told_what_to_install(tmp_path, monkeypatch, ask):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    said = ask("train", "digits-rbm", "train.steps=2", "--tensorboard", "--out", tmp_path / "run")
    assert said.code == 2
    assert "pip install genlatent[tensorboard]" in said.err
    assert not (tmp_path / "run" / "recipe.yaml").exists()
