"""What every registered model promises; a new one is listed in EXAMPLES and inherits all of it."""

import inspect
import json
import re
import warnings
from dataclasses import replace

import pytest
import torch

from genlatent import evaluate, fit, load, load_data, registry, save
from genlatent.components import build, describe
from genlatent.energy.machine import BoltzmannMachine
from genlatent.errors import DataError, RecipeError, Unsupported
from genlatent.model import Model
from genlatent.training.checkpoint import weights
from genlatent.training.optimizer import Optimizer
from genlatent.training.step import Rows, Step

EXAMPLES = {
    "autoencoder": {"name": "autoencoder", "event_shape": [1, 8, 8], "latent": 5},
    "sparse-coding": {"name": "sparse-coding", "event_shape": [1, 8, 8], "atoms": 20, "iterations": 8},
    "stacked-autoencoder": {"name": "stacked-autoencoder", "event_shape": [1, 8, 8], "hidden": [20, 5]},
    "fine-tune": {
        "name": "fine-tune",
        "base": {"name": "stacked-autoencoder", "event_shape": [1, 8, 8], "hidden": [20, 5]},
        "classes": 10,
    },
    "masked-autoencoder": {
        "name": "masked-autoencoder",
        "event_shape": [1, 8, 8],
        "width": 8,
        "layers": 1,
        "heads": 2,
        "decoder_width": 8,
        "loss": "cross-entropy",
    },
    "generative-autoencoder": {
        "name": "generative-autoencoder",
        "autoencoder": {"name": "autoencoder", "event_shape": [1, 8, 8], "latent": 5},
        "components": 3,
    },
    "vae": {"name": "vae", "event_shape": [1, 8, 8], "latent": 3},
    "beta-vae": {
        "name": "beta-vae",
        "event_shape": [1, 8, 8],
        "latent": 3,
        "warmup": 0.5,
        "cost": {"name": "constraint", "nats": 5.0},
    },
    "beta-tc-vae": {"name": "beta-tc-vae", "event_shape": [1, 8, 8], "latent": 3},
    "factor-vae": {"name": "factor-vae", "event_shape": [1, 8, 8], "latent": 3, "classifier": [16]},
    "rbm": {"name": "rbm", "visible": [1, 8, 8], "hidden": 12},
    "fully-visible-boltzmann-machine": {"name": "fully-visible-boltzmann-machine", "visible": [1, 8, 8]},
    "boltzmann-machine": {
        "name": "boltzmann-machine",
        "visible": [1, 8, 8],
        "hidden": 6,
        "masks": {"visible_visible": {"name": "lattice", "shape": [8, 8], "periodic": False}},
    },
    "dbm": {"name": "dbm", "visible": [1, 8, 8], "hidden": [12, 6]},
    "dbn": {"name": "dbn", "visible": [1, 8, 8], "hidden": [12, 6]},
    "classification-rbm": {"name": "classification-rbm", "visible": [1, 8, 8], "hidden": 12, "classes": 10},
    "conditional-rbm": {"name": "conditional-rbm", "visible": [1, 8, 8], "hidden": 12, "condition": 10},
    "neural-energy": {
        "name": "neural-energy",
        "event_shape": [1, 8, 8],
        "network": {"name": "mlp", "hidden": [32], "activation": "silu"},
        "support": "unit",
    },
    "joint-energy": {
        "name": "joint-energy",
        "event_shape": [1, 8, 8],
        "classes": 10,
        "network": {"name": "mlp", "hidden": [32], "activation": "silu"},
        "support": "unit",
    },
    "ladder-vae": {"name": "ladder-vae", "event_shape": [1, 8, 8], "latents": [4, 2], "features": 32},
    "vq-vae": {"name": "vq-vae", "event_shape": [1, 8, 8], "codes": [2, 2], "codebook": 16, "embedding": 4},
    "draw": {"name": "draw", "event_shape": [1, 8, 8], "latent": 3, "steps": 3, "hidden": 32, "window": 3},
    "conditional-vae": {"name": "conditional-vae", "event_shape": [1, 8, 8], "condition": 10, "latent": 3},
    "semi-supervised-vae": {"name": "semi-supervised-vae", "event_shape": [1, 8, 8], "classes": 10, "latent": 3},
    "stacked-vae": {
        "name": "stacked-vae",
        "first": {"name": "vae", "event_shape": [1, 8, 8], "latent": 5},
        "second": {
            "name": "semi-supervised-vae",
            "event_shape": [5],
            "latent": 2,
            "likelihood": {"name": "gaussian", "scale": "per-output"},
        },
    },
}
SIZES = ("event_shape", "visible", "latent", "latents", "atoms", "codes", "components", "classes", "condition")
FAMILIES = ("autoencoder", "energy", "latent")


