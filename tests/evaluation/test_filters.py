import pytest
import torch

from genlatent import DRAW, RBM, VAE, Autoencoder, DeepBoltzmannMachine, FullyVisibleBoltzmannMachine
from genlatent.errors import Unsupported
from genlatent.evaluation.filters import first_filters
from genlatent.networks.mlp import MLP


def test_filters_are_weights_from_the_data_to_the_next_layer():
    machine = RBM((1, 4, 4), hidden=3)
    assert first_filters(machine).shape == (3, 1, 4, 4)
    assert bool((first_filters(machine)[1].flatten() == machine.W[:, 1]).all())
    assert first_filters(DeepBoltzmannMachine((1, 4, 4), hidden=[5, 2])).shape == (5, 1, 4, 4)
    for model in (VAE((1, 4, 4), encoder=MLP((7,))), Autoencoder((1, 4, 4), encoder=MLP((7,)))):
        assert torch.equal(first_filters(model).flatten(1), model.encoder.layers[0].weight)


@pytest.mark.parametrize("make", [lambda: FullyVisibleBoltzmannMachine((1, 4, 4)), lambda: DRAW((1, 4, 4), latent=2)])
def test_a_model_without_such_a_layer_says_so(make):
    with pytest.raises(Unsupported, match="no filters"):
        first_filters(make())
