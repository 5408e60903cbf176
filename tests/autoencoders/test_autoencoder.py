"""The autoencoder: its verbs and its refusals."""

import copy

import pytest
import torch
from torch import nn

from genlatent import components
from genlatent.autoencoders.autoencoder import Autoencoder
from genlatent.data.corruptions import Masking
from genlatent.distributions.reconstructions import CrossEntropy
from genlatent.errors import DataError, RecipeError, Unsupported
from genlatent.networks.convolutional import ConvDecoder, ConvEncoder
from genlatent.networks.mlp import MLP
from genlatent.objectives.base import Batch


@pytest.fixture
def x(device):
    return torch.rand(10, 1, 8, 8, device=device)


def parts(kind):
    if kind == "convolutional":
        return {"encoder": ConvEncoder((4,)), "decoder": ConvDecoder((4,)), "loss": CrossEntropy()}
    if kind == "foreign":
        norm = nn.BatchNorm1d(3)
        return {"encoder": nn.Sequential(nn.Flatten(), nn.Linear(64, 3), norm), "decoder": nn.Linear(3, 64)}
    return {"corruption": Masking(0.3), "latent": (3, 1)} if kind == "denoising" else {}


@pytest.fixture(params=["plain", "denoising", "convolutional", "foreign"])
def model(request, device):
    return Autoencoder(**{"event_shape": (1, 8, 8), "latent": 3, **parts(request.param)}).to(device)


def test_verbs(model, x):
    code = model.encode(x)
    assert code.shape == (10, *model.latent_shape)
    assert model.decode(code).shape == model.reconstruct(x).shape == x.shape
    torch.testing.assert_close(model.reconstruct(x), model.decode(code))
    assert model.score(x).shape == (10,)


def test_score_is_minus_the_held_out_loss(model, x):
    model.eval()
    torch.testing.assert_close(model.score(x), -model.objective().validate(model, Batch(x))["loss"])


def test_verbs_leave_everything_as_it_was(model, x):
    model.train()
    before, state = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    for verb in (model.encode, model.reconstruct, model.score):
        assert not verb(x).requires_grad
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(part.training for part in model.modules())
    assert torch.equal(torch.get_rng_state(), state)


def test_sample_is_refused(model):
    with pytest.raises(Unsupported, match="Autoencoder cannot sample"):
        model.sample(3)


def test_round_trip_through_plain_values(model, x):
    rebuilt = components.build(components.describe(model), "model").to(x.device)
    rebuilt.load_state_dict(model.state_dict())
    assert components.describe(rebuilt) == components.describe(model)
    torch.testing.assert_close(rebuilt.reconstruct(x), model.reconstruct(x))


def test_the_first_reconstruction_is_the_mean(x, device):
    model = Autoencoder((1, 8, 8), 3, encoder=MLP(()), decoder=MLP(()), loss=CrossEntropy()).to(device)
    model.prepare(x)
    torch.testing.assert_close(model.decode(torch.zeros(1, 3, device=device))[0], x.mean(0), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Autoencoder((1, 8, 8), 3, encoder=MLP(outputs=4)), "the encoder gives 4 outputs, the code needs 3"),
        (lambda: Autoencoder((1, 8, 8), 3, decoder=MLP(inputs=4)), r"the decoder takes inputs of shape \(4,\)"),
        (lambda: Autoencoder((1, 8, 8), 3, decoder=MLP(outputs=60)), "the decoder gives 60 outputs, the SquaredError"),
        (lambda: Autoencoder((1, 8, 8), 0), "latent must be at least 1, got 0"),
        (lambda: Autoencoder((1, 0, 8)), "event_shape must be at least 1"),
    ],
)
def test_parts_that_do_not_fit(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_foreign_encoder_of_the_wrong_size_is_refused_at_its_first_use(x, device):
    model = Autoencoder((1, 8, 8), 3, encoder=nn.Sequential(nn.Flatten(), nn.Linear(64, 5))).to(device)
    with pytest.raises(RecipeError, match="the encoder gives 5 outputs, the code needs 3"):
        model.encode(x)


def test_bad_rows(x):
    model = Autoencoder((1, 8, 8), 3, loss=CrossEntropy()).to(x.device)
    with pytest.raises(DataError, match=r"takes rows of shape \(1, 8, 8\)"):
        model.encode(x[:, :, :7])
    with pytest.raises(DataError, match="CrossEntropy"):
        model.score(x + 1)
    x[0, 0, 0, 0] = torch.nan
    with pytest.raises(DataError, match="NaN in the rows"):
        model.encode(x)
