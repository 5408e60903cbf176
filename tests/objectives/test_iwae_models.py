"""The importance-weighted bound of every latent-variable model: one contract, and exact answers where they exist."""

import copy

import pytest
import torch
from scipy.stats import norm
from torch.distributions import MultivariateNormal

from genlatent import registry
from genlatent.components import build
from genlatent.distributions.likelihoods import Gaussian
from genlatent.errors import RecipeError, Unsupported
from genlatent.latent.conditional import ConditionalVAE
from genlatent.latent.ladder import LadderVAE
from genlatent.latent.semi_supervised import SemiSupervisedVAE
from genlatent.latent.stacked import StackedVAE
from genlatent.networks.mlp import MLP
from genlatent.numerics.logspace import effective_sample_size
from genlatent.objectives.base import Batch, Labelled
from genlatent.objectives.elbo import ELBO
from genlatent.objectives.iwae import IWAE, importance_of_rows
from genlatent.objectives.semi_supervised import SemiSupervisedELBO
from genlatent.objectives.stacked import StackedIWAE
from genlatent.training.step import Rows, Step
from tests.test_models import EXAMPLES

NAMES = [name for name, place in registry.KINDS["model"].items() if place.startswith("genlatent.latent")]
SERVED = [name for name in NAMES if name != "vq-vae"]
PIXELS, NOISE = 4, 0.7
FALSE_ALARM = 1e-5


def objective(model, particles):
    return StackedIWAE(0.5, particles) if isinstance(model, StackedVAE) else IWAE(particles)


@pytest.fixture(params=SERVED)
def model(request, device):
    """Each model away from its start, so that draws weigh differently."""
    made = build(copy.deepcopy(EXAMPLES[request.param]), "model")
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return made.to(device)


@pytest.fixture
def bits(device):
    return (torch.rand(12, 1, 8, 8, device=device) < 0.4).float()


@pytest.fixture
def y(model, device):
    """Labels as far as the model wants them: all, or half of them."""
    labels = torch.arange(12, device=device) % 10
    return labels if model.conditional else torch.where(labels < 6, labels, -1)


def test_its_step_runs_eager_and_traced_with_equal_numbers(model, bits, y, device):
    rows, progress = Rows(bits, y, torch.arange(12, device=device)), torch.tensor(0.9, device=device)
    steps = [Step(model, objective(model, 3), mode=mode) for mode in ("eager", "traced")]
    eager, traced = (step(rows, progress, {}, torch.Generator(device).manual_seed(1)) for step in steps)
    assert [step.mode for step in steps] == ["eager", "traced"]
    torch.testing.assert_close(eager.value, traced.value)
    assert eager.value.isfinite()
    assert any(bool(gradient.any()) for gradient in eager.gradients.values())
    for name, gradient in eager.gradients.items():
        torch.testing.assert_close(gradient, traced.gradients[name], rtol=1e-3, atol=1e-4)


def test_the_bound_grows_with_the_particles(model, bits, y):
    """In expectation: by more than the error that the repetitions earned."""
    batch = Batch(bits.repeat(60, 1, 1, 1), y.repeat(60) if model.conditional else None)
    with torch.no_grad():
        few, many = (-objective(model, k).validate(model, batch)["bound"].double() for k in (1, 8))
    gain = (many - few).unflatten(0, (60, 12)).mean(1)
    assert gain.mean() > norm.isf(FALSE_ALARM) * gain.std() / len(gain) ** 0.5


def test_a_model_without_a_density_is_refused(bits, device):
    model = build(EXAMPLES["vq-vae"], "model").to(device)
    with pytest.raises(Unsupported, match="its codes are chosen without chance"):
        IWAE(2)(model, Batch(bits), {})


def test_a_stack_is_told_which_objective_serves_it(bits, device):
    model = build(copy.deepcopy(EXAMPLES["stacked-vae"]), "model").to(device)
    with pytest.raises(RecipeError, match=r"'z_1' before it sums over 'y'.*stacked-iwae"):
        IWAE(2)(model, Batch(bits), {})


def scattered(model, device, scale=0.4):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(scale * torch.randn_like(parameter))
    return model.double().to(device)


def linear(layer):
    return layer.layers[0].weight.detach(), layer.layers[0].bias.detach()


