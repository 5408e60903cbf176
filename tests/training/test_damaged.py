"""A checkpoint that was changed on the disk is refused before a step is taken from it."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from genlatent.errors import RunError
from genlatent.training.position import check_position
from genlatent.training.run import RunFolder
from genlatent.training.tree import unpack
from tests.endurance.fuzzing.runs import trained


@pytest.fixture
def run(tmp_path):
    trained("vae", tmp_path / "run")
    return tmp_path / "run"


def checkpoint(run):
    folder = RunFolder(run).pointed("last")
    assert folder is not None
    return folder


def refusal(run):
    with pytest.raises(RunError) as caught:
        trained("vae", run, resume=True)
    return str(caught.value)


@pytest.mark.parametrize(
    "changed", [lambda x: x[..., :-1], lambda x: x.double(), lambda x: torch.zeros(0), lambda x: x[None]]
)
@pytest.mark.parametrize("name", ["exp_avg", "exp_avg_sq"])
def test_moments_that_are_not_as_their_parameters_are_never_written_to(run, name, changed):
    """A fused update writes wherever the shapes of its parameters lead it."""
    place = checkpoint(run) / "trainer.safetensors"
    tensors = load_file(place)
    key = next(key for key in tensors if key.endswith(f"/{name}"))
    save_file(tensors | {key: changed(tensors[key]).contiguous()}, place)
    assert "its checkpoint is damaged" in refusal(run)


@pytest.mark.parametrize("lost", ["step", "epoch", "optimizer", "order", "iterate", "best", "seconds"])
def test_a_position_that_lacks_something_is_refused(run, lost):
    place = checkpoint(run) / "trainer.json"
    stored = json.loads(place.read_text())
    stored["position"]["pairs"] = [pair for pair in stored["position"]["pairs"] if pair[0] != lost]
    place.write_text(json.dumps(stored))
    assert "its checkpoint is damaged" in refusal(run)


@pytest.mark.parametrize("name", ["../../elsewhere", "/etc", "..", ""])
def test_the_best_checkpoint_lies_beside_the_last(run, name):
    place = checkpoint(run) / "config.json"
    place.write_text(json.dumps({**json.loads(place.read_text()), "best": name}))
    assert "names no checkpoint" in refusal(run)


def test_metrics_do_not_grow_to_the_size_that_a_checkpoint_claims(tmp_path):
    run = RunFolder(tmp_path)
    run.append({"loss": 1.0})
    run.cut_metrics(2**50)
    assert run.read_metrics() == [{"loss": 1.0}]
    for size in (-1, "5", None):
        with pytest.raises(RunError, match="cannot be cut"):
            run.cut_metrics(size)


@pytest.mark.parametrize("line", ["[1]", "{", '{"loss": "low"}', '{"loss": [1]}', "[" * 5000])
def test_a_line_of_metrics_that_is_none_is_named(tmp_path, line):
    (tmp_path / "metrics.jsonl").write_text(f'{{"loss": 1.0}}\n{line}\n')
    with pytest.raises(RunError, match="line 2"):
        RunFolder(tmp_path).read_metrics()


NOT_COUNTS = ["9", -1, None, [1], True, 1.5]


def with_position(run, **changes):
    """The entries of the position, or of its parts by `part/entry`, changed."""
    place = checkpoint(run) / "trainer.json"
    stored = json.loads(place.read_text())
    for path, value in changes.items():
        pairs = stored["position"]["pairs"]
        for name in path.split("/")[:-1]:
            pairs = next(pair for pair in pairs if pair[0] == name)[1]["pairs"]
        next(pair for pair in pairs if pair[0] == path.split("/")[-1])[1] = value
    place.write_text(json.dumps(stored))


@pytest.mark.parametrize("value", NOT_COUNTS)
@pytest.mark.parametrize("name", ["step", "epoch", "summed", "order/taken", "average/count", "best/stale"])
def test_what_counts_nothing_is_refused(run, name, value):
    with_position(run, **{name: value})
    assert "its checkpoint is damaged" in refusal(run)


@pytest.mark.parametrize(
    ("name", "value"),
    [("best/step", "2"), ("best/value", "low"), ("seconds", -1.0), ("sums", [1]), ("order/start", 3), ("draws", "x")],
)
def test_what_no_training_wrote_is_refused(run, name, value):
    with_position(run, **{name: value})
    assert "its checkpoint is damaged" in refusal(run)


def test_the_best_weights_are_those_of_the_model(run):
    place = RunFolder(run).pointed("best") / "model.safetensors"
    tensors = load_file(place)
    name = next(iter(tensors))
    save_file({f"{name}x" if key == name else key: value for key, value in tensors.items()}, place)
    assert "found nothing" in refusal(run)


def test_a_setting_that_is_nothing_where_there_was_none_is_another_one(run):
    """`None` and no entry at all look alike to `get`."""
    place = checkpoint(run) / "config.json"
    config = json.loads(place.read_text())
    config["model"]["new"] = None
    place.write_text(json.dumps(config))
    assert "new=None" in refusal(run)


def test_each_random_state_is_like_its_own_generator(run):
    """A generator on a device has another state than the one on the host that shuffles."""
    stored = json.loads((checkpoint(run) / "trainer.json").read_text())
    tensors = load_file(checkpoint(run) / "trainer.safetensors")
    found, host = unpack(stored["position"], tensors), torch.get_rng_state()
    elsewhere = torch.zeros(16, dtype=torch.uint8)
    check_position(found | {"draws": elsewhere}, elsewhere, host)
    with pytest.raises(ValueError, match="of the draws is damaged"):
        check_position(found | {"draws": elsewhere}, host, host)
