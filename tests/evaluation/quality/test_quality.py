"""Every score on samples from the data's own distribution, on samples far from it, and where its value is known."""

import math

import pytest
import torch

from genlatent import load_data
from genlatent.errors import DataError, RecipeError
from genlatent.evaluation.quality.discrepancy import chance, squared_discrepancy
from genlatent.evaluation.quality.features import learned, principal
from genlatent.evaluation.quality.frechet import frechet_distance
from genlatent.evaluation.quality.memory import copied, nearest
from genlatent.evaluation.quality.quality import sample_quality
from genlatent.evaluation.quality.support import support_of
from genlatent.evaluation.quality.two_sample import RULES, told_apart


def normal(n, seed, d=2, loc=0.0, scale=1.0):
    return loc + scale * torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def test_discrepancy_of_two_normals_is_its_closed_form():
    r"""For N(0, 1) and N(m, 1) in one dimension: :math:`\frac{2w}{\sqrt{w^2 + 2}} (1 - e^{-m^2 / 2(w^2 + 2)})`."""
    w, m = 1.3, 1.5
    found = [float(squared_discrepancy(normal(800, s, 1), normal(800, s + 50, 1, m), w)) for s in range(10)]
    exact = 2 * w / math.sqrt(w**2 + 2) * (1 - math.exp(-(m**2) / (2 * (w**2 + 2))))
    error = torch.tensor(found).std().item() / math.sqrt(10)
    assert abs(sum(found) / 10 - exact) < 5 * error
    assert error < 0.01 * exact * 3


def test_discrepancy_is_unbiased_at_equal_distributions():
    found = torch.tensor([float(squared_discrepancy(normal(60, s), normal(60, s + 100))) for s in range(60)])
    assert abs(found.mean()) < 5 * found.std() / math.sqrt(60)
    assert (found < 0).any()


def test_chance_is_spread_out_at_equal_distributions_and_small_at_others():
    found = [chance(normal(40, s), normal(40, s + 100), permutations=99) for s in range(12)]
    assert min(found) < 0.4 < 0.6 < max(found)
    assert chance(normal(60, 1), normal(60, 2, loc=1.0), permutations=99) == 0.01


def test_frechet_distance_of_known_moments():
    """Whitened rows that are scaled and moved: the distance is a sum over independent directions."""
    x = normal(500, 0, 3).double()
    x = torch.linalg.qr(x - x.mean(0)).Q * math.sqrt(499)
    y = x * torch.tensor([1.0, 2.0, 0.5]) + torch.tensor([3.0, 0.0, 4.0])
    assert frechet_distance(x, x).item() == pytest.approx(0.0, abs=1e-9)
    assert frechet_distance(x, y).item() == pytest.approx(25 + 1 + 0.25, abs=1e-9)
    turn = torch.linalg.qr(normal(3, 5, 3).double()).Q
    assert frechet_distance(x @ turn, y @ turn).item() == pytest.approx(26.25, abs=1e-9)


def test_samples_like_the_data_and_samples_far_away():
    data = normal(500, 0)
    good, far = support_of(data, normal(500, 1)), support_of(data, normal(500, 1, loc=50.0))
    assert min(good.precision, good.recall) > 0.9
    assert good.density == pytest.approx(1.0, abs=0.15)
    assert good.coverage == pytest.approx(1 - 0.5**5, abs=0.03), "five of ten neighbours are samples"
    assert far == (0, 0, 0, 0)


def test_samples_of_one_mode_are_precise_without_recall():
    data = torch.cat((normal(300, 0), normal(300, 1, loc=20.0)))
    found = support_of(data, normal(600, 2))
    assert found.precision > 0.9
    assert found.recall < 0.55
    assert found.coverage < 0.55


@pytest.mark.parametrize("rule", RULES)
def test_a_classifier_tells_what_differs_and_guesses_where_nothing_does(rule):
    assert told_apart(normal(400, 0), normal(400, 1, loc=20.0), rule).share == 1
    votes = told_apart(normal(400, 0), normal(500, 1), rule)
    assert votes.total == 400
    assert abs(votes.hits - 200) < 5 * 10, "five deviations of 400 fair coins"


def test_only_a_network_sees_a_ring():
    angle = 2 * math.pi * torch.rand(600, generator=torch.Generator().manual_seed(0))
    ring = 3 * torch.stack((angle.cos(), angle.sin()), 1)
    assert told_apart(normal(600, 1, scale=0.3), ring, "network").share > 0.95
    assert told_apart(normal(600, 1, scale=0.3), ring, "linear").share < 0.7


def test_copies_and_fresh_rows():
    train, held_out = normal(400, 0, 5), normal(300, 1, 5)
    assert copied(train[:200], train, held_out) == 1
    assert copied(normal(200, 2, 5, loc=100.0), train, held_out) == 0
    assert copied(normal(300, 3, 5), train, held_out) == pytest.approx(0.5, abs=0.12)
    found = nearest(train[:3] + 1e-3, train)
    assert found.row.tolist() == [0, 1, 2]
    assert found.distance == pytest.approx([1e-3 * math.sqrt(5)] * 3, abs=1e-6)


def test_features_tell_classes_and_long_rows_become_components():
    digits = load_data("digits")
    features, called = learned(digits.train, digits.labels.train)
    assert called == "a classifier's features"
    assert features(digits.test).shape == (len(digits.test), 64)
    assert principal(torch.randn(90, 1, 20, 20))(torch.randn(7, 1, 20, 20)).shape == (7, 64)
    assert learned(digits.train, None)[1] == "principal components"


def test_real_rows_score_well_and_noise_badly():
    digits = load_data("digits")

    class Gives:
        def __init__(self, rows):
            self.rows = rows

        def sample(self, n, generator=None):
            return self.rows[:n]

    real = {r.metric: r.value for r in sample_quality(Gives(digits.valid), digits)}
    noise = {r.metric: r.value for r in sample_quality(Gives(torch.rand_like(digits.valid)), digits)}
    assert abs(real["told apart"] - 0.5) < 0.12
    assert noise["told apart"] > 0.95
    assert real["squared MMD"] < 0.01 < noise["squared MMD"]
    assert real["Frechet distance"] < noise["Frechet distance"] / 5
    for name in ("precision", "recall", "coverage", "density"):
        assert real[name] > 0.8, name
        assert noise[name] < real[name] / 2, name
    assert abs(real["copied"] - 0.5) < 0.1
    assert noise["copied"] < 0.01


def test_bad_input_is_refused():
    with pytest.raises(DataError, match="equal length"):
        squared_discrepancy(normal(5, 0, 2), normal(5, 0, 3))
    with pytest.raises(DataError, match="at least 6 rows"):
        support_of(normal(3, 0), normal(30, 0))
    with pytest.raises(RecipeError, match="rule must be"):
        told_apart(normal(30, 0), normal(30, 0), "tree")
