"""Operations on the code: what stays, what learns, and what is refused."""

import math

import pytest
import torch

from genlatent import Autoencoder, components, fit, load_data
from genlatent.autoencoders.codes import Binary, KSparse, NoisyCode, Threshold
from genlatent.data.corruptions import (
    BlockOcclusion,
    ExactMasking,
    GaussianNoise,
    Masking,
    SaltAndPepper,
    UniformNoise,
)
from genlatent.errors import RecipeError
from genlatent.networks.mlp import MLP
from genlatent.objectives.base import Batch
from genlatent.objectives.contraction import Contractive
from genlatent.objectives.reconstruction import Reconstruction
from genlatent.objectives.sparsity import L1, SparsityKL


@pytest.fixture
def z(device):
    return torch.randn(50, 12, device=device)


def test_the_k_largest_stay_and_alpha_k_afterwards(z):
    operation = KSparse(3, alpha=1.5)
    for training, kept in ((True, 3), (False, 4)):
        code = operation(z, training)
        on = code != 0
        assert (on.sum(1) == kept).all()
        assert torch.equal(code[on], z[on])
        assert (z.masked_fill(on, -torch.inf).amax(1) < torch.where(on, z, torch.inf).amin(1)).all()


def test_no_gradient_goes_through_silenced_units(device):
    model = Autoencoder((1, 4, 4), 6, encoder=MLP(()), decoder=MLP(()), code=KSparse(2)).to(device).train()
    x = torch.rand(1, 1, 4, 4, device=device)
    on = model.encoded(x)[0] != 0
    model.objective()(model, Batch(x), {}).value.backward()
    into, out_of = model.encoder.layers[0].weight.grad, model.decoder.layers[0].weight.grad
    assert torch.equal(into.abs().sum(1) > 0, on)
    assert torch.equal(out_of.abs().sum(0) > 0, on)
    assert on.sum() == 2


def test_ties_keep_exactly_k(device):
    assert (KSparse(2)(torch.ones(3, 5, device=device), True).sum(1) == 2).all()


def test_a_threshold_between_two_values_is_k_sparse(z):
    row = z[:1]
    largest = row[0].sort(descending=True).values
    level = float((largest[3] + largest[4]) / 2)
    assert torch.equal(Threshold(level)(row, True), KSparse(4)(row, True))


def test_noise_in_the_code_has_its_scale_and_ends_with_training(device):
    z = torch.zeros(200, 500, device=device)
    noise = NoisyCode(0.3)(z, True)
    assert abs(float(noise.var()) / 0.09 - 1) < 4.3 * (2 / noise.numel()) ** 0.5
    assert torch.equal(NoisyCode(0.3)(z, False), z)


def test_bits_learn_by_the_derivative_of_the_sigmoid(z):
    z.requires_grad_()
    code = Binary()(z, True)
    assert torch.equal(code, (z > 0).to(z))
    weights = torch.randn_like(z)
    (found,) = torch.autograd.grad((code * weights).sum(), z)
    torch.testing.assert_close(found, weights * z.sigmoid() * (1 - z.sigmoid()))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Autoencoder((4,), 3, code=KSparse(4)), "keeps k = 4 units, the code has only 3"),
        (lambda: KSparse(0), "k must be a whole number of at least 1, got 0"),
        (lambda: KSparse(2, alpha=0.0), "alpha must be above 0"),
        (lambda: NoisyCode(-1.0), "scale must not be negative"),
    ],
)
def test_bad_operations(make, message):
    with pytest.raises(RecipeError, match=message):
        make()


def test_half_a_unit_cannot_stay():
    with pytest.raises(RecipeError, match="k-sparse: k takes whole numbers, got 2"):
        components.build({"name": "k-sparse", "k": 2.5}, "code")


def test_a_code_larger_than_the_data_is_warned_of():
    data = load_data("two-moons", n=100)
    with pytest.warns(UserWarning, match="a code of 5 units for 2 values may just copy its input"):
        fit(Autoencoder((2,), 5), data, steps=1)
    fit(Autoencoder((2,), 5, code=KSparse(1)), data, steps=1)


IDLE = [
    {"code": KSparse(5)},
    {"code": NoisyCode(0.0)},
    {"code": Threshold(-math.inf)},
    {"corruption": GaussianNoise(0.0)},
    {"corruption": Masking(0.0)},
    {"corruption": ExactMasking(0.0)},
    {"corruption": SaltAndPepper(0.0)},
    {"corruption": UniformNoise(0.0)},
    {"penalties": [L1(0.0)]},
    {"penalties": [SparsityKL(weight=0.0)], "encoder": MLP((), output_activation="sigmoid")},
    {"penalties": [Contractive(0.0)]},
]


@pytest.mark.parametrize("parts", IDLE, ids=lambda parts: type(next(iter(parts.values()))).__name__)
def test_what_has_no_strength_keeps_a_code_from_nothing(parts):
    data, parts = load_data("two-moons", n=100), dict(parts)
    penalties = parts.pop("penalties", ())
    model = Autoencoder((2,), 5, **parts)
    with pytest.warns(UserWarning, match="may just copy its input"):
        fit(model, data, objective=Reconstruction(penalties), steps=1)
    fit(model, data, objective=Reconstruction(penalties, may_copy=True), steps=1)


ACTIVE = [
    {"code": KSparse(4)},
    {"code": NoisyCode(0.1)},
    {"code": Threshold()},
    {"code": Binary()},
    {"corruption": BlockOcclusion(1)},
    {"corruption": Masking(0.1)},
    {"corruption": lambda x: x * 0.5},
    {"penalties": [L1(0.1), L1(0.0)]},
    {"penalties": [lambda model, x, code: code.square().sum(1)]},
]


@pytest.mark.parametrize("parts", ACTIVE, ids=lambda parts: type(next(iter(parts.values()))).__name__)
def test_what_has_some_strength_is_not_warned_of(parts):
    parts = dict(parts)
    penalties = parts.pop("penalties", ())
    Reconstruction(penalties).init(Autoencoder((1, 2, 2), 5, **parts), torch.rand(10, 1, 2, 2))


def test_an_overcomplete_code_copies_its_input_and_a_k_sparse_one_cannot(device):
    x = torch.randn(400, 4, device=device)
    data = load_data(x, valid=50, test=50)
    errors = []
    for code in (None, KSparse(1)):
        torch.manual_seed(1)
        model = Autoencoder((4,), 16, encoder=MLP(()), decoder=MLP(()), code=code).to(device)
        fit(model, data, objective=Reconstruction(may_copy=True), steps=600, batch_size=300)
        errors.append(float((model.reconstruct(x) - x).square().mean()))
    assert errors[0] < 0.01 < 0.1 < errors[1]
