import itertools

import pytest
import torch

from genlatent import fit, load_data
from genlatent.energy.classification import ClassificationRBM
from genlatent.energy.units import Gaussian, Spin
from genlatent.errors import DataError, RecipeError
from genlatent.objectives.base import Batch
from genlatent.objectives.classification import Classification
from tests.machines import skewed
from tests.statistics import assert_means

CLASSES, HIDDEN = 3, 3


@pytest.fixture(params=[None, Spin], ids=["bernoulli", "spin"])
def machine(request, device):
    units = request.param and request.param()
    made = ClassificationRBM(
        4, HIDDEN, CLASSES, visible_units=units, hidden_units=request.param and request.param()
    ).to(device)
    return skewed(made).double()


class Listed:
    """Every (v, y, h) with the logarithm of its weight, by the definition of the energy: `(v, y, h)`."""

    def __init__(self, machine, theta=None):
        theta = theta or machine.theta()
        b, d, c = (theta.biases[name] for name in ("visible", "label", "hidden"))
        W, U = theta.couplings["visible", "hidden"], theta.couplings["label", "hidden"]
        self.v, self.h = (
            torch.tensor(list(itertools.product(machine.units[name].values, repeat=machine.sizes[name]))).to(b)
            for name in ("visible", "hidden")
        )
        v_part = (self.v @ b)[:, None, None]
        h_part = (self.h @ c)[None, None]
        pairs = (self.v @ W @ self.h.T)[:, None]
        self.weight = v_part + d[None, :, None] + h_part + pairs + (U @ self.h.T)[None]
        self.p = self.weight.flatten().softmax(0).reshape(self.weight.shape)


def test_energy_is_the_definition_s(machine, device):
    listed = Listed(machine)
    for y in range(CLASSES):
        label = torch.eye(CLASSES, device=device).double()[y].expand(len(listed.v), -1)
        state = {"visible": listed.v, "label": label, "hidden": listed.h[:1].expand(len(listed.v), -1)}
        assert torch.allclose(-machine.energy(state), listed.weight[:, y, 0], atol=1e-12)


@pytest.mark.parametrize(("beta", "lam"), [(None, None), (0.5, 1.0), (3.0, 1.0), (2.0, 0.3)])
def test_class_energies_sum_the_hidden_units_out(machine, beta, lam, device):
    v = Listed(machine).v
    found, _ = machine.class_energies(v, beta=beta, lam=lam)
    for y in range(CLASSES):
        label = torch.eye(CLASSES, device=device).double()[y].expand(len(v), -1)
        expected, _ = machine.reduced_energy({"visible": v, "label": label}, beta=beta, lam=lam)
        assert torch.allclose(found[:, y], expected, atol=1e-10)


def test_each_chain_has_its_own_climate(machine, device):
    v, beta, lam = (
        Listed(machine).v[:3],
        torch.tensor([0.5, 1.0, 2.0], device=device).double(),
        torch.tensor([1.0, 0.3, 0.0], device=device).double(),
    )
    together = machine.free_energy(v, beta=beta, lam=lam)
    for i in range(3):
        one = machine.free_energy(v[i : i + 1], beta=float(beta[i]), lam=float(lam[i]))
        assert torch.allclose(together[i : i + 1], one)


def test_class_probabilities_are_exact(machine):
    listed = Listed(machine)
    expected = listed.p.sum(2) / listed.p.sum((1, 2))[:, None]
    assert torch.allclose(machine.predict_proba(listed.v), expected, atol=1e-12)
    assert torch.equal(machine.predict(listed.v), expected.argmax(1))


def test_log_prob_and_free_energy(machine):
    listed = Listed(machine)
    assert torch.allclose(machine.log_prob(listed.v), listed.p.sum((1, 2)).log(), atol=1e-10)
    assert torch.allclose(machine.log_partition_exact(), listed.weight.logsumexp((0, 1, 2)), atol=1e-10)
    assert torch.allclose(-machine.free_energy(listed.v), listed.weight.logsumexp((1, 2)), atol=1e-10)


def test_code_is_the_mean_of_the_hidden_units(machine):
    listed = Listed(machine)
    expected = torch.einsum("vyh,hj->vj", listed.p, listed.h) / listed.p.sum((1, 2))[:, None]
    assert torch.allclose(machine.encode(listed.v), expected, atol=1e-12)


