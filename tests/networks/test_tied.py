"""The tied decoder: exactly the transpose, and never a second set of weights."""

import copy

import pytest
import torch
from torch import nn
from torch.func import functional_call

from genlatent import Autoencoder
from genlatent.errors import RecipeError
from genlatent.networks.convolutional import ConvEncoder
from genlatent.networks.grids import GridEncoder
from genlatent.networks.mlp import MLP
from genlatent.networks.tied import Tied, Transposed
from genlatent.objectives.base import Batch


def pooled():
    parts = [nn.Conv2d(1, 3, 3, padding=1), nn.Tanh(), nn.MaxPool2d(2), nn.Dropout(0.5), nn.Flatten()]
    return nn.Sequential(*parts, nn.Linear(3 * 4 * 3, 5))


ENCODERS = {
    "dense": (lambda: MLP((20, 10), "tanh", output_activation="sigmoid"), (1, 9, 7), 5),
    "convolutional": (lambda: ConvEncoder((4, 6), 16), (1, 9, 7), 5),
    "grid": (lambda: GridEncoder((4,)), (1, 9, 7), (2, 5, 4)),
    "pooled": (pooled, (1, 9, 7), 5),
}


@pytest.fixture(params=list(ENCODERS))
def model(request, device):
    make, shape, latent = ENCODERS[request.param]
    return Autoencoder(shape, latent, encoder=make(), decoder=Tied()).to(device)


def test_the_decoder_owns_biases_only(model):
    names = [name for name, _ in model.named_parameters()]
    assert all(name.endswith("bias") for name in names if name.startswith("decoder"))
    assert len(names) == len({id(p) for p in model.parameters()})
    weights = sum(name.endswith("weight") for name in names)
    assert sum(name.startswith("decoder") for name in names) == weights


@pytest.mark.parametrize(
    "layer", [nn.Linear(5, 3), nn.Conv2d(2, 4, 3, stride=2, padding=1), nn.Conv2d(2, 4, (3, 5), dilation=2)]
)
def test_a_transposed_layer_is_the_adjoint(layer, device):
    layer = layer.to(device)
    shape = (5,) if isinstance(layer, nn.Linear) else (2, 10, 11)
    x = torch.randn(1, *shape, device=device)
    out = layer(x) - layer(torch.zeros_like(x))
    y = torch.randn_like(out)
    torch.testing.assert_close(
        (out * y).sum(), (Transposed(layer, shape).to(device)(y) * x).sum(), rtol=1e-4, atol=1e-4
    )


def test_two_layers_against_the_formula(device):
    model = Autoencoder((6,), 2, encoder=MLP((4,), "tanh"), decoder=Tied()).to(device)
    first, second = model.encoder.layers[0], model.encoder.layers[2]
    for bias in (layer.bias for layer in model.decoder.layers if isinstance(layer, Transposed)):
        nn.init.normal_(bias)
    z = torch.randn(7, 2, device=device)
    hidden = (z @ second.weight + model.decoder.layers[0].bias).tanh()
    torch.testing.assert_close(model.decode(z), hidden @ first.weight + model.decoder.layers[2].bias)


def test_the_weight_is_read_at_call_time(model, device):
    model.eval()
    x = torch.rand(3, *model.event_shape, device=device)
    changed = {name: torch.randn_like(p) for name, p in model.named_parameters()}
    inside = functional_call(_Rebuilding(model), {f"model.{name}": p for name, p in changed.items()}, (x,))
    model.load_state_dict(changed, strict=False)
    torch.testing.assert_close(inside, model.reconstruct(x).flatten(1))


class _Rebuilding(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model.params(self.model.encoded(x))


def test_gradients_of_both_uses_add_up(device):
    model = Autoencoder((6,), 2, encoder=MLP(()), decoder=Tied()).to(device)
    x = torch.randn(5, 6, device=device)
    model.objective()(model, Batch(x), {}).value.backward()
    W, b = model.encoder.layers[0].weight, model.encoder.layers[0].bias
    V = W.detach().clone().requires_grad_()
    U = W.detach().clone().requires_grad_()
    ((x @ V.T + b.detach()) @ U - x).square().sum(1).mean().backward()
    torch.testing.assert_close(W.grad, V.grad + U.grad)


def test_a_copy_is_tied_to_its_own_encoder(model, device):
    twin = copy.deepcopy(model).eval()
    x = torch.rand(3, *model.event_shape, device=device)
    expected = twin.reconstruct(x)
    with torch.no_grad():
        for p in model.encoder.parameters():
            p.zero_()
    torch.testing.assert_close(twin.reconstruct(x), expected)


class _Opaque(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 2)

    def forward(self, x):
        return self.layer(x).relu()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Tied().bind(2, 6), "put it into an Autoencoder"),
        (lambda: Autoencoder((6,), 2, encoder=_Opaque(), decoder=Tied()), "cannot see into a _Opaque"),
        (
            lambda: Autoencoder(
                (6,), 2, encoder=nn.Sequential(nn.Linear(6, 2), nn.BatchNorm1d(2), nn.Linear(2, 2)), decoder=Tied()
            ),
            "cannot transpose a BatchNorm1d",
        ),
        (lambda: Autoencoder((6,), 2, encoder=MLP((4,), gated=True), decoder=Tied()), "cannot transpose a Gate"),
        (
            lambda: Autoencoder((6,), 2, encoder=nn.Sequential(nn.Linear(6, 6), _Opaque()), decoder=Tied()),
            "cannot transpose a _Opaque",
        ),
    ],
)
def test_bad_ties(make, message):
    with pytest.raises(RecipeError, match=message):
        make()
