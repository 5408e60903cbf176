"""Numbers that are not finite, put into weights, data, gradients, memory and chains: caught at once, and named."""

import re
from dataclasses import replace

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from genlatent import evaluate, fit, load, registry, save
from genlatent.components import build, describe
from genlatent.data.dataset import Dataset
from genlatent.data.sources import load_data
from genlatent.errors import DataError, Diverged, RunError, Unsupported
from genlatent.model import Model, not_finite
from genlatent.sampling import driver
from genlatent.training.callbacks import Callback
from genlatent.training.checkpoint import read_tensors, weights, write_tensors
from genlatent.training.optimizer import Optimizer
from genlatent.training.step import Step
from genlatent.training.trainer import Trainer
from tests.test_models import EXAMPLES, gappy, labels

NAMES = list(registry.KINDS["model"])
SPOILT = (torch.nan, torch.inf, -torch.inf)  # the models take turns with them
MEMORY = (("exp_avg", torch.nan), ("exp_avg_sq", torch.inf))
LEARNING = ("rbm", "boltzmann-machine", "dbm", "classification-rbm")  # by chains that go on from step to step
CHAINED = (*LEARNING, "fully-visible-boltzmann-machine", "neural-energy", "joint-energy")


@pytest.fixture(scope="module")
def few() -> Dataset:
    """Twelve rows of digits to learn from: four steps of three make an epoch."""
    data = load_data("digits", binarise="static")
    kept = {part: getattr(data, part)[:12] for part in ("train", "valid", "test")}
    return replace(data, **kept, labels=type(data.labels)(*(part[:12] for part in data.labels)))


@pytest.fixture(params=NAMES)
def model(request) -> Model:
    return made(request.param)


def made(name: str, device="cpu") -> Model:
    """Where a step's numbers can be read at once, unless told otherwise: elsewhere they are read in bulk."""
    torch.manual_seed(1)
    return build(EXAMPLES[name], "model").to(device)


def spoil(tensor, value=torch.nan) -> None:
    """Overwrite the last number."""
    with torch.no_grad():
        tensor[tuple(size - 1 for size in tensor.shape)] = value


def trained(model: Model) -> tuple[str, torch.Tensor]:
    """The last weight that training moves."""
    return [(name, p) for name, p in model.named_parameters() if p.requires_grad][-1]


def questions(model: Model, x) -> dict:
    """Every verb, and the judgement of all rows."""
    told = labels(model, x)
    return {
        "sample": lambda: model.sample(2),
        "encode": lambda: model.encode(x, **told),
        "reconstruct": lambda: model.reconstruct(x, **told),
        "score": lambda: model.score(x, **told),
        "impute": lambda: model.impute(gappy(x), **told),
    }


class At(Callback):
    """Does harm after a step, once."""

    def __init__(self, step, harm):
        self.step, self.harm = step, harm

    def tick(self, trainer):
        if trainer.step == self.step:
            self.harm(trainer)


def short(model, data, harm, step=2, **how):
    return fit(model, data, **{"steps": 4, "batch_size": 3, "mode": "eager"} | how, callbacks=[At(step, harm)])


# Weights


def test_no_verb_answers_from_a_spoilt_weight(model, few, device):
    value = SPOILT[NAMES.index(describe(model)["name"]) % 3]
    name, weight = next(iter(model.named_parameters()))
    spoil(weight, value)
    model.to(device)
    for verb, ask in questions(model, few.test.to(device)).items():
        with pytest.raises((Diverged, Unsupported)) as refusal:
            ask()
        if refusal.type is Diverged:
            assert re.search(rf"{re.escape(name)} (holds|is) {value:g}", str(refusal.value)), verb
    with pytest.raises(Diverged, match=re.escape(name)):
        evaluate(model, few.to(device), samples=2, effort=(2, 2))


def test_every_weight_is_looked_at(model):
    for name, weight in weights(model).items():
        if weight.is_floating_point() and weight.numel():
            kept = weight.detach().clone()
            spoil(weight.detach())
            with pytest.raises(Diverged, match=re.escape(name)):
                model.check_weights()
            weight.data.copy_(kept)
    model.check_weights()


def test_weights_that_are_being_traced_have_no_numbers_to_look_at():
    model = made("autoencoder")
    with FakeTensorMode(allow_non_fake_inputs=True) as fake:
        traced = [(name, fake.from_tensor(p)) for name, p in model.named_parameters()]
        assert not_finite(traced) is None


