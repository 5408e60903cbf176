"""Weights, data, temperatures, counts and codes at the ends of what numbers can say: finite, or refused."""

import functools
import inspect
import itertools
import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from genlatent import evaluate, fit, registry
from genlatent.cli.sample import parameters
from genlatent.components import build
from genlatent.data.dataset import Dataset, Splits
from genlatent.data.sources import load_data
from genlatent.energy.machine import BoltzmannMachine
from genlatent.energy.masks import Lattice
from genlatent.energy.rbm import RBM
from genlatent.energy.units import Categorical, Gaussian, ReLU, Spin
from genlatent.errors import DataError, Diverged, GenlatentError, Unsupported
from genlatent.latent.vae import VAE
from genlatent.model import Model, not_finite
from tests.endurance import records
from tests.machines import Exact
from tests.test_models import EXAMPLES, labels

NAMES = list(registry.KINDS["model"])
FAMILIES = ("autoencoder", "masked-autoencoder", "vae", "vq-vae", "rbm", "dbm", "dbn", "boltzmann-machine")
COMMAND = "pytest tests/endurance/test_extremes.py -m campaign"
TURNED = {"fields": (1e4, None), "couplings": (None, 1e3), "both": (1e4, 1e3), "none": (0.0, 0.0), "huge": (1e12, 1e12)}


def dataset(train, held_out=None, y=None, **how) -> Dataset:
    held_out = train if held_out is None else held_out
    made = None if y is None else Splits(y, y[:1].expand(len(held_out)), y[:1].expand(len(held_out)))
    kept = {"support": "binary", "name": "extremes", "labels": made, **how}
    return Dataset(train=train, valid=held_out, test=held_out, shape=train.shape[1:], **kept)


@pytest.fixture(scope="module")
def few() -> Dataset:
    data = load_data("digits", binarise="static")
    y = data.labels.train[:24]
    return dataset(data.train[:24], data.test[:6], y)


@pytest.fixture(params=NAMES)
def name(request) -> str:
    return request.param


def made(name: str, **other) -> Model:
    torch.manual_seed(1)
    return build({**EXAMPLES[name], **other}, "model")


def signs(like: torch.Tensor) -> torch.Tensor:
    """As many +1 as -1, without a pattern."""
    return torch.rand(like.shape, generator=torch.Generator().manual_seed(0)).sub(0.5).sign()


@torch.no_grad()
def turned(model: Model, kind: str) -> Model:
    """Every weight at plus or minus an extreme size: vectors at one, matrices at another."""
    for p in model.parameters():
        size = TURNED[kind][p.dim() > 1]
        if size is not None:
            p.copy_(size * signs(p))
    return model


def brief(model: Model, verb: str) -> dict[str, int]:
    """Short chains, where a verb takes any."""
    wished = {"steps": 5, "draws": 4, "burn_in": 4, "num_samples": 4, "chains": 2}
    known = parameters(model, verb)
    return {name: value for name, value in wished.items() if name in known}


