"""The moving codebook, the gradient that passes straight through, and the bound, by hand."""

import pytest
import torch

from genlatent.latent.vq import VQVAE
from genlatent.networks.mlp import MLP
from genlatent.objectives.base import Batch
from genlatent.objectives.quantisation import VectorQuantisation, bits, perplexity


def tensor(device, values):
    return torch.tensor(values, dtype=torch.float64, device=device)


@pytest.fixture
def model(device):
    """Two values, one code of two entries 0 and 4, encoder u = x_1 and decoder logits (e, -e)."""
    made = VQVAE((2,), codes=1, codebook=2, embedding=1, encoder=MLP(()), decoder=MLP(())).to(device).double()
    with torch.no_grad():
        made.encoder.layers[0].weight.copy_(tensor(device, [[1.0, 0.0]]))
        made.decoder.layers[0].weight.copy_(tensor(device, [[1.0], [-1.0]]))
    made.counts.copy_(tensor(device, [2.0, 1.0]))
    made.sums.copy_(tensor(device, [[0.0], [4.0]]))
    return made


def test_moving_averages_by_hand(model, device):
    r"""N = 0.9 (2, 1) + 0.1 (2, 1), m = 0.9 (0, 4) + 0.1 (1 + -0.5, 3); e = m / N."""
    vectors = tensor(device, [[[1.0]], [[-0.5]], [[3.0]]])
    codes = model.nearest(vectors)
    assert codes.flatten().tolist() == [0, 0, 1]
    moved = VectorQuantisation(decay=0.9, revive=0.0).moved(model, vectors, codes)
    torch.testing.assert_close(moved["counts"], tensor(device, [2.0, 1.0]))
    torch.testing.assert_close(moved["sums"], tensor(device, [[0.05], [3.9]]))
    for name, value in moved.items():
        getattr(model, name).copy_(value)
    torch.testing.assert_close(model.entries, tensor(device, [[0.025], [3.9]]))


def test_fixed_point_is_the_mean_of_what_chose_an_entry(model, device):
    vectors = tensor(device, [[[1.0]], [[-0.5]], [[3.0]]])
    for _ in range(300):
        for name, value in VectorQuantisation(decay=0.9).moved(model, vectors, model.nearest(vectors)).items():
            getattr(model, name).copy_(value)
    torch.testing.assert_close(model.entries, tensor(device, [[0.25], [3.0]]))


def test_dead_entries_move_to_vectors_of_the_batch(model, device):
    model.sums[1] = 1e6
    vectors = tensor(device, [[[7.0]]] * 5)
    objective = VectorQuantisation(decay=0.0, revive=0.5)
    moved = objective.moved(model, vectors, torch.zeros(5, 1, dtype=torch.int64, device=device), 0.0)
    torch.testing.assert_close(moved["counts"], tensor(device, [5.0, 2.5]))
    torch.testing.assert_close(moved["sums"] / moved["counts"][:, None], tensor(device, [[7.0], [7.0]]))
    late = objective.moved(
        model, vectors, torch.zeros(5, 1, dtype=torch.int64, device=device), torch.tensor(0.8, device=device)
    )
    assert late["counts"].tolist() == [5.0, 0.0]


def test_gradient_passes_straight_through_by_hand(model, device):
    r"""x = (1, 1): u = 1, e = 0, both logits 0. d/d(logits) = (-1/2, -1/2), times (1, -1) is 0, plus 2 beta (u - e).

    The decoder's weights see e = 0, its biases -1/2 each.
    """
    loss = VectorQuantisation(commitment=0.25)(model, Batch(tensor(device, [[1.0, 1.0]])), {})
    loss.value.backward()
    torch.testing.assert_close(model.encoder.layers[0].bias.grad, tensor(device, [0.5]))
    assert not model.decoder.layers[0].weight.grad.any()
    torch.testing.assert_close(model.decoder.layers[0].bias.grad, tensor(device, [-0.5, -0.5]))
    assert not model.sums.requires_grad


def test_gradient_of_the_reconstruction_reaches_the_encoder(model, device):
    """x = (1, 0): d/d(logits) = (-1/2, 1/2), times (1, -1) is -1."""
    VectorQuantisation(commitment=0.0)(model, Batch(tensor(device, [[1.0, 0.0]])), {}).value.backward()
    torch.testing.assert_close(model.encoder.layers[0].bias.grad, tensor(device, [-1.0]))
    torch.testing.assert_close(model.encoder.layers[0].weight.grad, tensor(device, [[-1.0, 0.0]]))


def test_loss_by_hand(model, device):
    """A prior that knows nothing costs ln 2, two fair bits 2 ln 2, the commitment beta (1 - 0)^2."""
    loss = VectorQuantisation(commitment=0.25)(model, Batch(tensor(device, [[1.0, 1.0]])), {})
    one = torch.tensor(2.0, device=device).double().log()
    torch.testing.assert_close(loss.value, 3 * one + 0.25)
    for name, value in {
        "loss": 3 * one,
        "kl": one,
        "reconstruction": 2 * one,
        "commitment": tensor(device, 1.0),
    }.items():
        torch.testing.assert_close(loss.metrics[name], value)
    held_out = VectorQuantisation().validate(model, Batch(tensor(device, [[1.0, 1.0]])))
    torch.testing.assert_close(held_out["loss"], -model.score(tensor(device, [[1.0, 1.0]])))


def test_the_prior_learns_codes_and_moves_nothing_else(model, device):
    model.code_prior.read.bias.data.uniform_()
    x = tensor(device, [[1.0, 1.0]])
    parts = torch.autograd.grad(-model.log_prior(model.encode(x)).sum(), [*model.parameters()], allow_unused=True)
    found = {name for (name, _), part in zip(model.named_parameters(), parts) if part is not None}
    assert found
    assert all(name.startswith("code_prior") for name in found)


def test_perplexity_and_bits(device):
    torch.testing.assert_close(perplexity(torch.arange(8, device=device), 8), torch.tensor(8.0, device=device))
    torch.testing.assert_close(
        perplexity(torch.zeros(8, dtype=torch.int64, device=device), 8), torch.tensor(1.0, device=device)
    )
    torch.testing.assert_close(bits(3 * torch.tensor(2.0, device=device).log(), 6), torch.tensor(0.5, device=device))


@pytest.mark.parametrize("argument", ["decay", "revive", "until"])
def test_what_it_refuses(argument):
    with pytest.raises(ValueError, match=f"{argument} is a fraction"):
        VectorQuantisation(**{argument: 1.5})
    with pytest.raises(ValueError, match="commitment must not be negative"):
        VectorQuantisation(commitment=-1)