def test_a_spoilt_weight_is_not_saved(model, tmp_path):
    name, weight = trained(model)
    spoil(weight)
    with pytest.raises(Diverged, match=re.escape(name)):
        save(model, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_spoilt_weight_on_disk_is_refused(model, tmp_path):
    save(model, tmp_path / "model")
    place = tmp_path / "model" / "model.safetensors"
    stored, (name, _) = read_tensors(place), trained(model)
    spoil(stored[name], torch.inf)
    write_tensors(place, stored)
    with pytest.raises(RunError, match=rf"{re.escape(name)} (holds|is) inf.*use another one"):
        load(tmp_path / "model")


def test_a_weight_spoilt_between_two_steps_is_named_and_the_checkpoint_before_is_good(model, few, tmp_path):
    name, weight = trained(model)
    kept: dict = {}

    def harm(trainer):
        kept.update({n: t.detach().clone() for n, t in weights(trainer.model).items()})
        spoil(weight)

    with pytest.raises(Diverged, match=rf"{re.escape(name)} (holds|is) nan.*at step 2; the last good checkpoint is"):
        short(model, few, harm, run=tmp_path / "run", checkpoint_steps=1)
    assert not_finite(weights(model).items()) is None
    found = weights(load(tmp_path / "run"))
    assert not_finite(found.items()) is None
    assert len(found) == len(kept)


def test_training_does_not_begin_with_a_spoilt_weight(few, tmp_path):
    model = made("vae")
    spoil(trained(model)[1])
    with pytest.raises(Diverged, match="holds nan"):
        fit(model, few, steps=1, run=tmp_path / "run")
    assert not list((tmp_path / "run").glob("checkpoints/*"))


# Gradients and the optimiser's memory


def test_a_spoilt_gradient_is_named_with_its_step(model, few, monkeypatch):
    value = SPOILT[NAMES.index(describe(model)["name"]) % 2]
    original, calls = Step.__call__, []

    def hooked(self, *given):
        outcome = original(self, *given)
        calls.append(name := next(n for n, g in outcome.gradients.items()))
        if len(calls) == 3:
            spoil(outcome.gradients[name], value)
        return outcome

    monkeypatch.setattr(Step, "__call__", hooked)
    with pytest.raises(Diverged) as refusal:
        short(model, few, lambda trainer: None)
    assert re.search(rf"the gradient of {re.escape(calls[0])} (holds|is) {value:g}.* at step 3", str(refusal.value))
    assert len(calls) <= 4
    assert not_finite(weights(model).items()) is None


@pytest.mark.parametrize("method", ["adam", "sgd", "adagrad", "rmsprop"])
@pytest.mark.parametrize("clip", [None, 1.0])
def test_so_it_is_whatever_the_optimizer(few, monkeypatch, method, clip):
    original, calls = Step.__call__, []

    def hooked(self, *given):
        outcome = original(self, *given)
        calls.append(list(outcome.gradients)[1])
        if len(calls) == 2:
            spoil(outcome.gradients[calls[0]])
        return outcome

    monkeypatch.setattr(Step, "__call__", hooked)
    with pytest.raises(Diverged, match=r"the gradient of \S+ holds nan at .* at step 2"):
        short(made("autoencoder"), few, lambda trainer: None, clip=clip, optimizer=Optimizer(method))


class Cusp:
    """A term whose value is 0 and whose gradient is not a number from the middle of the training on."""

    def __call__(self, model, x, code):
        return (code.mean(1) * 0).abs().sqrt()


@pytest.mark.parametrize("mode", ["eager", "traced"])
def test_a_gradient_spoilt_inside_the_step_is_named_in_every_mode(few, mode):
    model = made("autoencoder")
    objective = type(model.objective())([Cusp()])
    with pytest.raises(Diverged, match=r"the gradient of model\.encoder\S+ holds nan at .* at step 1;"):
        fit(model, few, steps=3, objective=objective, mode=mode)


def test_numbers_that_are_read_in_bulk_stop_the_training_too(few, device, monkeypatch):
    """As on an accelerator, whose steps are queued: the loss that comes of it is named, and the step."""
    monkeypatch.setattr(Trainer, "_cheap", False)
    model = made("vae", device)
    weight = trained(model)[1]
    with pytest.raises(Diverged, match=r"is nan at step 3; the model has its last good weights again"):
        short(model, few.to(device), lambda trainer: spoil(weight))
    assert not_finite(weights(model).items()) is None


@pytest.mark.parametrize("part", ["train", "valid", "test"])
@pytest.mark.parametrize("value", SPOILT)
def test_a_spoilt_row_is_refused_when_it_is_loaded(few, part, value):
    rows = getattr(few, part).clone()
    rows[7, 0, 3, 2] = value
    with pytest.raises(DataError, match=rf"\({part}\): .*(nan|NaN|inf).* row 7, column 26"):
        replace(few, **{part: rows})


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
@pytest.mark.parametrize("name", ["autoencoder", "rbm", "vae"])
def test_a_row_spoilt_after_that_is_refused_before_the_first_step(name, few, value):
    model, data = made(name), replace(few, train=few.train.clone())
    data.train[7, 0, 3, 2] = value
    with pytest.raises(DataError, match=r"row 7, column 26"):
        fit(model, data, steps=1)


def test_a_row_spoilt_while_training_is_named(model, few):
    value = SPOILT[NAMES.index(describe(model)["name"]) % 2]
    data = replace(few, train=few.train.clone())

    def harm(trainer):
        trainer.data.train[7, 0, 3, 2] = value

    with pytest.raises(Diverged, match=rf"row 7 of the training data holds {value:g} in column 26, at step [34]"):
        short(model, data, harm)
    assert not_finite(weights(model).items()) is None


# Chains


@pytest.mark.parametrize("value", SPOILT)
@pytest.mark.parametrize("name", LEARNING)
def test_a_spoilt_persistent_chain_is_named_before_it_moves(name, few, value):
    def harm(trainer):
        spoil(next(t for t in trainer.state.values() if t.is_floating_point()), value)

    with pytest.raises(Diverged, match=rf"holds {value:g} at .* before step 3"):
        short(made(name), few, harm)


@pytest.mark.parametrize("value", SPOILT)
@pytest.mark.parametrize("name", CHAINED)
def test_a_spoilt_chain_is_not_sampled_from(name, device, value):
    model = made(name, device)
    kernel = model.kernel()
    state = kernel.init(3) if not hasattr(model, "start") else model.start(kernel, 3)
    spoil(next(iter(state.layers.values())), value)
    with pytest.raises(Diverged, match="is not finite any more"):
        driver.run(kernel, state, 2)


@pytest.mark.parametrize("value", SPOILT[1:])
@pytest.mark.parametrize("name", CHAINED)
def test_what_is_held_fixed_is_finite(name, few, device, value):
    model, held = made(name, device), few.test[0].to(device).clone()
    held[0, 3, 2] = value
    with pytest.raises(DataError, match=f"{value:g} in row 0, column 26"):
        model.sample(2, given={"x": held}, steps=2)