@pytest.mark.parametrize("given", [{}, {"y": 1}])
def test_samples_are_the_model_s_given_the_class(machine, given, device):
    listed = Listed(machine)
    p = listed.p[:, 1].sum(1) if given else listed.p.sum((1, 2))
    generator = torch.Generator(device).manual_seed(2)
    draws = machine.trace(150, chains=100, burn_in=50, thin=2, given=given, generator=generator)
    assert_means(draws["x"], (p / p.sum() @ listed.v).detach())
    if not given:
        assert_means(draws["label"], listed.p.sum((0, 2)).detach())


@pytest.mark.parametrize(("generative", "discriminative"), [(1.0, 0.0), (0.0, 1.0), (0.3, 0.8)])
@pytest.mark.parametrize("unlabelled", [False, True])
def test_gradient_in_equilibrium_is_that_of_the_likelihoods(machine, generative, discriminative, unlabelled, device):
    """With chains at every state as often as it is probable, L has the gradient of the exact objective."""
    listed = Listed(machine)
    x, y = listed.v[[1, 3, 6, 7]], torch.tensor([0, 2, 1, 1], device=device)
    y[0] = -1 if unlabelled else y[0]
    objective = Classification(generative, discriminative, centred=False)
    parameters = list(machine.parameters())
    found = torch.autograd.grad(weighted(device, objective, machine, listed, x, y), parameters)
    joint = listed.weight.logsumexp(2)
    place = torch.tensor([1, 3, 6, 7], device=device)
    known, label = y >= 0, y.clamp(min=0)
    of_row = joint[place].logsumexp(1)
    log_joint = torch.where(known, joint[place, label], of_row).mean() - joint.logsumexp((0, 1))
    log_class = (joint[place, label] - of_row)[known].mean()
    exact = torch.autograd.grad(-generative * log_joint - discriminative * log_class, parameters)
    for one, other in zip(found, exact):
        assert torch.allclose(one, other, atol=1e-10)


def weighted(device, objective, machine, listed, x, y):
    """The loss with the chains' mean taken over all states exactly."""
    p = listed.p.sum(2).detach()
    objective.advance = lambda model, chains: chains
    labels = torch.eye(CLASSES, device=device).double()
    total = 0.0
    if objective.generative == 0:
        return objective(machine, Batch(x, y), {}).value
    for i, v in enumerate(listed.v):
        for k in range(CLASSES):
            chain = {"chains": v[None], "chains_label": labels[k : k + 1]}
            total = total + p[i, k] * objective(machine, Batch(x, y), chain).value
    return total


def test_labels_may_be_given_by_name_and_are_checked(device):
    machine = ClassificationRBM((1, 2, 2), 3, 4, label_names=["digit"]).to(device)
    assert machine.sample(2, given={"digit": [3, 0]}, steps=2).shape == (2, 1, 2, 2)
    with pytest.raises(DataError, match="label 7 in row 0 is none of the 4 declared classes"):
        machine.sample(2, given={"y": 7})
    with pytest.raises(DataError, match="learns from labels"):
        machine.check_labels(torch.full((5,), -1, device=device))
    with pytest.raises(RecipeError, match="one of them above 0"):
        Classification(0.0, 0.0)


def test_real_rows_are_classified(device):
    machine = ClassificationRBM(2, 3, 2, visible_units=Gaussian()).to(device)
    assert torch.allclose(machine.predict_proba(torch.randn(5, 2, device=device)).sum(1), torch.ones(5, device=device))


@pytest.mark.parametrize("generative", [0.0, 0.1])
def test_two_classes_are_learned_from_few_labels(generative, device):
    generator = torch.Generator(device).manual_seed(1)
    y = torch.arange(400, device=device) % 2
    p = torch.where(
        y[:, None] == 1,
        torch.tensor([0.9, 0.9, 0.1, 0.1], device=device),
        torch.tensor([0.1, 0.2, 0.8, 0.9], device=device),
    )
    x = (torch.rand(400, 4, generator=generator, device=device) < p).float()
    machine = ClassificationRBM(4, 8, 2).to(device)
    data = load_data(x, labels=y, num_labels=40).to(device)
    fit(machine, data, epochs=20, objective=Classification(generative, chains=50))
    assert (machine.predict(data.test) == data.labels.test).float().mean() > 0.9
