"""Every composition of an autoencoder keeps the same contract, whichever parts it is made of."""

import copy
import json

import pytest
import torch

from genlatent import components, fit, load, load_data, save
from genlatent.objectives.base import Batch
from genlatent.objectives.reconstruction import Reconstruction
from genlatent.training.checkpoint import weights
from genlatent.training.optimizer import Optimizer
from genlatent.training.step import Rows, Step

SIGMOID = {"encoder": {"name": "mlp", "hidden": [], "output_activation": "sigmoid"}, "latent": 12}
DEEP = {"encoder": {"name": "mlp", "hidden": [20], "activation": "tanh"}}
CONVOLUTIONS = {"encoder": {"name": "conv-encoder", "channels": [4, 6], "hidden": 16}}
TIED = {"decoder": "tied"}

COMPOSITIONS = {
    "linear": ({"encoder": {"name": "mlp", "hidden": []}, "decoder": {"name": "mlp", "hidden": []}}, []),
    "tied": (DEEP | TIED, []),
    "tied-convolutional": (CONVOLUTIONS | TIED, []),
    "overcomplete-l1": ({"latent": 80}, [{"name": "l1", "weight": 0.1}]),
    "sparse": (SIGMOID | TIED, ["sparsity-kl"]),
    "sparse-layers": (
        DEEP,
        [
            {"name": "sparsity-kl", "rho": -0.8, "convention": "tanh", "layers": [0]},
            {"name": "l1", "layers": [0, "code"]},
        ],
    ),
    "k-sparse": (DEEP | {"code": {"name": "k-sparse", "k": 2, "alpha": 2.0}}, []),
    "threshold": ({"code": {"name": "threshold", "level": 0.1}}, []),
    "binary": ({"code": "binary"}, []),
    "stochastic": ({"code": {"name": "noisy", "scale": 0.3}, "corruption": {"name": "masking", "p": 0.3}}, []),
    "contractive-closed": (SIGMOID, [{"name": "contractive", "method": "closed"}]),
    "contractive-forward": (DEEP, [{"name": "contractive", "method": "forward"}]),
    "contractive-hutchinson": (CONVOLUTIONS, [{"name": "contractive", "method": "hutchinson", "probes": 2}]),
    "gaussian-noise": ({"corruption": {"name": "gaussian", "scale": 0.3}}, []),
    "exact-masking": ({"corruption": "exact-masking"}, []),
    "block-occlusion": ({"corruption": {"name": "block-occlusion", "size": 3}}, []),
    "salt-and-pepper": ({"corruption": "salt-and-pepper"}, []),
    "uniform-noise": ({"corruption": "uniform"}, []),
}
DETERMINISTIC = ("linear", "tied", "tied-convolutional", "sparse", "contractive-closed", "contractive-forward")


@pytest.fixture(params=list(COMPOSITIONS))
def name(request):
    return request.param


def made(name, device="cpu"):
    parts, penalties = COMPOSITIONS[name]
    torch.manual_seed(1)
    model = components.build(
        {"name": "autoencoder", "event_shape": [1, 8, 8], "latent": 5, **copy.deepcopy(parts)}, "model"
    )
    return model.to(device), components.build({"name": "reconstruction", "penalties": penalties}, "objective")


@pytest.fixture(scope="module")
def digits():
    return load_data("digits")


def evaluated(mode, model, objective, x):
    """One step's value, gradients and state, from the same draws."""
    state = objective.init(model, x)
    engine = Step(model.train(), objective, mode=mode, matmul="float32")
    rows = Rows(x, None, torch.arange(len(x), device=x.device))
    draws = torch.Generator(device=x.device).manual_seed(7)
    return engine, engine(rows, torch.zeros((), device=x.device), state, draws)


def test_traced_and_eager_agree(name, digits, device):
    model, objective = made(name, device)
    x = digits.train[:32].to(device)
    _, eager = evaluated("eager", model, objective, x)
    engine, traced = evaluated("traced", model, objective, x)
    assert engine.mode == "traced"
    torch.testing.assert_close(traced.value, eager.value)
    assert traced.gradients.keys() == eager.gradients.keys()
    for parameter, gradient in eager.gradients.items():
        torch.testing.assert_close(traced.gradients[parameter], gradient, msg=parameter)
    for key, value in eager.state.items():
        torch.testing.assert_close(traced.state[key], value)


def test_it_trains_answers_and_comes_back_from_disk(name, digits, device, tmp_path):
    model, objective = made(name, device)
    before = {key: value.clone() for key, value in weights(model).items()}
    fit(model, digits, objective=objective, steps=3, mode="eager")
    assert all(not torch.equal(value, before[key]) for key, value in weights(model).items() if "weight" in key)
    x = digits.test[:10].to(device)
    code = model.encode(x)
    assert model.decode(code).shape == model.reconstruct(x).shape == model.denoise(x).shape == x.shape
    assert model.score(x).isfinite().all()
    torch.testing.assert_close(model.reconstruct(x), model.decode(code))
    save(model, tmp_path / "model")
    again = load(tmp_path / "model").to(device)
    assert torch.equal(again.reconstruct(x), model.reconstruct(x))
    assert components.describe(again) == json.loads(json.dumps(components.describe(model)))
    spec = json.loads(json.dumps(components.describe(objective)))
    assert components.describe(components.build(spec, "objective")) == spec


@pytest.mark.parametrize("deterministic", DETERMINISTIC)
def test_lbfgs_lowers_the_loss_of_full_batches(deterministic, digits):
    model, objective = made(deterministic)
    x = digits.train[:100]
    model.prepare(x)
    start = objective(model, Batch(x), objective.init(model, x)).value
    history = fit(
        model,
        load_data(x, valid=10, test=10),
        objective=objective,
        optimizer=Optimizer("lbfgs", 1.0),
        steps=4,
        batch_size=100,
    )
    assert history.rows[-1]["loss"] < 0.7 * start


ACTIVATIONS = ("sigmoid", "tanh", "relu", "leaky-relu", "softplus", "gelu", "silu", "identity")
RATES = {"adam": 1e-3, "adamw": 1e-3, "sgd": 1e-3, "adagrad": 1e-2, "rmsprop": 1e-3}


@pytest.mark.parametrize(
    ("activation", "method"), [*((name, "adam") for name in ACTIVATIONS), *(("sigmoid", name) for name in RATES)]
)
def test_activations_and_optimisers(activation, method, digits):
    parts = {"encoder": {"name": "mlp", "hidden": [16], "activation": activation}, "decoder": "tied", "latent": 4}
    model = components.build({"name": "autoencoder", "event_shape": [1, 8, 8], **parts}, "model")
    small = load_data(digits.train[:200], valid=20, test=20)
    history = fit(model, small, optimizer=Optimizer(method, RATES[method]), epochs=15, batch_size=40, mode="eager")
    assert history.rows[-1]["loss"] < 0.97 * history.rows[0]["loss"]


def test_penalties_of_one_kind_are_told_apart(digits):
    model, objective = made("linear")[0], Reconstruction([*made("overcomplete-l1")[1].penalties] * 2)
    loss = objective(model, Batch(digits.train[:5]), {})
    assert {"l1_1", "l1_2"} < loss.metrics.keys()
