"""Conditional models: exact where everything is linear, and held to what they were told."""

import copy

import pyro.distributions as dist
import pytest
import torch
from sklearn.svm import SVC
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from genlatent import fit, load_data
from genlatent.data.dataset import Dataset, Splits
from genlatent.distributions.likelihoods import Gaussian
from genlatent.errors import DataError, RecipeError
from genlatent.latent.conditional import ConditionalVAE
from genlatent.networks.conditions import Labels, Quadrants, Values
from genlatent.networks.convolutional import ConvDecoder, ConvEncoder
from genlatent.networks.mlp import MLP
from genlatent.objectives.base import Batch
from genlatent.objectives.elbo import ELBO
from genlatent.training.optimizer import Optimizer

PIXELS, LATENT, NOISE = 6, 2, 0.6


def linear(condition, **parts):
    return ConditionalVAE(
        (PIXELS,), condition, LATENT, likelihood=Gaussian(NOISE), encoder=MLP(()), decoder=MLP(()), **parts
    ).double()


def make_exact(model, effect, prior_mean):
    r"""Orthogonal loadings W, x = W z + U y + b + noise, z = m(y) + noise, and the encoder at the posterior."""
    loadings = torch.linalg.qr(torch.randn(PIXELS, LATENT).double())[0] * torch.tensor([2.0, 0.5]).double()
    offset = torch.randn(PIXELS).double()
    variance = 1 / (1 + (loadings**2).sum(0) / NOISE**2)
    gain = variance[:, None] * loadings.T / NOISE**2
    shift = variance[:, None] * prior_mean - gain @ effect  # of the posterior mean, for each unit of y
    with torch.no_grad():
        decoder, encoder = model.decoder.layers[0], model.encoder.layers[0]
        decoder.weight.copy_(loadings), decoder.bias.copy_(offset)
        encoder.weight.copy_(torch.cat([gain, 0 * gain]))
        encoder.bias.copy_(torch.cat([-gain @ offset, variance.log()]))
        weight(model.decoder_condition).copy_(effect)
        weight(model.encoder_condition).copy_(torch.cat([shift, 0 * shift]))
    covariance = loadings @ loadings.T + NOISE**2 * torch.eye(PIXELS).double()
    return lambda y: torch.distributions.MultivariateNormal(
        (y @ (effect + loadings @ prior_mean).T + offset), covariance.to(y.device)
    )


def weight(term):
    """W_y, `(width, features)`."""
    return term.weight.T if hasattr(term, "weight") else term.layer.weight


def no_shift(features):
    return torch.zeros(LATENT, features).double()


@pytest.fixture
def x(device):
    return 2 * torch.randn(9, PIXELS, dtype=torch.float64, device=device)


def assert_exact(model, marginal, x, y, features, device):
    expected = marginal(features).log_prob(x.cpu()).to(device)
    model = model.to(device)
    torch.testing.assert_close(model.log_weights(x, 5, y=y), expected.expand(5, 9), atol=1e-9, rtol=0)
    torch.testing.assert_close(model.score(x, y), expected, atol=1e-9, rtol=0)
    bound = ELBO(3, analytic=False).validate(model, Batch(x, y))["loss"]
    torch.testing.assert_close(bound, -expected, atol=1e-9, rtol=0)


def test_values_shift_the_exact_marginal(x, device):
    model = linear(Values(3))
    marginal = make_exact(model, torch.randn(PIXELS, 3).double(), no_shift(3))
    y = torch.randn(9, 3).double()
    assert_exact(model, marginal, x, y.to(device), y, device)


def test_a_conditional_prior_moves_the_exact_marginal(x, device):
    model = linear(Values(3), prior_network=MLP(()))
    mean = torch.randn(LATENT, 3).double()
    marginal = make_exact(model, torch.randn(PIXELS, 3).double(), mean)
    with torch.no_grad():
        model.prior_network.layers[0].weight.copy_(torch.cat([mean, 0 * mean]))
        model.prior_network.layers[0].bias.zero_()
    y = torch.randn(9, 3).double()
    assert_exact(model, marginal, x, y.to(device), y, device)


@pytest.mark.parametrize("classes", [4, (2, 3)])
def test_labels_shift_the_exact_marginal(x, device, classes):
    condition = Labels(classes)
    model = linear(condition)
    marginal = make_exact(model, torch.randn(PIXELS, condition.num_features).double(), no_shift(condition.num_features))
    y = torch.stack([torch.arange(9) % n for n in condition.counts], 1).squeeze(1)
    assert_exact(model, marginal, x, y.to(device), condition.features(y).double(), device)