def normal(mean, loadings, inner):
    """The marginal of W z + noise, z ~ N(., inner)."""
    noise = NOISE**2 * torch.eye(PIXELS, dtype=mean.dtype, device=mean.device)
    return MultivariateNormal(mean, loadings @ inner @ loadings.T + noise)


@pytest.fixture
def ladder(device):
    parts = {"features": 2, "encoders": [MLP(()), MLP(())], "decoders": [MLP(()), MLP(())]}
    model = scattered(LadderVAE((PIXELS,), (2, 1), Gaussian(NOISE), **parts), device)
    with torch.no_grad():
        model.down[1].layers[0].weight[2:] = 0.0  # one variance for all
    return model


@pytest.fixture
def conditional(device):
    networks = {"encoder": MLP(()), "decoder": MLP(())}
    return scattered(ConditionalVAE((PIXELS,), 3, 1, Gaussian(NOISE), **networks), device)


@pytest.fixture
def m2(device):
    networks = {"encoder": MLP(()), "decoder": MLP(()), "classifier": MLP(())}
    options = {"classification": 0.0, "class_prior": (0.2, 0.5, 0.3)}
    return scattered(SemiSupervisedVAE((PIXELS,), 3, 1, Gaussian(NOISE), **networks, **options), device)


@pytest.fixture
def x(device):
    return 0.8 * torch.randn(6, PIXELS, dtype=torch.float64, device=device)


@pytest.fixture
def labels(device):
    return torch.tensor([0, 2, 1, 1, 0, 2], device=device)


def marginal_of_ladder(model, x):
    (upper, shift), (lower, offset) = linear(model.down[1]), linear(model.down[0])
    inner = upper[:2] @ upper[:2].T + shift[2:].exp().diag()
    return normal(offset + lower @ shift[:2], lower, inner).log_prob(x)


def marginal_given_label(model, x, y):
    weight, bias = linear(model.decoder)
    mean = bias + model.decoder_condition.weight.detach()[y]
    return normal(mean, weight, torch.eye(1, dtype=x.dtype, device=x.device)).log_prob(x)


def assert_reaches(model, x, y, exact, repeats=150, particles=400):
    """The mean bound lies below what it tends to, by no more than one part in the effective number of draws."""
    with torch.no_grad():
        batch = Batch(x.repeat(repeats, 1), None if y is None else y.repeat(repeats))
        found = -IWAE(particles).validate(model, batch)["bound"].unflatten(0, (repeats, len(x)))
        told = {} if y is None else {"y": y}
        bias = 1 / effective_sample_size(model.log_weights(x, particles, **told)).min()
    error = norm.isf(FALSE_ALARM) * found.std(0) / repeats**0.5
    assert bias < 0.05
    assert (found.mean(0) < exact + error).all()
    assert (found.mean(0) > exact - error - bias).all()


def test_it_reaches_the_marginal_of_a_linear_ladder(ladder, x):
    assert_reaches(ladder, x, None, marginal_of_ladder(ladder, x))


def test_it_reaches_the_conditional_marginal(conditional, x, labels):
    assert_reaches(conditional, x, labels, marginal_given_label(conditional, x, labels))


def test_it_reaches_the_exact_sum_over_classes(m2, x):
    r""":math:`\log p(x) - \mathrm{KL}(q(y \mid x) \| p(y \mid x))`, from the exact p(x, y)."""
    each = [torch.full((len(x),), c, device=x.device) for c in range(3)]
    joint = torch.stack([marginal_given_label(m2, x, c) for c in each], 1) + m2.log_class_prior
    log_q = m2.classifier(x).log_softmax(-1).detach()
    divergence = (log_q.exp() * (log_q - joint.log_softmax(-1))).sum(-1)
    assert (divergence > 0.01).all()
    assert_reaches(m2, x, None, joint.logsumexp(-1) - divergence)


def test_labelled_rows_reach_their_joint_density(m2, x, labels):
    exact = (marginal_given_label(m2, x, labels) + m2.log_class_prior[labels]).mean()
    with torch.no_grad():
        runs = torch.stack([-IWAE(400)(m2, Batch(x, labels), {}).value for _ in range(40)])
    assert (runs.mean() - exact).abs() < norm.isf(FALSE_ALARM) * runs.std() / 40**0.5 + 0.01


