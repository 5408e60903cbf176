import pytest
import torch

from genlatent import fit, load_data
from genlatent.components import build, describe
from genlatent.energy.rbm import RBM
from genlatent.energy.units import Gaussian, Spin
from genlatent.errors import DataError, Diverged, RecipeError, Unsupported
from genlatent.objectives.centring import centre
from genlatent.training.optimizer import Optimizer
from tests.machines import Exact, rbm
from tests.statistics import assert_means


@pytest.fixture
def model(device):
    return rbm().to(device).double()


@pytest.fixture
def data(device):
    return (torch.rand(40, 6, generator=torch.Generator(device).manual_seed(5), device=device) < 0.3).double()


def test_free_energy_is_the_sum_over_hidden_states(model):
    states, log_p = Exact(model).marginal("visible")
    log_z = Exact(model).log_partition
    assert torch.allclose(-model.free_energy(states) - log_z, log_p, atol=1e-10, rtol=0)


def test_log_partition_lists_either_side(model, device):
    turned = RBM(5, 6).to(device).double()
    with torch.no_grad():
        turned.visible_hidden_weight.copy_(model.W.T)
        turned.visible_bias.copy_(model.c)
        turned.hidden_bias.copy_(model.b)
    expected = Exact(model).log_partition
    assert abs(model.log_partition_exact() - expected) < 1e-10
    assert abs(turned.log_partition_exact() - expected) < 1e-10


def test_log_prob_sums_to_one(model):
    states = torch.unique(Exact(model).states["visible"], dim=0)
    assert abs(model.log_prob(states).exp().sum() - 1) < 1e-10


def test_log_prob_of_a_float32_model_is_computed_in_float64(device):
    model = rbm().to(device)
    states, log_p = Exact(model).marginal("visible")
    assert torch.allclose(model.log_prob(states.float()), log_p, atol=1e-10, rtol=0)


@pytest.mark.parametrize("units", [(Spin, Spin), (None, Spin), (Gaussian, None), (None, Gaussian)])
def test_free_energy_of_other_units(units, device):
    model = rbm(3, 2, visible_units=units[0] and units[0](), hidden_units=units[1] and units[1]()).to(device).double()
    v = model.visible_units.sample(torch.zeros(7, 3, dtype=torch.float64, device=device))
    grid = torch.linspace(-12, 12, 401, dtype=torch.float64, device=device)
    values, width = (
        (grid, grid[1] - grid[0])
        if units[1] is Gaussian
        else (torch.tensor(model.hidden_units.values, device=device), 1)
    )
    h = torch.cartesian_prod(values.double(), values.double())
    pairs = {"visible": v.repeat_interleave(len(h), 0), "hidden": h.repeat(len(v), 1)}
    energy = model.energy(pairs).reshape(len(v), len(h))
    expected = -((-energy).exp().sum(1) * width**2).log()
    assert torch.allclose(model.free_energy(v), expected, atol=1e-10, rtol=0)


def moments(model, data):
    """<v>, <h>, <v h'> over the data with h at its conditional mean, less the same in the model, by listing states."""
    exact, h = Exact(model), (data @ model.W + model.c).sigmoid()
    return (
        data.mean(0) - exact.mean("visible"),
        h.mean(0) - exact.mean("hidden"),
        data.T @ h / len(data) - exact.pair("visible", "hidden"),
    )


def test_gradient_of_the_exact_log_likelihood(model, data):
    parameters = [model.b, model.c, model.W]
    found = torch.autograd.grad(model.log_prob(data).mean(), parameters)
    for one, expected in zip(found, moments(model, data)):
        assert torch.allclose(one, expected, atol=1e-10, rtol=0)


def test_centred_gradient_is_that_of_the_centred_statistics(model, data):
    db, dc, dW = moments(model, data)
    mu, la = model.visible_offset, model.hidden_offset
    exact, h = Exact(model), (data @ model.W + model.c).sigmoid()
    positive = (data - mu).T @ (h - la) / len(data)
    s = exact.states
    negative = torch.einsum("s,si,sj->ij", exact.probability, s["visible"] - mu, s["hidden"] - la)
    expected = positive - negative
    biases, couplings = centre(
        {"visible": db, "hidden": dc}, {("visible", "hidden"): dW}, {"visible": mu, "hidden": la}
    )
    assert torch.allclose(couplings["visible", "hidden"], expected, atol=1e-10, rtol=0)
    assert torch.allclose(biases["visible"], db - expected @ la, atol=1e-10, rtol=0)
    assert torch.allclose(biases["hidden"], dc - mu @ expected, atol=1e-10, rtol=0)


@pytest.mark.parametrize("kind", [None, Spin])
def test_pseudo_likelihood_against_the_exact_conditionals(kind, device):
    model = rbm(visible_units=kind and kind()).to(device).double()
    states, log_p = Exact(model).marginal("visible")
    index = {tuple(row): i for i, row in enumerate(states.tolist())}
    low, high = model.visible_units.values
    expected = torch.zeros(len(states), dtype=torch.float64, device=device)
    for i, row in enumerate(states.tolist()):
        for site in range(6):
            other = [low + high - value if j == site else value for j, value in enumerate(row)]
            both = torch.stack((log_p[i], log_p[index[tuple(other)]]))
            expected[i] += log_p[i] - both.logsumexp(0)
    assert torch.allclose(model.pseudo_likelihood(states), expected, atol=1e-10, rtol=0)


