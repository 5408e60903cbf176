import pytest
import torch

from genlatent import fit, load_data
from genlatent.components import build, describe
from genlatent.energy.conditional import ConditionalRBM
from genlatent.energy.rbm import RBM
from genlatent.errors import DataError, RecipeError
from genlatent.networks.conditions import Labels, Quadrants, Values
from genlatent.numerics import devices
from genlatent.objectives.base import Batch
from genlatent.objectives.conditional import ConditionalDivergence
from genlatent.sampling.driver import run
from genlatent.training.optimizer import Optimizer
from tests.machines import Exact, skewed
from tests.statistics import assert_means

CONDITIONS = {
    "a label": (3, torch.tensor([2, 0, 2, 1])),
    "labels": (Labels((2, 3)), torch.tensor([[1, 2], [0, 0], [1, 2], [1, 0]])),
    "values": (Values(2), torch.tensor([[0.3, -1.0], [2.0, 0.5], [0.3, -1.0], [0.0, 0.0]]).double()),
}


@pytest.fixture(params=CONDITIONS)
def case(request, device):
    condition, y = CONDITIONS[request.param]
    machine = skewed(ConditionalRBM(4, 3, condition)).to(device).double()
    return machine, y.to(device)


def plain(device, machine, y):
    """An RBM with the biases that one condition gives, written out."""
    made = RBM(4, 3).to(device).double()
    u = machine.condition.features(machine.condition.of(None, y[None])).double()
    a, b = (matrix(getattr(machine, f"{layer}_condition")) for layer in ("visible", "hidden"))
    with torch.no_grad():
        made.visible_hidden_weight.copy_(machine.visible_hidden_weight)
        made.visible_bias.copy_(machine.visible_bias + (u @ a)[0])
        made.hidden_bias.copy_(machine.hidden_bias + (u @ b)[0])
    return made


def matrix(term):
    return term.weight if hasattr(term, "weight") else term.layer.weight.T


def rows(device, n=4):
    return (torch.rand(n, 4, generator=torch.Generator(device).manual_seed(4), device=device) < 0.5).double()


def test_each_row_has_the_machine_of_its_condition(case, device):
    machine, y = case
    x, z = rows(device), torch.rand(4, 3, device=device).double()
    for i in range(4):
        expected, row = plain(device, machine, y[i]), slice(i, i + 1)
        assert torch.allclose(machine.score(x, y)[row], expected.score(x[row]))
        assert torch.allclose(machine.encode(x, y)[row], expected.encode(x[row]))
        assert torch.allclose(machine.decode(z, y)[row], expected.decode(z[row]))
        assert torch.allclose(machine.log_prob(x, y)[row], expected.log_prob(x[row]))
        assert torch.allclose(machine.pseudo_likelihood(x, y)[row], expected.pseudo_likelihood(x[row]))
        state = {"visible": x, "hidden": (z > 0.5).double()}
        one = {name: s[row] for name, s in state.items()}
        assert torch.allclose(machine.under(y).energy(state)[row], expected.energy(one))


def test_samples_are_those_of_the_condition(case, device):
    machine, y = case
    generator = torch.Generator(device).manual_seed(8)
    draws = machine.trace(150, chains=100, burn_in=30, thin=2, given={"y": y[0]}, generator=generator)
    assert_means(draws["x"], Exact(plain(device, machine, y[0])).mean("visible").detach())
    drawn = machine.sample(4000, given={"y": y[1]}, steps=30, generator=generator)
    assert_means(drawn.reshape(2, 2000, 4), Exact(plain(device, machine, y[1])).mean("visible").detach())


def test_gradient_is_that_of_each_machine(case, device):
    """With chains put at every state as often as it is probable, the loss has the likelihood's gradient."""
    machine, y = case
    x = rows(device)
    objective = ConditionalDivergence(centred=False)
    found = torch.autograd.grad(in_equilibrium(device, objective, machine, x, y), list(machine.parameters()))
    exact = torch.autograd.grad(-machine.log_prob(x, y).mean(), list(machine.parameters()))
    for one, other in zip(found, exact):
        assert torch.allclose(one, other, atol=1e-10)


def in_equilibrium(device, objective, machine, x, y):
    total = 0.0
    states = [Exact(plain(device, machine, one)).marginal("visible") for one in y]
    for place in range(len(states[0][0])):
        chains = torch.stack([found[place] for found, _ in states])
        objective.advance = lambda model, v, chains=chains: chains
        weight = torch.stack([log_p[place] for _, log_p in states]).exp().detach()
        for i in range(len(y)):
            row = slice(i, i + 1)
            objective.advance = lambda model, v, chain=chains[row]: chain
            total = total + weight[i] * objective(machine, Batch(x[row], y[row]), {}).value
    return total / len(y)


