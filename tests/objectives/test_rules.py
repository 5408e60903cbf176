"""Every rule learns an enumerable machine as well as its exact likelihood does; turned round, it does not."""

import itertools

import pytest
import torch

from genlatent.data.dataset import Dataset
from genlatent.energy.rbm import RBM
from genlatent.energy.units import Gaussian
from genlatent.objectives.base import Objective
from genlatent.objectives.contrastive import ContrastiveDivergence
from genlatent.objectives.denoising import DenoisingScoreMatching
from genlatent.objectives.exact import ExactLikelihood
from genlatent.objectives.fast_weights import FastWeights
from genlatent.objectives.langevin import ContrastiveLangevin
from genlatent.objectives.pseudo_likelihood import PseudoLikelihood
from genlatent.objectives.ratio_matching import RatioMatching
from genlatent.objectives.score_matching import ScoreMatching
from genlatent.objectives.tempered import TemperedDivergence
from genlatent.objectives.trajectory import TrajectoryTempering
from genlatent.training.fit import fit
from genlatent.training.optimizer import Optimizer
from tests.machines import skewed

GAP = 0.05  # nats

RULES = {
    "CD-1": ContrastiveDivergence(persistent=False),
    "CD-5": ContrastiveDivergence(steps=5, persistent=False),
    "PCD": ContrastiveDivergence(),
    "fast weights": FastWeights(),
    "tempered": TemperedDivergence(ladder=5),
    "tempered by temperature": TemperedDivergence(ladder=(1.0, 1.5, 3.0), path="temperature", steps=2),
    "trajectory": TrajectoryTempering(snapshots=4, target=0.9),
    "ratio matching": RatioMatching(),
    "ratio matching, some sites": RatioMatching(sites=3),
    "pseudo-likelihood": PseudoLikelihood(),
    "exact": ExactLikelihood(),
}
RULES_OF_REAL_VALUES = {
    "score matching": ScoreMatching(),
    "sliced score matching": ScoreMatching(projections=1),
    "denoising": DenoisingScoreMatching(0.1),
    "Langevin": ContrastiveLangevin(size=0.05, restart=0.01),
}


class Flipped(Objective):
    """A rule that climbs where it should descend."""

    def __init__(self, rule):
        self.rule, self.init, self.validate = rule, rule.init, rule.validate

    def __call__(self, model, batch, state):
        loss = self.rule(model, batch, state)
        return loss._replace(value=-loss.value)


def bits():
    """2000 rows of 6 bits that occur as often as a skewed machine with 3 hidden units says, to the next whole row."""
    states = torch.tensor(list(itertools.product((0.0, 1.0), repeat=6)))
    machine = skewed(RBM(6, 3), 1.5, seed=4)
    count = (machine.log_prob(states).exp() * 2000).round().long()
    return states.repeat_interleave(count, 0)


def reals():
    """Rows of two real values about 4 unequal centres: exact draws of a machine with 2 hidden units."""
    machine = mixture()
    with torch.no_grad():
        machine.W.copy_(torch.tensor([[2.0, -0.8], [0.5, 1.8]]))
        machine.b.copy_(torch.tensor([-0.7, 0.3]))
        machine.c.copy_(torch.tensor([-2.0, -0.5]))
        hidden = torch.tensor(list(itertools.product((0.0, 1.0), repeat=2)))
        weight = -machine.reduced_energy({"hidden": hidden})[0]
        chosen = hidden[torch.multinomial(weight.softmax(0), 4000, replacement=True)]
        return machine.units["visible"].sample(machine.field("visible", {"hidden": chosen}))


def mixture():
    return RBM(2, 2, visible_units=Gaussian())


def learned(rule, make, x, device, steps=500, rate=0.05):
    """Nats that a machine falls short of the exact likelihood of `x` after full batches of a rule."""
    data = Dataset(x, x[:1], x[:1], x.shape[1:], "real" if x.unique().numel() > 2 else "binary", "rows")
    torch.manual_seed(1)
    model = make()
    torch.nn.init.normal_(model.W, std=0.3)
    how = {"steps": steps, "batch_size": len(x), "mode": "traced", "average": 0.25, "validate_every": steps}
    history = fit(
        model.to(device), data, objective=rule, optimizer=Optimizer(learning_rate=rate, schedule="linear"), **how
    )
    return model, float(model.log_prob(x.to(device)).detach().mean()), history


@pytest.fixture(scope="module")
def best(device):
    """Rows, machine, and the largest likelihood, by exact learning."""
    torch.manual_seed(0)
    problems = {"bits": (lambda: RBM(6, 4), bits()), "reals": (mixture, reals())}
    return {name: (make, x, learned(ExactLikelihood(), make, x, device)[1]) for name, (make, x) in problems.items()}


CASES = [pytest.param("bits", rule, id=name) for name, rule in RULES.items()]
CASES += [pytest.param("reals", rule, id=name) for name, rule in RULES_OF_REAL_VALUES.items()]


@pytest.mark.parametrize(("problem", "rule"), CASES)
def test_it_reaches_the_exact_likelihood(problem, rule, best, device):
    make, x, largest = best[problem]
    found = learned(rule, make, x, device)[1]
    assert largest - found < GAP


@pytest.mark.parametrize(("problem", "rule"), CASES)
def test_turned_round_it_does_not(problem, rule, best, device):
    make, x, largest = best[problem]
    model = learned(Flipped(rule), make, x, device, steps=100)[0]
    assert not largest - float(model.log_prob(x.to(device)).detach().mean()) < 5 * GAP