def halved(x):
    """Rows whose first half is missing, but for the first row."""
    x = x.clone()
    x.view(len(x), -1)[1:, : x[0].numel() // 2] = torch.nan
    return x


def questions(model: Model, x) -> dict:
    told = labels(model, x)
    given = {"given": {"y": told["y"][:1]}} if model.conditional else {}
    asked: dict[str, Callable[[], Any]] = {
        "sample": lambda: model.sample(3, **brief(model, "sample")),
        "encode": lambda: model.encode(x, **told),
        "decode": lambda: model.decode(model.encode(x, **told), **told),
        "reconstruct": lambda: model.reconstruct(x, **told),
        "score": lambda: model.score(x, **told),
        "impute": lambda: model.impute(halved(x), **told, **brief(model, "impute")),
    }
    if hasattr(model, "trace"):
        asked["trace"] = lambda: model.trace(**{**brief(model, "trace"), **given})["x"]
    return asked


def tried(ask: Callable[[], Any]) -> Any:
    """What is answered; None where it is refused, in one sentence."""
    try:
        return ask()
    except Unsupported:
        return None
    except GenlatentError as refusal:
        said = str(refusal)
    assert 20 < len(said) < 400
    assert said.count(". ") <= 1
    return None


def answered(asked: dict) -> dict[str, torch.Tensor]:
    """Every answer that is given, which is finite, or the logarithm of 0."""
    found = {}
    for verb, ask in asked.items():
        answer = tried(ask)
        if answer is not None:
            found[verb] = torch.as_tensor(answer)
            assert not found[verb].isnan().any(), verb
            assert found[verb].isfinite().all() or verb == "score", verb
    return found


# Weights


def test_answers_of_extreme_weights_are_finite_or_refused(name, few):
    model = turned(made(name), "both")
    found = answered(questions(model, few.test[:3]))
    if model.family == "energy":
        assert {"sample", "score"} <= set(found), "a machine has no number that fields of 1e4 would leave"


@pytest.mark.campaign
@pytest.mark.timeout(7200)
@pytest.mark.filterwarnings("ignore:Number of distinct clusters")  # of codes that weights of 0 make equal
def test_so_are_judgements_and_a_few_steps_of_training(few):
    """Every model, weights of every extreme, every verb."""
    start, answers, refusals = time.monotonic(), 0, 0
    for name, kind in itertools.product(NAMES, TURNED):
        model = turned(made(name), kind)
        asked = questions(model, few.test)
        found = answered(asked)
        judged = tried(lambda model=model: evaluate(model, few, samples=4, effort=(4, 4)))
        assert judged is None or all(math.isfinite(r.value) or r.verdict == "failed" for r in judged), (name, kind)
        learned = tried(lambda model=model: fit(model, few, steps=2, batch_size=8, mode="eager"))
        assert not_finite(model.named_parameters()) is None
        given = len(found) + (judged is not None) + (learned is not None)
        answers, refusals = answers + given, refusals + len(asked) + 2 - given
    found = {"models": len(NAMES), "kinds_of_extreme_weights": len(TURNED), "finite_answers": answers}
    found |= {"refusals_in_one_sentence": refusals, "silent_NaN": 0}
    records.keep("extremes", COMMAND, (time.monotonic() - start) / 60, **found)


def test_a_training_that_cannot_go_on_leaves_its_first_weights(few):
    model = turned(made("vae"), "huge")
    before = [p.detach().clone() for p in model.parameters()]
    with pytest.raises(Diverged, match="step 1"):
        fit(model, few, steps=2, mode="eager")
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True) if a.dim() > 1)


# Machines whose every state can be listed


def strong(layers, couplings, units=None, masks=None, field=1e4, coupling=1e3, seed=3) -> BoltzmannMachine:
    """Fields up to one size, couplings up to another, with so few digits that float32 adds and halves them exactly."""
    machine = BoltzmannMachine(layers, couplings, units, masks)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in machine.parameters():
            size = coupling if p.dim() > 1 else field
            step = 2.0 ** (math.floor(math.log2(size)) - 10) if size else 1.0
            p.copy_((size * (2 * torch.rand(p.shape, generator=generator) - 1) / step).round() * step)
    return machine


STRONG = {
    "rbm": lambda **how: strong({"v": 5, "h": 4}, [("v", "h")], **how),
    "deep": lambda **how: strong({"v": 4, "h": 3, "top": 2}, [("v", "h"), ("h", "top")], {"top": Spin()}, **how),
    "lattice": lambda **how: strong(
        {"v": (2, 3)}, [("v", "v")], {"v": Spin()}, {"v_v": Lattice((2, 3), periodic=False)}, **how
    ),
    "potts": lambda **how: strong({"v": (2, 3), "h": 2}, [("v", "h")], {"v": Categorical(3)}, **how),
}


def listed(machine: BoltzmannMachine) -> tuple[torch.Tensor, torch.Tensor]:
    """Every state of the data layer with its log-probability, by a sum over every state of every layer in float64."""
    exact = Exact(machine)
    rows, place = torch.unique(exact.states[machine.data], dim=0, return_inverse=True)
    log_p = -exact.energy - exact.log_partition
    return rows.float(), torch.stack([log_p[place == i].logsumexp(0) for i in range(len(rows))]).detach()


