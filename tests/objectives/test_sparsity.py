"""Sparsity of activations: closed-form gradients, running means, layers found in any encoder."""

import pytest
import torch
from torch import nn

from genlatent import Autoencoder, fit, load_data
from genlatent.errors import RecipeError
from genlatent.networks.convolutional import ConvEncoder
from genlatent.networks.mlp import MLP
from genlatent.objectives.base import Batch
from genlatent.objectives.penalties import watching
from genlatent.objectives.reconstruction import Reconstruction
from genlatent.objectives.sparsity import L1, SparsityKL


def model_of(activation, device, hidden=()):
    return Autoencoder((1, 4, 4), 6, encoder=MLP(hidden, "tanh", output_activation=activation)).to(device)


def divergence_slope(rho, rho_hat):
    return -rho / rho_hat + (1 - rho) / (1 - rho_hat)


@pytest.fixture
def x(device):
    return torch.rand(20, 1, 4, 4, device=device)


@pytest.mark.parametrize(("convention", "rho", "on"), [("sigmoid", 0.1, 0.1), ("tanh", -0.8, 0.1)])
def test_gradient_of_the_weights_in_closed_form(convention, rho, on, x, device):
    r"""beta sum_j KL'(rho_hat_j) mean_n s'(a_nj) x_n."""
    model, penalty = model_of(convention, device), SparsityKL(rho, 3.0, memory=0.0, convention=convention)
    objective = Reconstruction([penalty])
    state = objective.init(model, x)
    a = model.features(x)
    value, _ = penalty({"code": a}, {"code": state["sparsitykl/code"]})
    layer = model.encoder.layers[0]
    (found,) = torch.autograd.grad(value, layer.weight)
    p = (a if convention == "sigmoid" else (1 + a) / 2).detach()
    slope = p * (1 - p) if convention == "sigmoid" else 2 * p * (1 - p)  # of (1 + tanh) / 2
    expected = 3.0 * divergence_slope(on, p.mean(0))[:, None] * (slope.T @ x.flatten(1)) / len(x)
    torch.testing.assert_close(found, expected)


def test_no_pull_where_the_mean_is_as_wanted(device):
    a = torch.full((8, 3), 0.2, device=device, requires_grad=True)
    value, _ = SparsityKL(0.2, memory=0.0)({"code": a}, {"code": a.detach().mean(0)})
    assert value.detach().abs() < 1e-6
    assert torch.autograd.grad(value, a)[0].abs().max() < 1e-6


def test_the_mean_is_made_whole_over_the_data(x, device):
    """Batches of one row: their own means are useless, the running ones add up to the full gradient."""
    model = model_of("sigmoid", device)
    layer, a = model.encoder.layers[0], model.features(x)
    whole, _ = SparsityKL(0.1, memory=0.0)({"code": a}, {"code": a.detach().mean(0)})
    (expected,) = torch.autograd.grad(whole, layer.weight)
    kept, state = SparsityKL(0.1, memory=1 - 1e-9), {"code": a.detach().mean(0)}
    found = [torch.autograd.grad(kept({"code": model.features(row[None])}, state)[0], layer.weight)[0] for row in x]
    torch.testing.assert_close(torch.stack(found).mean(0), expected, rtol=1e-4, atol=1e-5)


def test_the_running_mean_moves_by_its_memory(device):
    a = torch.tensor([[0.2, 0.4], [0.4, 0.8]], device=device)
    _, after = SparsityKL(0.1, memory=0.75)({"code": a}, {"code": torch.tensor([0.7, 0.2], device=device)})
    torch.testing.assert_close(after["code"], torch.tensor([0.6, 0.3], device=device))


def test_training_makes_units_as_active_as_wanted(device):
    data = load_data("digits").to(device)
    active = {}
    for weight in (0.0, 5.0):
        torch.manual_seed(1)
        model = Autoencoder((1, 8, 8), 30, encoder=MLP((), output_activation="sigmoid"), decoder=MLP(())).to(device)
        history = fit(model, data, objective=Reconstruction([SparsityKL(0.1, weight)]), steps=300)
        active[weight] = model.encode(data.train).mean(0)
    assert (active[5.0] - 0.1).abs().max() < 0.05 < (active[0.0] - 0.1).abs().mean()
    assert history.rows[-1]["sparsitykl"] < 0.3


def test_l1_is_the_sum_of_sizes_over_layers(x, device):
    model = model_of("identity", device, (5,))
    hidden = model.encoder.layers[1](model.encoder.layers[0](x.flatten(1)))
    loss = Reconstruction([L1(2.0, [0, "code"])])(model, Batch(x), {})
    expected = 2 * (hidden.abs().sum(1) + model.features(x).abs().sum(1)).mean()
    torch.testing.assert_close(loss.metrics["l1"], expected.detach())


@pytest.mark.parametrize(
    ("encoder", "layer", "part"),
    [
        (lambda: ConvEncoder((4, 6), 8), 1, lambda net: net.layers[:4]),
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(16, 5), nn.Sigmoid(), nn.Linear(5, 6)), 0, lambda net: net[:3]),
        (
            lambda: nn.Sequential(nn.Flatten(), nn.Linear(16, 5), nn.Sigmoid(), nn.Linear(5, 6)),
            "1",
            lambda net: net[:2],
        ),
    ],
)
def test_layers_are_found_in_any_encoder(encoder, layer, part, x, device):
    model = Autoencoder((1, 4, 4), 6, encoder=encoder()).to(device)
    with watching(model.encoder, [layer, "code"]) as seen:
        model.encoded(x)
    torch.testing.assert_close(seen[layer], part(model.encoder)(x).flatten(1))
    assert not any(part._forward_hooks for part in model.encoder.modules())


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        (lambda: Reconstruction([SparsityKL(0.1)]), "takes activations between 0 and 1, layer 'code' gives"),
        (lambda: Reconstruction([L1(0.1, [1])]), "there is no activation 1; the encoder has 1"),
        (lambda: Reconstruction([L1(0.1, ["layer.0"])]), "the encoder has no part 'layer.0'; known: code, layers"),
        (lambda: SparsityKL(0.0), "rho must lie between 0 and 1 for sigmoid units"),
        (lambda: SparsityKL(0.1, convention="relu"), "convention must be one of sigmoid, tanh"),
        (lambda: SparsityKL(0.1, memory=1.0), "memory must be at least 0 and below 1"),
        (lambda: L1(-1.0), "weight must not be negative"),
        (lambda: L1(1.0, []), "layers names no layer"),
    ],
)
def test_bad_penalties_are_refused_before_training(objective, message, device):
    data = load_data(torch.rand(40, 1, 4, 4, device=device)).to(device)
    with pytest.raises(RecipeError, match=message):
        fit(model_of("identity", "cpu", (5,)), data, objective=objective(), steps=1)