def gradients(objective, model, batch, draws=50):
    """One row for each draw of the gradient."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    runs = [
        torch.autograd.grad(objective(model, batch, {}).value, parameters, materialize_grads=True) for _ in range(draws)
    ]
    return torch.stack([torch.cat([g.flatten() for g in run]) for run in runs])


@pytest.mark.parametrize("name", ["ladder", "conditional", "m2"])
def test_the_double_gradient_has_the_mean_of_the_plain_one(name, request, x, labels):
    model = request.getfixturevalue(name)
    y = {"ladder": None, "conditional": labels, "m2": torch.where(labels == 0, -1, labels)}[name]
    batch = Batch(x.repeat(30, 1), None if y is None else y.repeat(30))
    doubly, plain = (gradients(IWAE(4, kind), model, batch) for kind in ("doubly", "plain"))
    error = ((doubly.var(0) + plain.var(0)) / len(plain)).sqrt()
    bound = norm.isf(FALSE_ALARM / 2 / doubly.shape[1])
    assert ((doubly.mean(0) - plain.mean(0)).abs() < bound * error + 1e-12).all()


@pytest.mark.parametrize("name", ["ladder", "conditional"])
def test_one_draw_is_the_evidence_lower_bound(name, request, x, labels):
    model = request.getfixturevalue(name)
    batch, values = Batch(x, labels), []
    for objective in (IWAE(1), ELBO(analytic=False)):
        torch.manual_seed(1)
        values.append(objective(model, batch, {}).value)
    torch.testing.assert_close(*values)


def test_one_draw_is_the_semi_supervised_bound(m2, x, labels):
    """Its classification term and its metrics with it."""
    m2.classification = 0.7
    batch, found = Batch(x, torch.where(labels == 0, -1, labels)), []
    for objective in (IWAE(1), SemiSupervisedELBO(analytic=False)):
        torch.manual_seed(1)
        found.append(objective(m2, batch, {}))
    torch.testing.assert_close(found[0].value, found[1].value)
    torch.testing.assert_close(found[0].metrics["classification"], found[1].metrics["classification"])


def test_labelled_rows_weigh_as_in_the_semi_supervised_bound(m2, x, labels):
    batch = Batch(x, torch.where(torch.arange(6, device=x.device) < 2, labels, -1), labelled=Labelled(2, 0.25))
    torch.testing.assert_close(importance_of_rows(batch), SemiSupervisedELBO().costs(m2, batch)[1])
    bare = Batch(x, batch.y)
    assert torch.equal(importance_of_rows(bare), torch.ones_like(x[:, 0]))
    torch.manual_seed(1)
    weighted = IWAE(1)(m2, batch, {}).value
    torch.manual_seed(1)
    rows = SemiSupervisedELBO(analytic=False).costs(m2, bare)[0].loss
    torch.testing.assert_close(weighted, (rows * importance_of_rows(batch)).mean())


def test_held_out_rows_say_how_well_the_class_is_predicted(m2, x, labels):
    found = IWAE(2).validate(m2, Batch(x, labels))
    expected = (m2.predict(x) == labels).double()
    torch.testing.assert_close(found["accuracy"], expected)
    assert IWAE(2).summarise(m2, Batch(x, labels)) == {}


@pytest.mark.parametrize(("progress", "moving"), [(0.0, "first"), (0.9, "second")])
def test_a_stack_learns_one_model_at_a_time(bits, device, progress, moving):
    model = build(copy.deepcopy(EXAMPLES["stacked-vae"]), "model").to(device)
    y = torch.arange(12, device=device) % 10
    loss = StackedIWAE(0.5, 3)(model, Batch(bits, y, torch.tensor(progress, device=device)), {})
    names, parameters = zip(*model.named_parameters())
    found = torch.autograd.grad(loss.value, parameters, materialize_grads=True)
    assert {name.split(".")[0] for name, gradient in zip(names, found) if gradient.any()} == {moving}


def test_the_bound_of_a_stack_is_its_score(bits, device):
    model = build(copy.deepcopy(EXAMPLES["stacked-vae"]), "model").to(device)
    with torch.no_grad():
        torch.manual_seed(1)
        found = StackedIWAE(particles=4).validate(model, Batch(bits))["bound"]
        expected = model.score(bits, num_samples=4, generator=torch.Generator(device).manual_seed(1))
    torch.testing.assert_close(-found, expected, rtol=1e-5, atol=1e-4)
