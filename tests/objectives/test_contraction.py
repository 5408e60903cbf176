"""The contractive penalty: three ways to one number, and encoders without a derivative."""

import pytest
import torch
from torch import nn
from torch.autograd.functional import jacobian

from genlatent import Autoencoder, fit, load_data
from genlatent.autoencoders.codes import KSparse, NoisyCode, Threshold
from genlatent.errors import RecipeError
from genlatent.networks.convolutional import ConvEncoder
from genlatent.networks.mlp import MLP
from genlatent.objectives.contraction import Contractive
from genlatent.objectives.reconstruction import Reconstruction
from genlatent.training.optimizer import Optimizer


@pytest.fixture
def x(device):
    return torch.rand(6, 1, 4, 4, device=device, dtype=torch.float64)


def model_of(device, encoder, **parts):
    return Autoencoder((1, 4, 4), 3, encoder=encoder, **parts).to(device, torch.float64)


def exact(model, x):
    rows = [jacobian(lambda one: model.features(one[None])[0], row) for row in x]
    return torch.stack([J.square().sum() for J in rows])


def penalty(model, x, method, **options):
    return Contractive(1.0, method, **options)(model, x, model.features(x))


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_closed_form_and_forward_mode_are_the_jacobian_norm(activation, x, device):
    model = model_of(device, MLP((), output_activation=activation))
    nn.init.normal_(model.encoder.layers[0].bias)
    expected = exact(model, x)
    for method in ("closed", "forward", "auto"):
        torch.testing.assert_close(penalty(model, x, method), expected)


def test_their_gradients_agree(x, device):
    model = model_of(device, MLP((), output_activation="sigmoid"))
    W = model.encoder.layers[0].weight
    closed, forward = (torch.autograd.grad(penalty(model, x, m).sum(), W)[0] for m in ("closed", "forward"))
    torch.testing.assert_close(closed, forward)


@pytest.mark.parametrize("encoder", [lambda: MLP((7, 5), "softplus"), lambda: ConvEncoder((3,), 6, activation="relu")])
def test_forward_mode_serves_any_encoder(encoder, x, device):
    model = model_of(device, encoder())
    torch.testing.assert_close(penalty(model, x, "forward"), exact(model, x))


def test_hutchinsons_mean_is_the_norm(x, device):
    model = model_of(device, MLP((7,), "tanh"))
    draws = torch.stack([penalty(model, x, "hutchinson", probes=10) for _ in range(400)])
    error = draws.std(0) / len(draws) ** 0.5
    assert ((draws.mean(0) - exact(model, x)).abs() < 4.9 * error).all()  # 6 means, false alarm 1e-6 each
    assert (error < 0.02 * draws.mean(0)).all()


def test_one_sign_is_exact_where_columns_are_orthogonal(x, device):
    model = model_of(device, nn.Sequential(nn.Flatten(), nn.Linear(16, 3, bias=False)))
    with torch.no_grad():
        model.encoder[1].weight.copy_(torch.eye(3, 16))
    torch.testing.assert_close(penalty(model, x, "hutchinson"), torch.full((6,), 3.0, device=device, dtype=x.dtype))


def test_it_is_the_encoder_that_is_contracted_not_its_noise(x, device):
    model = model_of(device, MLP((5,), "tanh"), code=NoisyCode(10.0)).train()
    torch.testing.assert_close(penalty(model, x, "forward"), exact(model, x))


@pytest.mark.parametrize("optimizer", [Optimizer("adam", 3e-3), Optimizer("lbfgs", 1.0)])
def test_training_contracts(optimizer, device):
    data, norms = load_data("digits").to(device), []
    small = load_data(data.train[:200], valid=20, test=20).to(device)
    for weight in (0.0, 3.0):
        torch.manual_seed(1)
        model = Autoencoder((1, 8, 8), 16, encoder=MLP((), output_activation="sigmoid"), decoder=MLP(())).to(device)
        steps = 15 if optimizer.needs_closure else 300
        fit(
            model,
            small,
            objective=Reconstruction([Contractive(weight)]),
            optimizer=optimizer,
            steps=steps,
            batch_size=160,
        )
        norms.append(float(Contractive(1.0)(model, small.train, small.train).detach().mean()))
    assert norms[1] < 0.3 * norms[0]


class _Step(nn.Module):
    def forward(self, x):
        return (x > 0).to(x) + 0 * x


class _Still(nn.Linear):
    def forward(self, input):
        with torch.no_grad():
            return super().forward(input)


class _Detached(nn.Linear):
    def forward(self, input):
        return nn.functional.linear(input, self.weight.detach(), self.bias)


class _Apart(nn.Linear):
    def forward(self, input):
        return super().forward(input).detach()


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"code": KSparse(1)}, "the code operation KSparse jumps"),
        ({"code": Threshold(0.1)}, "the code operation Threshold jumps"),
        (
            {"encoder": nn.Sequential(nn.Flatten(), nn.Linear(16, 3), nn.Hardshrink())},
            "Hardshrink in the encoder jumps",
        ),
        ({"encoder": nn.Sequential(nn.Flatten(), nn.Linear(16, 3), _Step())}, "is 0 on all rows tried"),
        ({"encoder": nn.Sequential(nn.Flatten(), _Apart(16, 3))}, "is 0 on all rows tried"),
        ({"encoder": nn.Sequential(nn.Flatten(), _Still(16, 3), nn.Tanh())}, "cannot be learned by the encoder's w"),
        ({"encoder": nn.Sequential(nn.Flatten(), _Detached(16, 3, bias=False))}, "cannot be learned by the encoder's"),
        (
            {"encoder": nn.Sequential(nn.Flatten(), nn.Linear(16, 3), nn.BatchNorm1d(3))},
            "BatchNorm1d in the encoder mixes",
        ),
    ],
)
def test_encoders_without_a_derivative_are_refused_before_training(parts, message, device):
    model = Autoencoder((1, 4, 4), 3, **parts).to(device)
    before = {name: p.clone() for name, p in model.named_parameters() if "encoder" in name}
    with pytest.raises(RecipeError, match=message):
        fit(
            model,
            load_data(torch.rand(40, 1, 4, 4, device=device)).to(device),
            objective=Reconstruction([Contractive()]),
            steps=1,
        )
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters() if "encoder" in name)


def test_the_closed_form_is_for_one_layer(device):
    with pytest.raises(RecipeError, match="for one layer of sigmoid or tanh units"):
        fit(
            Autoencoder((1, 4, 4), 3).to(device),
            load_data(torch.rand(40, 1, 4, 4, device=device)).to(device),
            objective=Reconstruction([Contractive(method="closed")]),
            steps=1,
        )
    for options, message in (
        ({"method": "exact"}, "must be one of"),
        ({"probes": 0}, "probes"),
        ({"weight": -1.0}, "weight"),
    ):
        with pytest.raises(RecipeError, match=message):
            Contractive(**options)
