"""What may stand between the layers of a perceptron: units left out, and units brought to one scale."""

import pytest
import torch
from torch import nn

from genlatent import Classifier, fit, load, load_data, save
from genlatent.autoencoders.autoencoder import Autoencoder
from genlatent.components import build, describe
from genlatent.errors import RecipeError
from genlatent.latent.semi_supervised import SemiSupervisedVAE
from genlatent.networks.dropout import Dropout
from genlatent.networks.mlp import MLP
from genlatent.networks.normalisation import BatchNorm
from genlatent.networks.tied import Tied
from genlatent.training.optimizer import Optimizer
from genlatent.training.step import Rows, Step
from tests.statistics import assert_mean

BOTH = {"dropout": 0.3, "normalise": "batch"}
SIZES = {"inputs": [4], "outputs": [3]}


@pytest.fixture
def network(device):
    return MLP((6, 5), "tanh", inputs=4, outputs=3, **BOTH).double().to(device)


@pytest.fixture
def x(device):
    return torch.randn(2, 7, 4, dtype=torch.float64, device=device)


def test_where_they_stand(network):
    kinds = [nn.Linear, BatchNorm, nn.Tanh, Dropout] * 2 + [nn.Linear, nn.Identity]
    assert [type(layer) for layer in network.layers] == kinds
    assert network.output_layer().out_features == 3


def test_without_them_the_layers_are_what_they_were():
    assert [type(layer) for layer in MLP((6,), inputs=4, outputs=3).layers] == [
        nn.Linear,
        nn.ReLU,
        nn.Linear,
        nn.Identity,
    ]


def test_dropout_keeps_the_mean(device):
    h = Dropout(0.3)(torch.full((4, 20_000), 2.0, device=device))
    assert h.unique().tolist() == pytest.approx([0.0, 2 / 0.7])
    assert_mean(h.cpu().double(), 2.0)
    assert_mean((h == 0).double().cpu(), 0.3)


def test_a_gate_multiplies_each_unit(device, x):
    net = MLP((6,), "tanh", inputs=4, outputs=3, gated=True).double().to(x.device)
    first, last = (layer for layer in net.layers if isinstance(layer, nn.Linear))
    (w, v), (b, c) = first.weight.chunk(2), first.bias.chunk(2)
    torch.testing.assert_close(net(x), last((x @ w.T + b).tanh() * (x @ v.T + c).sigmoid()))
    assert net.output_layer() is last


def test_gated_layers_are_told_a_condition_and_trained(device):
    digits = load_data("digits", binarise="threshold", num_labels=100).to(device)
    gated = {"activation": "identity", "gated": True, "normalise": "batch", "dropout": 0.1}
    networks = {name: MLP((12, 8), **gated) for name in ("encoder", "decoder", "classifier")}
    model = SemiSupervisedVAE(digits.shape, latent=2, **networks).to(device)
    fit(model, digits, steps=40, batch_size=50, seed=0)
    assert model.predict(digits.test[:5]).shape == (5,)
    assert build(describe(networks["encoder"]), "network").gated


def test_at_rest_nothing_is_left_out(network, x):
    network.eval()
    first, second, third = (layer for layer in network.layers if isinstance(layer, nn.Linear))
    scale = (1 + 1e-5) ** -0.5  # no batch has been seen: mean 0, variance 1
    expected = third((scale * second((scale * first(x)).tanh())).tanh())
    torch.testing.assert_close(network(x), expected)


def test_rows_of_all_batch_dimensions_are_normalised_together(x):
    layer = BatchNorm(4, momentum=1.0).double().to(x.device)
    rows = x.reshape(-1, 4)
    mean, variance = rows.mean(0), rows.var(0, correction=0)
    torch.testing.assert_close(layer(x), (x - mean) / (variance + layer.eps).sqrt())
    torch.testing.assert_close(layer.running_mean, mean)
    torch.testing.assert_close(layer.running_var, rows.var(0))
    torch.testing.assert_close(layer(x[0, :1]), (x[0, :1] - mean) / (rows.var(0) + layer.eps).sqrt())


def test_a_traced_step_is_the_eager_one(device):
    digits = load_data("digits").to(device)
    rows = Rows(digits.train, digits.labels.train, torch.arange(9, device=device))
    model = Classifier((1, 8, 8), 10, MLP((6,), **BOTH), features=4).to(device)
    nn.init.normal_(model.head.weight)
    found = []
    for mode in ("eager", "traced"):
        step = Step(model, model.objective(), mode=mode)
        found.append(step(rows, torch.zeros((), device=device), {}, torch.Generator(device).manual_seed(1)))
        assert step.mode == mode
    eager, traced = found
    assert torch.equal(eager.value, traced.value)
    moved = {name.rpartition(".")[2] for name in eager.buffers}
    assert moved == {"running_mean", "running_var", "num_batches_tracked"}
    for one, other in ((eager.gradients, traced.gradients), (eager.buffers, traced.buffers)):
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_means_are_learned_with_the_weights_and_saved(device, tmp_path):
    digits = load_data("digits").to(device)
    model = Classifier((1, 8, 8), 10, MLP((30,), **BOTH), features=20).to(device)
    fit(model, digits, epochs=4, batch_size=50, optimizer=Optimizer(learning_rate=5e-3))
    norm = model.encoder.layers[1]
    assert bool(norm.running_mean.any())
    assert float((model.predict(digits.test) == digits.labels.test).double().mean()) > 0.85
    save(model, tmp_path / "model")
    found = load(tmp_path / "model").to(device)
    assert torch.equal(found.predict_proba(digits.test), model.predict_proba(digits.test))


def test_networks_that_are_told_a_class_may_have_them(device):
    digits = load_data("digits", binarise="threshold", num_labels=50).to(device)
    model = SemiSupervisedVAE(
        (1, 8, 8), 10, 2, encoder=MLP((8,), **BOTH), decoder=MLP((8,), **BOTH), classifier=MLP((8,), **BOTH)
    ).to(device)
    history = fit(model, digits, steps=3, batch_size=30, labelled=10, mode="eager")
    assert history.rows


def test_tied_decoders_leave_dropout_out(device):
    model = Autoencoder((1, 8, 8), latent=5, encoder=MLP((7,), dropout=0.2), decoder=Tied()).to(device)
    assert not any(isinstance(layer, Dropout) for layer in model.decoder.layers)


def test_round_trip_through_plain_values(network):
    assert describe(build(describe(network), "network")) == describe(network)
    assert describe(network) == {"name": "mlp", "hidden": [6, 5], "activation": "tanh", **SIZES, **BOTH}


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"dropout": 1.0}, ValueError, "dropout is a share of the units, from 0 to below 1, got 1.0"),
        ({"dropout": -0.1}, ValueError, "dropout is a share of the units, from 0 to below 1, got -0.1"),
        ({"normalise": "bacth"}, RecipeError, "no normalisation is called 'bacth'; did you mean 'batch'"),
    ],
)
def test_bad_arguments(options, error, sentence):
    with pytest.raises(error, match=sentence):
        MLP((3,), **options)