@pytest.mark.parametrize(("field", "coupling"), [(1e4, 1e3), (1e4, 0.0), (0.0, 1e3), (1e-12, 1e-12), (1e-3, 1e4)])
@pytest.mark.parametrize("shape", STRONG)
def test_log_probabilities_of_strong_machines_are_exact(shape, field, coupling):
    machine = STRONG[shape](field=field, coupling=coupling)
    data, exact = listed(machine)
    found = machine.log_prob(data.reshape(len(data), *machine.event_shape)).detach()
    size = max(field, coupling) * 30
    torch.testing.assert_close(found.double(), exact, rtol=1e-12, atol=1e-14 * size + 1e-12)
    assert abs(float(found.double().logsumexp(0))) < 1e-14 * size + 1e-12, "they sum to one"


@pytest.mark.parametrize("temperature", [1e-6, 1e6])
@pytest.mark.parametrize("shape", STRONG)
def test_chains_at_extreme_temperatures(shape, temperature):
    """Near 0 a chain rests where no block of units can lower the energy; at a million times 1 all states are alike."""
    machine = STRONG[shape](field=1.0, coupling=1.0)
    chains = machine.trace(40, chains=50, burn_in=20, temperature=temperature, generator=torch.Generator())
    x = chains["x"].reshape(50, 40, -1)
    if temperature < 1:
        assert torch.equal(x[:, -1], x[:, -2])
        assert chains["energy"].isfinite().all()
    else:
        unit = machine.units[machine.data]
        even = unit.mean(torch.zeros(machine.sizes[machine.data]))
        spread = (max(a[0] for a in unit.alternatives) - min(a[0] for a in unit.alternatives)) / 2
        assert ((x.mean((0, 1)) - even).abs() < 5 * spread / 2000**0.5).all()


@pytest.mark.parametrize("method", ["gibbs", "integer-gibbs", "tempering", "tempered-transitions"])
@pytest.mark.filterwarnings("ignore:no fast products of bytes")
def test_every_method_of_sampling_finds_the_one_state_that_strong_fields_allow(method):
    machine = RBM(12, 6)
    with torch.no_grad():
        machine.b.copy_(1e4 * signs(machine.b))
        machine.c.copy_(1e4 * signs(machine.c))
        machine.W.copy_(1e2 * signs(machine.W))
    drawn = machine.sample(5, steps=4, method=method)
    assert torch.equal(drawn, (machine.b > 0).to(drawn).expand(5, 12))


@pytest.mark.parametrize("sigma", [1e-12, 1.0, 1e12])
@pytest.mark.parametrize("hidden", [None, ReLU()])
def test_gaussian_units_of_any_scale(sigma, hidden):
    """The free energy of a machine without couplings is that of independent normal values."""
    machine = RBM(6, 3, visible_units=Gaussian(scale=sigma), hidden_units=hidden)
    with torch.no_grad():
        machine.W.zero_()
    x = sigma * torch.linspace(-2, 2, 12).view(2, 6)
    log_p = -machine.free_energy(x) - machine.free_energy(x * 0).neg()
    assert torch.allclose(log_p, -(x / sigma).square().sum(1) / 2, rtol=1e-5)
    drawn = machine.sample(200, steps=3, generator=torch.Generator()) / sigma
    assert abs(float(drawn.std()) - 1) < 5 / (2 * 1200) ** 0.5


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_gaussian_likelihoods_of_any_scale(scale, few):
    model = VAE((1, 8, 8), latent=2, likelihood=build({"name": "gaussian", "scale": scale}, "likelihood"))
    data = replace(few, support="real")
    found = model.score(data.test, num_samples=4)
    wide = model.double().score(data.test.double(), num_samples=4)
    assert found.isfinite().all()
    assert torch.allclose(found, wide, rtol=0.3), "as large as they should be"
    held(model.float(), data)


# Data


def held(model: Model, data: Dataset, **how) -> dict[str, torch.Tensor]:
    """A few steps of training, every verb, and finite weights."""
    history = tried(lambda: fit(model, data, **{"steps": 2, "mode": "eager", **how}))
    assert not_finite(model.named_parameters()) is None
    return {} if history is None else answered(questions(model, data.test))


def test_constant_pixels_one_class_and_a_batch_larger_than_the_data(name, few):
    train = few.train.clone()
    train[:, 0, :4], train[:, 0, 4:6] = 0.0, 1.0
    data = dataset(train, train[:3], torch.full((24,), 4))
    assert len(held(made(name), data, batch_size=100_000)) >= 3