@pytest.fixture(scope="module")
def digits():
    return load_data("digits", binarise="dynamic")


@pytest.fixture(params=list(registry.KINDS["model"]))
def example(request) -> dict:
    assert request.param in EXAMPLES, f"list {request.param} in EXAMPLES, so that it is tested"
    return EXAMPLES[request.param]


@pytest.fixture
def model(example, device) -> Model:
    torch.manual_seed(1)
    return build(example, "model").to(device)


@pytest.fixture
def x(digits, device):
    return digits.test[:20].to(device)


def labels(model: Model, x) -> dict:
    """What a conditional model has to be told beside the rows."""
    return {"y": torch.arange(len(x), device=x.device) % 10} if model.conditional else {}


def answered(model: Model, x) -> dict:
    """What each verb answers; a verb that the model does not know refuses by name."""
    generator, told = torch.Generator(device=x.device).manual_seed(3), labels(model, x)
    verbs = {
        "sample": lambda: model.sample(4, generator=generator),
        "encode": lambda: model.encode(x, **told),
        "decode": lambda: model.decode(model.encode(x, **told), **told),
        "reconstruct": lambda: model.reconstruct(x, **told),
        "score": lambda: model.score(x, generator=generator, **told),
        "impute": lambda: model.impute(gappy(x), generator=generator, **told),
    }
    found, refusals = {}, []
    for verb, ask in verbs.items():
        try:
            found[verb] = ask()
        except Unsupported as reason:
            refusals.append(str(reason))
    assert all(type(model).__name__ in refusal for refusal in refusals)
    return found


def gappy(x):
    """Rows of which the left half is missing, but for the first, of which nothing is."""
    x = x.clone()
    x[1:, :, :, :4] = torch.nan
    return x


def state_of(model):
    return {name: tensor.detach().clone() for name, tensor in weights(model).items()}


def assert_unchanged(model, before):
    for name, tensor in weights(model).items():
        assert torch.equal(tensor, before[name]), name


def test_it_says_what_it_is(model):
    assert model.family in FAMILIES
    assert model.event_shape.numel() == 64
    assert type(model).__doc__


def test_description_makes_an_equal_model(model, example):
    plain = json.loads(json.dumps(describe(model)))
    again = build(plain, "model")
    assert type(again) is type(model)
    assert plain["name"] == example["name"]
    assert {n: t.shape for n, t in weights(again).items()} == {n: t.shape for n, t in weights(model).items()}
    assert describe(again) == describe(model)


def test_verbs_answer_with_finite_numbers_of_the_right_shape(model, digits, x):
    fit(model, digits, steps=3)
    found = answered(model, x)
    assert len(found) >= 4
    pictures = dict.fromkeys(("decode", "reconstruct", "impute"), (20, 1, 8, 8))
    shapes = {"sample": (4, 1, 8, 8), "score": (20,), **pictures}
    for verb, answer in found.items():
        assert answer.isfinite().all(), verb
        assert answer.device.type == x.device.type
        assert not answer.requires_grad
        assert tuple(answer.shape) == shapes.get(verb, (20, *answer.shape[1:])), verb


def test_verbs_move_nothing(model, digits, x):
    fit(model, digits, steps=3)
    before, random, mode = state_of(model), torch.get_rng_state(), model.training
    answered(model, x)
    assert_unchanged(model, before)
    assert torch.equal(torch.get_rng_state(), random), "draws belong to the generator"
    assert model.training == mode


def test_gaps_are_filled_and_what_was_observed_stays(model, x, device):
    generator = torch.Generator(device=device).manual_seed(3)
    if type(model).impute is Model.impute:
        assert model.family == "autoencoder", "a density that cannot fill gaps"
        with pytest.raises(Unsupported, match="impute"):
            model.impute(gappy(x), generator=generator)
        return
    before = gappy(x)
    filled = model.impute(before, generator=generator, **labels(model, x))
    assert not filled.isnan().any()
    assert torch.equal(filled[~before.isnan()], x[~before.isnan()])
    assert torch.equal(filled[0], x[0])
    if model.support != "real":
        assert bool(((filled >= 0) & (filled <= 1)).all()), "means of bits"
    assert torch.equal(before.isnan(), gappy(x).isnan()), "the rows that were given are left as they were"
    assert not model.missing