def test_the_split_layer_is_one_layer_over_both(device):
    model = ConditionalVAE((4, 3), Values((2, 2)), 2, decoder=MLP((5,))).to(device)
    z, y = torch.randn(6, 2, device=device), torch.randn(6, 4, device=device)
    first, term = model.decoder.layers[0], model.decoder_condition.layer
    whole = nn.Linear(6, 5).to(device)
    with torch.no_grad():
        whole.weight.copy_(torch.cat([first.weight, term.weight], 1)), whole.bias.copy_(first.bias)
    expected = model.decoder.layers[1:](whole(torch.cat([z, y], 1)))
    torch.testing.assert_close(model.params(z, y), expected)


class FromElsewhere(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.inputs, self.outputs = inputs, outputs
        self.layer = nn.Linear(inputs, outputs)

    def forward(self, x, y):
        return self.layer(torch.cat([x.flatten(1), y], 1))


def test_a_module_from_elsewhere_is_called_with_x_and_condition(device):
    model = ConditionalVAE((5,), (2, 3), 2, encoder=FromElsewhere(10, 4), decoder=FromElsewhere(7, 5)).to(device)
    y = torch.tensor([[1, 2], [0, 0]], device=device)
    assert model.reconstruct(torch.ones(2, 5, device=device), y).shape == (2, 5)
    assert model.sample(3, given={"y": [1, 2]}).shape == (3, 5)


def test_convolutional_networks_take_a_condition(device):
    model = ConditionalVAE((1, 8, 8), 10, 2, encoder=ConvEncoder((4,), 8), decoder=ConvDecoder((4,), 8)).to(device)
    x, y = torch.zeros(3, 1, 8, 8, device=device), torch.tensor([1, 2, 3], device=device)
    assert model.reconstruct(x, y).shape == (3, 1, 8, 8)
    assert not torch.equal(model.encode(x, y), model.encode(x, y.flip(0)))


@pytest.mark.parametrize(("observed", "seen"), [(1, 16), (2, 32), (3, 48)])
def test_quadrants_that_are_seen_stay(observed, seen, device):
    model = ConditionalVAE((1, 8, 8), Quadrants(observed), 2).to(device)
    x = (torch.rand(3, 1, 8, 8, device=device) < 0.5).float()
    given = torch.where(model.condition.seen, x, torch.nan)
    drawn = model.sample(3, given={"x": given}, generator=torch.Generator(device).manual_seed(0))
    assert model.condition.num_features == seen
    assert torch.equal(drawn[:, model.condition.seen], x[:, model.condition.seen])
    assert not torch.equal(drawn, x)
    assert model.sample(5, given={"x": given[:1]}).shape == (5, 1, 8, 8)
    assert torch.equal(model.reconstruct(x)[:, model.condition.seen], x[:, model.condition.seen])


def test_only_what_is_not_seen_is_scored(device):
    model = ConditionalVAE((1, 4, 4), Quadrants(3), 2).to(device)
    with torch.no_grad():
        model.decoder.layers[-2].weight.zero_()
    x = torch.ones(2, 1, 4, 4, device=device)
    costs = ELBO().validate(model, Batch(x))["reconstruction"]
    torch.testing.assert_close(costs, torch.full_like(costs, 4 * torch.tensor(2.0).log().item()))


def test_a_gap_where_something_should_be_seen_is_refused(device):
    model = ConditionalVAE((1, 4, 4), Quadrants(2), 2).to(device)
    with pytest.raises(DataError, match="trained to see 2 of 4 quadrants"):
        model.sample(2, given={"x": torch.full((1, 4, 4), torch.nan, device=device)})
    with pytest.raises(DataError, match="draws x given x"):
        model.sample(2)


def test_labels_by_name_and_the_rest_evenly(device):
    model = ConditionalVAE((5,), (2, 3), 2, label_names=("shape", "size")).to(device)
    assert model.sample(4, given={"size": 2}).shape == (4, 5)
    assert model.sample(4).shape == (4, 5)
    draws = [
        model.sample(4, given=given, generator=torch.Generator(device).manual_seed(0))
        for given in (
            {"shape": 1, "size": 2, "z": torch.zeros(4, 2, device=device)},
            {"y": [1, 2], "z": torch.zeros(4, 2, device=device)},
        )
    ]
    assert draws[0].shape == draws[1].shape
    with pytest.raises(RecipeError, match="'colour'; it knows: z, y, label, shape, size"):
        model.sample(4, given={"colour": 1})


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "conditioned on labels, and the rows have none"),
        (torch.tensor([0, 3]), "label 3 in row 1 is none of the 3 declared classes"),
        (torch.tensor([-1, 0]), "which a semi-supervised model takes"),
        (torch.zeros(2, 2).long(), "1 labels for each row"),
    ],
)
def test_conditions_that_were_not_declared_are_refused(y, message, device):
    model = ConditionalVAE((5,), 3, 2).to(device)
    for ask in (
        lambda: model.score(torch.ones(2, 5, device=device), y),
        lambda: model.encode(torch.ones(2, 5, device=device), y),
    ):
        with pytest.raises(DataError, match=message):
            ask()
    with pytest.raises(DataError, match=message):
        model.check_labels(y)


