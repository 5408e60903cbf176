"""Each layer learns the codes of the one below, which stays as it is."""

import pytest
import torch

from genlatent import RBM, Autoencoder
from genlatent.training.checkpoint import weights
from genlatent.training.greedy import coded, fit_greedily


def stack(kind):
    if kind == "rbm":
        return [RBM((1, 8, 8), hidden=12), RBM(12, hidden=6)]
    return [Autoencoder((1, 8, 8), latent=12), Autoencoder(12, latent=6)]


@pytest.mark.parametrize("kind", ["rbm", "autoencoder"])
def test_stacks_are_trained_from_the_data_upwards(kind, digits, tmp_path):
    layers = stack(kind)
    histories = fit_greedily(layers, digits, epochs=3, each=[{"epochs": 4}], run=tmp_path)
    assert [len(history.rows) for history in histories] == [4, 3]
    assert (tmp_path / "layer-2" / "metrics.jsonl").exists()
    lower = {name: tensor.clone() for name, tensor in weights(layers[0]).items()}
    again = stack(kind)
    resumed = fit_greedily(again, digits, epochs=3, each=[{"epochs": 4}], run=tmp_path, resume=True)
    assert [len(history.rows) for history in resumed] == [4, 3]
    for name, tensor in weights(again[0]).items():
        assert torch.equal(tensor, lower[name])


def test_codes_are_the_layers_own(digits):
    model = Autoencoder((1, 8, 8), latent=5)
    data = coded(digits, model)
    assert data.shape == torch.Size([5])
    assert torch.allclose(data.test, model.encode(digits.test), atol=1e-6)
    assert len(data.train) == len(digits.train)
    assert data.labels is not None


def test_hidden_means_become_bits_for_a_binary_layer_above(digits):
    rbm = RBM((1, 8, 8), hidden=12)
    data = coded(digits, rbm, RBM(12, hidden=4))
    assert (data.binarisation, data.support) == ("dynamic", "binary")
    assert torch.allclose(data.train.mean(), rbm.encode(digits.test).mean(), atol=0.05)
    assert coded(digits, rbm, Autoencoder(12, latent=2)).binarisation == "none"


def test_options_for_layers_that_are_not_there(digits):
    with pytest.raises(ValueError, match="each has options for 3 layers, there are 2"):
        fit_greedily(stack("rbm"), digits, each=[{}, {}, {}])