def test_one_row_to_learn_from(name, few):
    found = held(made(name), dataset(few.train[:1], few.train[:2], torch.full((1,), 4)))
    assert len(found) >= 3 or name == "generative-autoencoder", "a mixture of several clusters needs several rows"


@pytest.mark.parametrize("name", FAMILIES)
def test_rows_of_one_bit_in_sixty_four(name):
    train = torch.eye(64).view(64, 1, 8, 8)
    assert len(held(made(name), dataset(train, train[:3], torch.arange(64) % 10), batch_size=64)) >= 3


@pytest.mark.filterwarnings("ignore:a code of")
@pytest.mark.parametrize(
    "name", [*FAMILIES, "sparse-coding", "conditional-rbm", "semi-supervised-vae", "neural-energy"]
)
def test_one_value_in_a_row(name):
    """Models of one pixel, as far as there are such models."""
    shape = {key: [1] for key in ("event_shape", "visible") if key in EXAMPLES[name]}
    model = tried(lambda: made(name, **shape)) if shape else None
    if model is None:
        assert name not in ("autoencoder", "vae", "rbm", "dbm", "dbn", "conditional-vae", "neural-energy")
        return
    x = torch.tensor([[0.0], [1.0], [1.0], [0.0]])
    tried(lambda: fit(model, dataset(x, x, torch.arange(4)), steps=2, mode="eager"))
    asked = questions(model, x)
    found = answered({verb: asked[verb] for verb in ("sample", "score", "encode", "reconstruct")})
    assert len(found) >= 2


def test_a_column_and_a_row_of_which_nothing_is_known(name, few):
    if "missing" not in inspect.signature(type(made(name)).__init__).parameters:
        return
    train = few.train.clone()
    train[:, 0, 3, 2], train[5] = torch.nan, torch.nan
    data = dataset(train, train[4:8], few.labels.train, missing=True)
    found = held(made(name, missing=True), data, batch_size=6)
    assert {"encode", "score", "impute"} <= set(found) | {"impute"}


@pytest.mark.parametrize("name", FAMILIES)
def test_data_that_say_nothing_are_refused(name, few):
    for rows in (torch.zeros(5, 1, 8, 8), torch.ones(5, 1, 8, 8), few.train[:1].expand(5, 1, 8, 8)):
        with pytest.raises(DataError, match="there is nothing to learn"):
            fit(made(name), dataset(rows), steps=1)


def test_codes_at_extremes_are_decoded_or_refused(name, few):
    model, x = made(name), few.test[:2]
    told = labels(model, x)
    try:
        z = model.encode(x, **told)
    except Unsupported:
        return
    if not z.is_floating_point():
        return
    for size in (1e4, -1e4, 1e30):
        codes = torch.full_like(z, size)
        answered({"decode": functools.partial(model.decode, codes, **told)})


# Counts


@pytest.mark.parametrize("count", [0.0, 1.0, 1e3, 1e6])
@pytest.mark.parametrize("kind", ["poisson", "negative-binomial", "zero-inflated"])
def test_likelihoods_of_counts_are_exact_to_a_million(kind, count):
    """Float32 alone would be a nat off: its terms are ten million nats that nearly cancel."""
    likelihood = build({"name": kind, "event_shape": [1]}, "likelihood")
    params = likelihood.params_at(torch.tensor([max(count, 1.0)]))
    x = torch.tensor([count])
    single = likelihood(params).log_prob(x)
    double = likelihood.double()(params.double()).log_prob(x.double())
    assert single.dtype == torch.float32
    assert abs(float(single.double() - double)) < 2e-5 * max(1.0, abs(float(double))) + 1e-7 * count


@pytest.mark.parametrize("kind", ["poisson", "negative-binomial"])
def test_a_model_of_counts_of_a_million(kind):
    counts = torch.tensor([[1e6, 0.0, 3.0], [0.0, 1e6, 2.0], [5e5, 7.0, 1e6], [1.0, 1.0, 0.0]])
    model = VAE((3,), latent=2, likelihood=build({"name": kind}, "likelihood"))
    with torch.no_grad():
        next(model.encoder.parameters()).mul_(1e-6)
    assert model.score(counts).isfinite().all()
    assert model.sample(3).isfinite().all()
    data = dataset(counts, support="count")
    held(model, data)
    held(VAE((3,), latent=2, likelihood=build({"name": kind}, "likelihood")), data)
