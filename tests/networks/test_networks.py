"""The contract of every registered network, and what each one is in particular."""

import pytest
import torch
from torch import nn

from genlatent import components, registry
from genlatent.errors import RecipeError
from genlatent.networks.activations import ACTIVATIONS, activation
from genlatent.networks.convolutional import ConvDecoder, ConvEncoder
from genlatent.networks.mlp import MLP

SIZES = {
    "mlp": [((1, 8, 8), (6,)), ((20,), (2, 5, 5)), ((3,), (1,))],
    "conv-encoder": [((1, 8, 8), (6,)), ((3, 9, 7), (2, 2)), ((1, 28, 28), (40,))],
    "conv-decoder": [((6,), (1, 8, 8)), ((2, 2), (3, 9, 7)), ((20,), (2, 10, 10))],
    "grid-encoder": [((1, 8, 8), (6, 4, 4)), ((3, 9, 7), (2, 5, 4))],
    "grid-decoder": [((6, 4, 4), (1, 8, 8)), ((2, 5, 4), (3, 9, 7))],
}
VARIANTS = {"conv-encoder": {"pool": True}, "conv-decoder": {"upsample": True}}
CASES = [(name, *sizes) for name in registry.KINDS["network"] if name != "tied" for sizes in SIZES[name]]
CASES += [({"name": name} | options, *sizes) for name, options in VARIANTS.items() for sizes in SIZES[name]]


@pytest.fixture(params=CASES, ids=str)
def case(request, device):
    name, inputs, outputs = request.param
    network = components.build(name, "network")
    network.bind(inputs, outputs)
    return network.to(device), inputs, outputs


def test_any_number_of_batch_dimensions(case, device):
    network, inputs, outputs = case
    x = torch.randn(2, 4, *inputs, dtype=torch.float64, device=device)
    together = network.double()(x)
    assert together.shape == (2, 4, *outputs)
    torch.testing.assert_close(network(x[1]), together[1])
    torch.testing.assert_close(network(x[1, 2]), together[1, 2])


def test_gradients_reach_every_parameter(case, device):
    network, inputs, _ = case
    network(torch.randn(16, *inputs, device=device)).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in network.parameters())


def test_xavier_weights_and_no_biases(case):
    for layer in case[0].modules():
        if hasattr(layer, "weight"):
            fan_in, fan_out = nn.init._calculate_fan_in_and_fan_out(layer.weight)
            bound = (6 / (fan_in + fan_out)) ** 0.5
            assert 0.8 * bound < layer.weight.abs().max() <= bound
            assert not layer.bias.any()


def test_outputs_start_from_the_given_bias(case, device):
    network, inputs, outputs = case
    per_channel = torch.linspace(-1, 1, outputs[0]).reshape(-1, *[1] * (len(outputs) - 1)).to(device)
    values = per_channel.expand(outputs).flatten()
    network.set_output_bias(values)
    out = network(torch.zeros(2, *inputs, device=device))
    torch.testing.assert_close(out, values.reshape(outputs).expand(2, *outputs))


def test_binding_again_compares(case):
    network, inputs, outputs = case
    before = [p.clone() for p in network.parameters()]
    network.bind(inputs, outputs)
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters()))
    with pytest.raises(RecipeError, match="has outputs of shape"):
        network.bind(inputs, (999,))


def test_round_trip_through_plain_values(case):
    network = case[0]
    rebuilt = components.build(components.describe(network), "network")
    rebuilt.load_state_dict(network.state_dict())
    assert components.describe(rebuilt) == components.describe(network)


def test_an_unbound_network_says_so():
    with pytest.raises(RecipeError, match="no sizes yet"):
        MLP()(torch.zeros(3))


def test_a_perceptron_by_hand():
    network = MLP((5,), "tanh", inputs=4, outputs=3, output_activation="sigmoid")
    first, _, last, _ = network.layers
    x = torch.randn(7, 4)
    expected = torch.sigmoid(torch.tanh(x @ first.weight.T + first.bias) @ last.weight.T + last.bias)
    torch.testing.assert_close(network(x), expected)


def test_no_hidden_layer_is_a_linear_map():
    network = MLP((), inputs=4, outputs=3)
    x, y = torch.randn(2, 5, 4)
    torch.testing.assert_close(network(x + y), network(x) + network(y))


def test_own_sizes_hold_against_the_models():
    network = MLP(inputs=64)
    network.bind((1, 8, 8), 3)
    assert network(torch.zeros(2, 1, 8, 8)).shape == (2, 3)
    with pytest.raises(RecipeError, match="has inputs of shape"):
        MLP(inputs=64).bind(65, 3)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_found_by_name(name):
    assert activation(name)(torch.zeros(3)).shape == (3,)


def test_misspelt_activation():
    with pytest.raises(RecipeError, match="did you mean 'leaky-relu'"):
        MLP(activation="leaky_relu")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MLP((400, 0)), "at least 1 unit"),
        (lambda: MLP(inputs=0, outputs=3), "must be at least 1, got 0"),
        (lambda: ConvEncoder(kernel=4), "kernel must be odd"),
        (lambda: ConvDecoder(channels=()), "channels and hidden must be at least 1"),
    ],
)
def test_impossible_sizes(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("make", [lambda: ConvEncoder(inputs=64, outputs=3), lambda: ConvDecoder(inputs=3, outputs=64)])
def test_convolutions_need_images(make):
    with pytest.raises(RecipeError, match=r"takes images of shape \(channels, height, width\), not \(64,\)"):
        make()