def test_pseudo_likelihood_of_some_sites_averages_to_that_of_all(model, device):
    rows = torch.tensor([[1.0, 0, 0, 1, 1, 0]], device=device).repeat(3, 1)
    some, every = model.pseudo_likelihood(rows, every=3), model.pseudo_likelihood(rows)
    assert not torch.allclose(some, every)
    assert torch.allclose(some.mean(), every.mean())


def test_pseudo_likelihood_of_every_second_site_is_scaled_up(model, device):
    row = torch.tensor([[1.0, 0, 0, 1, 1, 0]], device=device)
    even, odd = model.pseudo_likelihood(row.repeat(2, 1), every=2)
    assert torch.allclose((even + odd) / 2, model.pseudo_likelihood(row)[0])


@pytest.mark.parametrize("every", [0, 7])
def test_pseudo_likelihood_of_no_site(model, every, device):
    with pytest.raises(RecipeError, match=f"every must lie between 1 and 6, got {every}"):
        model.pseudo_likelihood(torch.zeros(1, 6, device=device), every=every)


def test_pseudo_likelihood_needs_two_values(device):
    with pytest.raises(Unsupported, match="two values"):
        RBM(3, 2, visible_units=Gaussian()).to(device).pseudo_likelihood(torch.zeros(1, 3, device=device))


def test_code_and_reconstruction(model, data):
    h = model.encode(data)
    assert torch.allclose(h, 1 / (1 + torch.exp(-(model.c + data @ model.W))))
    assert torch.allclose(model.reconstruct(data), 1 / (1 + torch.exp(-(model.b + h @ model.W.T))))
    assert torch.equal(model.score(data), -model.free_energy(data))


def test_imputed_values_are_the_conditional_means(model, device):
    row = torch.tensor([[1.0, 0, float("nan"), float("nan"), 1, float("nan")]], dtype=torch.float64, device=device)
    expected = Exact(model, given={"visible": row[0]}).mean("visible")
    generator = torch.Generator(device).manual_seed(7)
    repeats = torch.stack([model.impute(row.repeat(2, 1), draws=50, generator=generator) for _ in range(50)], 1)
    assert torch.equal(repeats[0, 0, ~row[0].isnan()], row[0, ~row[0].isnan()])
    free = row[0].isnan()
    assert_means(repeats[..., free].detach(), expected[free].detach(), ess_min=50)


def test_imputed_draws_have_the_conditional_distribution(model, device):
    row = torch.tensor([[1.0, 0, float("nan"), float("nan"), 1, float("nan")]], dtype=torch.float64, device=device)
    expected = Exact(model, given={"visible": row[0]}).mean("visible")
    draws = model.imputations(row, 4000, burn_in=60, generator=torch.Generator(device).manual_seed(7))[:, 0]
    known = ~row[0].isnan()
    assert torch.equal(draws[:, known], row[:, known].expand(4000, -1))
    bound = 5 * (expected * (1 - expected) / 4000).sqrt()
    assert ((draws.mean(0) - expected).abs() <= bound)[~known].all()


def test_nothing_missing_is_nothing_to_impute(model, data):
    assert torch.equal(model.impute(data), data)
    assert torch.equal(model.imputations(data, 2), torch.stack((data, data)))


def test_fields_beyond_all_bounds_stop_the_training(device):
    digits_bits = load_data("digits", binarise="threshold").to(device)
    model = RBM(visible=digits_bits.shape, hidden=5).to(device)
    assert model.unsound() is None
    with pytest.raises(Diverged, match="may reach"):
        fit(model, digits_bits, steps=300, optimizer=Optimizer("sgd", learning_rate=1e6))


def test_described_and_rebuilt(device):
    model = RBM((1, 2, 2), 3, hidden_units=Spin()).to(device)
    again = build(describe(model))
    assert again.visible == (1, 2, 2)
    assert again.hidden == 3
    assert type(again.hidden_units) is Spin
    assert describe(again) == describe(model)


def test_learned_state_is_the_parameters_base_rates_and_offsets(device):
    layers = [f"{layer}_{what}" for layer in ("visible", "hidden") for what in ("bias", "base", "offset")]
    assert sorted(RBM(3, 2).to(device).state_dict()) == sorted([*layers, "visible_hidden_weight"])


def test_bad_input(device):
    with pytest.raises(RecipeError, match="hidden must be at least 1, got 0"):
        RBM(4, 0)
    with pytest.raises(DataError, match="grey values under a binary support"):
        RBM(4, 2).to(device).score(torch.rand(3, 4, device=device))
    with pytest.raises(DataError, match="takes rows of shape"):
        RBM(4, 2).to(device).encode(torch.zeros(3, 5, device=device))
    with pytest.raises(DataError, match="no missing values were declared"):
        RBM(2, 2).to(device).encode(torch.full((3, 2), float("nan"), device=device))


def test_every_verb_on_a_device(device):
    model = RBM((1, 2, 2), 3).to(device)
    x = (torch.rand(5, 1, 2, 2, device=device) < 0.5).float()
    model.prepare(x)
    for value in (model.sample(5, steps=2), model.reconstruct(x), model.log_prob(x), model.pseudo_likelihood(x)):
        assert value.device.type == device.type
        assert value.isfinite().all()
