"""A stack of autoencoders: layer by layer, then as one deep model."""

import pytest
import torch

from genlatent import StackedAutoencoder, fit, load, load_data, pretrain, save
from genlatent.autoencoders.layer import AutoencoderLayer
from genlatent.data.corruptions import Masking
from genlatent.distributions.reconstructions import CrossEntropy
from genlatent.errors import DataError, RecipeError
from genlatent.objectives.base import Batch
from genlatent.objectives.reconstruction import Reconstruction
from genlatent.objectives.softmax import SoftmaxCrossEntropy
from genlatent.objectives.sparsity import L1, SparsityKL
from genlatent.objectives.supervised import SupervisedReconstruction
from genlatent.training.optimizer import Optimizer


@pytest.fixture(scope="module")
def digits(device):
    return load_data("digits").to(device)


def shaken(layers):
    """Layers with biases other than zero, as training leaves them."""
    with torch.no_grad():
        for layer in layers:
            for p in layer.parameters():
                p.add_(0.3 * torch.randn_like(p))
    return layers


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
@pytest.mark.parametrize("code_activation", [None, "identity"])
def test_unrolled_it_is_its_layers_one_after_the_other(tied, activation, code_activation, device):
    loss = CrossEntropy() if activation == "sigmoid" else None
    model = StackedAutoencoder((1, 8, 8), (12, 7, 4), activation, code_activation, loss=loss, tied=tied).to(device)
    layers = shaken([layer.to(device) for layer in model.stack()])
    model.adopt(layers)
    x = torch.rand(5, 1, 8, 8, device=device)
    codes = [x]
    for layer in layers:
        codes.append(layer.encode(codes[-1]))
    assert torch.allclose(model.encode(x), codes[-1], atol=1e-6)
    back = codes[-1]
    for layer in reversed(layers):
        back = layer.decode(back)
    assert torch.allclose(model.reconstruct(x), back, atol=1e-6)


def test_adopted_biases_stay_when_training_goes_on(digits, device):
    model = StackedAutoencoder((1, 8, 8), (12, 4)).to(device)
    layers = shaken(model.stack())
    model.adopt(layers)
    before = model.reconstruct(digits.test)
    model.begin(digits.train)
    assert torch.equal(model.reconstruct(digits.test), before)
    fresh = StackedAutoencoder((1, 8, 8), (12, 4)).to(device)
    fresh.begin(digits.train)
    assert torch.allclose(fresh.decoder.output_layer().bias, digits.train.mean(0).flatten(), atol=1e-5)


def test_layers_learn_and_then_all_of_them(digits, tmp_path, device):
    model = StackedAutoencoder(
        (1, 8, 8), (20, 8), loss=CrossEntropy(), layer_corruption=Masking(0.25), penalties=[SparsityKL(0.2, 0.1)]
    ).to(device)
    loss = -model.score(digits.test).mean()
    how = {"batch_size": 100, "optimizer": Optimizer(learning_rate=5e-3)}
    histories = pretrain(model, digits, epochs=5, run=tmp_path, **how)
    assert len(histories) == 2
    stacked = -model.score(digits.test).mean()
    assert stacked < loss
    fit(model, digits, epochs=5, **how)
    assert -model.score(digits.test).mean() < stacked


def test_layers_are_saved_and_loaded(digits, tmp_path, device):
    model = StackedAutoencoder((1, 8, 8), (12, 4), "tanh", classes=10, layer_corruption=Masking(0.1))
    layer = model.stack()[1].to(device)
    save(layer, tmp_path / "layer")
    again = load(tmp_path / "layer").to(device)
    x = torch.rand(3, 12, device=device)
    assert isinstance(again, AutoencoderLayer)
    assert torch.equal(again.reconstruct(x), layer.reconstruct(x))
    assert again.corruption.p == 0.1


def test_labels_teach_every_layer(digits, device):
    model = StackedAutoencoder((1, 8, 8), (30, 20), classes=10).to(device)
    histories = pretrain(model, digits, epochs=8, batch_size=100, optimizer=Optimizer(learning_rate=1e-2))
    assert all(history.column("valid/error")[-1] < 0.3 for history in histories)
    plain = StackedAutoencoder((1, 8, 8), (30, 20)).to(device)
    assert "valid/error" not in pretrain(plain, digits, steps=2)[0].rows[-1]


def test_both_losses_are_added_with_their_weights(digits, device):
    layer = AutoencoderLayer((1, 8, 8), 6, classes=10).to(device)
    x, y = digits.train[:20], digits.labels.train[:20].clone()
    y[5:9] = -1
    batch, objective = Batch(x, y), SupervisedReconstruction(weight=3.0, reconstruction=0.5)
    rebuilt, told = Reconstruction()(layer, batch, {}), SoftmaxCrossEntropy()(layer, batch, {})
    found = objective(layer, batch, {})
    assert torch.allclose(found.value, 0.5 * rebuilt.value + 3.0 * told.value)
    assert torch.allclose(found.metrics["loss"], found.value)
    rows = objective.validate(layer, batch)["loss"]
    expected = 0.5 * Reconstruction().validate(layer, batch)["loss"]
    assert torch.allclose(rows[5:9], expected[5:9])
    assert (rows[:5] > expected[:5]).all()


def test_its_classifier_starts_from_its_encoders(digits, device):
    model = StackedAutoencoder((1, 8, 8), (12, 4)).to(device)
    made = model.classifier(10)
    features = made.encoder(digits.test)
    assert torch.equal(features, model.encoded(digits.test))
    fit(made, digits, steps=3)
    assert torch.equal(model.encoded(digits.test), features), "the classifier has encoders of its own"


def test_a_code_that_may_copy_is_warned_of_layer_by_layer_and_when_all_learn_together(device):
    data = load_data("two-moons", n=100).to(device)
    model = StackedAutoencoder((2,), (3, 4), "tanh", penalties=[L1(0.1)]).to(device)
    pretrain(model, data, steps=1)
    with pytest.warns(UserWarning, match="a code of 4 units for 2 values may just copy its input"):
        fit(model, data, steps=1)
    with pytest.warns(UserWarning, match="may just copy") as said:
        pretrain(StackedAutoencoder((2,), (3, 4), "tanh").to(device), data, steps=1)
    about = [str(one.message).partition(" may just")[0] for one in said]
    assert about == ["a code of 3 units for 2 values", "a code of 4 units for 3 values"]


def test_bad_input(digits, device):
    with pytest.raises(RecipeError, match="hidden lists the units of each layer"):
        StackedAutoencoder((1, 8, 8), ())
    with pytest.raises(DataError, match="class 9 in the labels; this AutoencoderLayer has 4 classes"):
        pretrain(StackedAutoencoder((1, 8, 8), (12, 4), classes=4).to(device), digits, steps=1)
    with pytest.raises(ValueError, match="weights must not be negative"):
        SupervisedReconstruction(weight=-1.0)