def test_the_machine_itself_is_left_alone(case, device):
    machine, y = case
    before = machine.theta()
    machine.under(y)
    assert torch.equal(machine.theta().biases["visible"], before.biases["visible"])
    with pytest.raises(DataError, match="each condition has a ln Z of its own"):
        machine.log_partition_exact()
    expected = plain(device, machine, y[0]).log_partition_exact()
    assert torch.allclose(machine.under(machine.told(y[:1])).log_partition_exact(), expected)


def test_imputed_values_are_conditional_means(device):
    machine = skewed(ConditionalRBM(4, 3, 2)).to(device).double()
    row = torch.tensor([[1.0, float("nan"), 0.0, float("nan")]], device=device).double()
    expected = Exact(plain(device, machine, torch.tensor(1, device=device)), given={"visible": row[0]}).mean("visible")
    found = machine.impute(row.repeat(200, 1), torch.ones(200, dtype=torch.long, device=device), draws=50)
    assert_means(found[None, :, [1, 3]].detach(), expected[[1, 3]].detach())


def test_a_condition_is_learned(device):
    generator = torch.Generator(device).manual_seed(1)
    y = torch.arange(600, device=device) % 2
    p = torch.where(
        y[:, None] == 1, torch.tensor([0.9, 0.5, 0.1], device=device), torch.tensor([0.1, 0.5, 0.8], device=device)
    )
    x = (torch.rand(600, 3, generator=generator, device=device) < p).float()
    machine, data = ConditionalRBM(3, 4, 2).to(device), load_data(x, labels=y).to(device)
    fit(machine, data, epochs=40, optimizer=Optimizer(learning_rate=0.03))
    for label in (0, 1):
        drawn = machine.sample(2000, given={"y": label}, steps=50, generator=generator)
        assert torch.allclose(drawn.mean(0), data.train[data.labels.train == label].mean(0), atol=0.06)


def test_described_and_rebuilt(device):
    for condition in (3, Labels((2, 3)).to(device), Values(2).to(device)):
        machine = ConditionalRBM((1, 2, 2), 3, condition, label_names=("digit",)).to(device)
        assert describe(build(describe(machine))) == describe(machine)


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda m: m.score(rows(devices.of(m))), "conditioned on labels"),
        (lambda m: m.score(rows(devices.of(m)), torch.tensor([0, 1])), "2 conditions for 4 rows"),
        (lambda m: m.sample(2, given={"y": 5}), "label 5 in row 0 is none of the 3 declared"),
        (lambda m: m.trace(2), "chains under different conditions"),
        (lambda m: ConditionalRBM((1, 2, 2), 2, Quadrants(1)), "a part of x needs no ConditionalRBM"),
        (lambda m: ConditionalRBM(4, 2, Values(2)).sample(2), "draws x given y"),
    ],
)
def test_bad_input(ask, sentence, device):
    with pytest.raises((DataError, RecipeError), match=sentence):
        ask(ConditionalRBM(4, 3, 3).to(device).double())


@pytest.mark.parametrize("method", ["gibbs", "tempering"])
def test_chains_under_several_conditions_each_sample_their_own(case, method, device):
    """A condition for each chain: the chains of each condition have that condition's exact means."""
    machine, y = case
    generator, chains = torch.Generator(device).manual_seed(3), 60
    told = y.repeat_interleave(chains, 0)
    how = {"chains": len(told), "burn_in": 30, "thin": 2, "method": method, "generator": generator}
    draws = machine.trace(60, given={"y": told}, **how)
    for i in range(len(y)):
        part = draws["x"][i * chains : (i + 1) * chains]
        assert_means(part, Exact(plain(device, machine, y[i])).mean("visible").detach())
    one = plain(device, machine, y[1])
    state = {"visible": draws["x"][chains, :5], "hidden": draws["hidden"][chains, :5]}
    assert torch.allclose(draws["energy"][chains, :5], one.energy(state).double(), atol=1e-5)


def test_transitions_under_several_conditions(case, device):
    machine, y = case
    told, generator = y.repeat_interleave(1000, 0), torch.Generator(device).manual_seed(2)
    kernel = machine.kernel("tempered-transitions", {"y": told}, ladder=3)
    drawn = run(kernel, kernel.init(len(told), generator), 25, generator=generator).layers["visible"]
    for i, part in enumerate(drawn.split(1000)):
        assert_means(part[None], Exact(plain(device, machine, y[i])).mean("visible").detach())


def test_a_kernel_takes_its_conditions_too(case):
    machine, y = case
    for given in (y, y[:1], y[0]):
        kernel = machine.kernel("tempering", {"y": given}, ladder=4)
        assert kernel.machine.theta().biases["visible"].dim() == (2 if given is y else 1)
    with pytest.raises(DataError, match="move under a condition"):
        machine.kernel()