def test_evaluate_moves_nothing(model, digits, device):
    few = replace(digits, test=digits.test[:12], labels=digits.labels._replace(test=digits.labels.test[:12]))
    before, random, mode = state_of(model), torch.get_rng_state(), model.training
    assert evaluate(model, few.to(device), samples=5, effort=(4, 4))
    assert_unchanged(model, before)
    assert torch.equal(torch.get_rng_state(), random), "draws belong to the generator"
    assert model.training == mode


def test_same_generator_same_sample(model, device):
    if can(model, "sample"):
        seeds = (torch.Generator(device=device).manual_seed(seed) for seed in (1, 1, 2))
        first, again, other = (model.sample(5, generator=seed) for seed in seeds)
        assert torch.equal(first, again)
        assert not torch.equal(first, other)
    else:
        assert model.family == "autoencoder", "a density that cannot be sampled"


def can(model, verb) -> bool:
    try:
        getattr(model, verb)(1)
    except Unsupported:
        return False
    return True


def test_saved_and_loaded_it_answers_the_same(model, digits, x, tmp_path):
    fit(model, digits, steps=3)
    save(model, tmp_path / "model")
    found = load(tmp_path / "model").to(x.device)
    for verb, answer in answered(model, x).items():
        assert torch.equal(answered(found, x)[verb], answer), verb


def test_another_training_begins_with_what_was_learned(model, digits, device, tmp_path):
    fit(model, digits, steps=1, mode="eager")
    save(model, tmp_path / "model")
    other = replace(digits, train=1 - digits.train).to(device)
    for trained in (model, load(tmp_path / "model").to(device)):
        before, learned = state_of(trained), dict(trained.named_parameters())
        trained.begin(other.train)
        for name, tensor in weights(trained).items():
            told_by_the_rows = isinstance(model, BoltzmannMachine) and name not in learned
            assert told_by_the_rows or torch.equal(tensor, before[name]), name
        fit(trained, other, steps=1, optimizer=Optimizer("sgd", 1e-12), mode="eager")
        for name, tensor in learned.items():
            torch.testing.assert_close(tensor, before[name], atol=1e-6, rtol=0, msg=name)


def test_training_improves_what_is_held_out(model, digits):
    history = fit(model, digits, epochs=8)
    losses = history.column("valid/loss")
    assert losses[-1] < losses[0]


def test_its_step_can_be_traced(model, digits, device):
    step = Step(model, model.objective(), observe=digits.observe, mode="traced")
    state = model.objective().init(model, digits.train.to(device))
    rows = Rows(digits.train.to(device), digits.labels.train.to(device), torch.arange(10, device=device))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert step(rows, torch.zeros((), device=device), state).value.isfinite()
    assert step.mode == "traced"


def test_half_a_unit_is_refused_by_name(model, example):
    """Before anything is made, so that no other argument is asked for."""
    parameters = inspect.signature(type(model)).parameters
    counted = [name for name in SIZES if name in parameters]
    assert counted or example["name"] == "stacked-vae", "no argument that says how large it is"
    for name in counted:
        for value in (2.5, [3, 2.5]):
            with pytest.raises(RecipeError, match=re.escape(f"{name} takes whole numbers, got {value}")):
                type(model)(**{name: value})
            with pytest.raises(RecipeError, match=re.escape(f"{example['name']}: {name} takes whole numbers")):
                build({**example, name: value}, "model")


@pytest.mark.parametrize("n", [0, -1])
def test_fewer_than_one_draw_is_refused(model, n):
    reason = "cannot sample|no 'sample'|at least 1.*got " + str(n)
    with pytest.raises((RecipeError, Unsupported), match=reason):
        model.sample(n)


def test_labels_that_are_no_numbers_are_refused(model, digits, x, device):
    nothing = torch.full((len(digits.train),), torch.nan)
    with pytest.raises(DataError, match="NaN among the labels"):  # so that no model ever sees them
        replace(digits, labels=digits.labels._replace(train=nothing))
    if model.conditional:
        with pytest.raises(DataError, match="NaN"):
            model.score(x, y=nothing[: len(x)].to(device))


def test_unknown_condition_is_refused(model):
    if can(model, "sample"):
        with pytest.raises(RecipeError, match="cannot be conditioned on 'colour'"):
            model.sample(2, given={"colour": 1})
    else:
        with pytest.raises(Unsupported, match="sample"):
            model.sample(2)


def test_nan_is_refused_where_it_was_not_declared(model, x):
    x = x.clone()
    x[3, 0, 2, 2] = torch.nan
    with pytest.raises(DataError, match="NaN"):
        model.score(x, **labels(model, x))


def test_wrong_shape_is_refused(model, device):
    with pytest.raises(DataError, match="shape"):
        model.score(torch.zeros(3, 5, device=device), **labels(model, torch.zeros(3, device=device)))