def test_a_prior_network_leaves_no_place_for_another_prior():
    with pytest.raises(RecipeError, match="leaves no place"):
        ConditionalVAE((5,), 3, 2, prior=dist.Normal(0.0, 1.0), prior_network=MLP(()))


def test_data_with_numbers_as_conditions_train_a_model(device):
    y = torch.linspace(-1, 1, 60, device=device)[:, None]
    x = 3 * y + 0.1 * torch.randn(60, 2, device=device)
    parts = [(x[at], y[at]) for at in (slice(0, 40), slice(40, 50), slice(50, 60))]
    labels = Splits(*(part[1] for part in parts))
    data = Dataset(*(part[0] for part in parts), shape=torch.Size([2]), support="real", name="lines", labels=labels)
    model = ConditionalVAE((2,), Values(1), 1, likelihood=Gaussian("learned")).to(device)
    history = fit(model, data, epochs=3)
    assert history.column("valid/loss")[-1] < history.column("valid/loss")[0]
    assert model.sample(3, given={"y": 0.5}).shape == (3, 2)


def test_labels_outside_the_classes_are_refused_before_the_first_step(device):
    with pytest.raises(DataError, match="none of the 3 declared classes"):
        fit(ConditionalVAE((1, 8, 8), 3).to(device), load_data("digits", binarise="threshold").to(device), steps=1)


@pytest.fixture(scope="module")
def digits(device):
    return load_data("digits", binarise="threshold").to(device)


def learn(model, data, epochs, **options):
    return fit(
        model, data, epochs=epochs, batch_size=100, optimizer=Optimizer("adam", 2e-3, schedule="linear"), **options
    )


@pytest.mark.slow
def test_samples_are_the_digit_that_was_asked_for(digits, device):
    model = ConditionalVAE((1, 8, 8), 10, 8, encoder=MLP((256,)), decoder=MLP((256,))).to(device)
    learn(model, digits, 80)
    judge = SVC(C=10).fit(digits.train.flatten(1), digits.labels.train)
    assert judge.score(digits.test.flatten(1), digits.labels.test) > 0.95
    y = torch.arange(1000) % 10
    drawn = model.sample(1000, given={"y": y}, generator=torch.Generator(device).manual_seed(0))
    assert judge.score(drawn.flatten(1).cpu(), y) >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize("observed", [1, 2, 3])
def test_completions_beat_a_plain_network(digits, device, observed):
    networks = {"encoder": MLP((128,)), "decoder": MLP((128,)), "prior_network": MLP((32,))}
    model = ConditionalVAE((1, 8, 8), Quadrants(observed), 8, **networks).to(device)
    learn(model, digits, 60)
    x = digits.test.to(device)
    ours = model.score(x, num_samples=100, generator=torch.Generator(device).manual_seed(0))
    theirs = plain_network(device, model.condition, digits.to(device))(x)
    assert ours.mean() > theirs.mean() + 0.05


def plain_network(device, condition, data):
    """Log-likelihood of what is not seen under independent pixels, at the epoch that is best held out."""
    network = MLP((128,), inputs=condition.num_features, outputs=(1, 8, 8)).to(data.train.device)
    optimizer, best = torch.optim.Adam(network.parameters(), 2e-3), (-torch.inf, {})

    def log_prob(x):
        each = binary_cross_entropy_with_logits(network(condition.of(x, None)), x, reduction="none")
        return -(each * condition.unseen()).flatten(1).sum(1)

    for _ in range(100):
        for rows in torch.randperm(len(data.train), device=device).split(100):
            optimizer.zero_grad()
            (-log_prob(data.train[rows]).mean()).backward()
            optimizer.step()
        with torch.no_grad():
            held_out = float(log_prob(data.valid).mean())
        if held_out > best[0]:
            best = held_out, copy.deepcopy(network.state_dict())
    network.load_state_dict(best[1])
    return lambda x: log_prob(x).detach()
