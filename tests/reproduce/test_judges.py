import math

import pytest
import torch

from genlatent import RBM, VAE, Autoencoder, load_data
from genlatent.autoencoders.classifier import Classifier
from genlatent.errors import DataError, RecipeError
from genlatent.evaluation.codes import Part, standardised
from genlatent.evaluation.partition import PartitionResult
from genlatent.evaluation.probes import LinearProbe
from genlatent.networks.mlp import MLP
from genlatent.numerics.logspace import log_mean_exp
from genlatent.reproduce.measured import Asked
from genlatent.reproduce.mistaken import Mistaken
from genlatent.reproduce.probed import Probed
from genlatent.reproduce.two_sided import QUOTED, TwoSided
from genlatent.reproduce.weighted import Weighted, grouped_bound
from genlatent.sampling.weights import Estimate

DIGITS = load_data("digits")


def asked(model, x, y=None, known=DIGITS):
    return Asked(model, x, y, known, x, None, seed=0)


def judged(judge, model, x, y=None):
    return judge.gathered([judge.piece(asked(model, x, y), number) for number in range(judge.pieces(len(x)))])


def test_a_machine_whose_states_can_be_listed_is_judged_exactly():
    machine, x = RBM(6, 4), (torch.rand(9, 6) < 0.3).float()
    with torch.no_grad():
        machine.visible_hidden_weight.normal_(0, 1)
        exact = float(machine.log_prob(x).double().mean())
    found = judged(TwoSided(runs=5, steps=3), machine, x)
    assert found.sound
    assert math.isclose(found.measures[QUOTED].value, exact, abs_tol=1e-5)


def side(value):
    return Estimate(value, (value - 0.1, value + 0.1), (value - 0.2, value + 0.2), 50.0, 1.0)


def partition(reverse, verdict="ok"):
    reason = "" if verdict == "ok" else "too few steps"
    known = {"forward": side(9.9), "reverse": {"data": side(reverse)}}
    return PartitionResult(10.0, (9.9, 10.2), (9.8, 10.3), "annealed", verdict, reason, 10, 10, **known)


@pytest.mark.parametrize(
    ("reverse", "verdict", "sound"), [(10.2, "ok", True), (10.4, "ok", False), (10, "failed", False)]
)
def test_sides_that_lie_apart_or_a_verdict_that_is_not_ok_are_not_believed(reverse, verdict, sound):
    found = TwoSided(agree=0.3).found(partition(reverse, verdict), -80.0, (-80.3, -79.7))
    assert found.sound is sound
    assert found.measures[QUOTED].value == -90.0
    assert found.measures["reverse from data"].value == -80.0 - reverse
    low, high = found.measures[QUOTED].interval
    assert math.isclose(low, -90 - math.hypot(0.3, 0.2))
    assert math.isclose(high, -90 + math.hypot(0.3, 0.1))


def test_the_bound_of_groups_lies_between_the_evidence_bound_and_that_of_all_draws():
    log_w = torch.randn(40, 7).double()
    assert torch.allclose(grouped_bound(log_w, 1), log_w.mean(0))
    assert torch.allclose(grouped_bound(log_w, 40), log_mean_exp(log_w))
    by_hand = torch.stack([log_mean_exp(log_w[i : i + 8]) for i in range(0, 40, 8)]).mean(0)
    assert torch.allclose(grouped_bound(log_w, 8), by_hand)


def test_weights_that_are_all_equal_give_the_likelihood_by_any_number_of_draws():
    """A decoder that ignores z makes the prior the posterior."""
    vae, x = VAE(5, latent=2), (torch.rand(7, 5) < 0.5).float()
    with torch.no_grad():
        for parameter in (*vae.encoder.parameters(), *vae.decoder.parameters()):
            parameter.zero_()
    found = judged(Weighted(samples=10, also=(5,), rows=3), vae, x)
    assert [round(m.value, 5) for m in found.measures.values()] == [round(5 * math.log(2), 5)] * 3
    assert list(found.measures)[:2] == ["10 draws", "5 draws"]


def test_draws_that_do_not_divide_are_refused():
    with pytest.raises(RecipeError, match="`also` divides samples"):
        Weighted(samples=10, also=(3,))


def test_errors_are_counted_in_per_cent():
    data = DIGITS
    net = Classifier(data.shape, 10)  # all classes alike, so that it says 0
    wrong = 100 * float((data.labels.test != 0).double().mean())
    found = judged(Mistaken(), net, data.test, data.labels.test)
    assert math.isclose(found.measures["error"].value, wrong, abs_tol=1e-9)
    low, high = found.measures["error"].interval
    assert low < wrong < high


def test_a_probe_of_pixels_is_as_wrong_as_logistic_regression():
    """The code of this one is the pixels themselves."""
    net = Autoencoder(DIGITS.shape, latent=64, encoder=MLP(()), decoder=MLP(()))
    with torch.no_grad():
        net.encoder.layers[0].weight.copy_(torch.eye(64))
        net.encoder.layers[0].bias.zero_()
    train, valid, test = standardised(*(part.flatten(1) for part in (DIGITS.train, DIGITS.valid, DIGITS.test)))
    probe = LinearProbe((0.01,)).fit(Part(train, DIGITS.labels.train), Part(valid, DIGITS.labels.valid))
    wrong = 100 * float((probe.predict(test) != DIGITS.labels.test).double().mean())
    found = judged(Probed(strengths=(0.01,)), net, DIGITS.test, DIGITS.labels.test)
    assert math.isclose(found.measures["error"].value, wrong, abs_tol=0.5)
    assert 0 < wrong < 15
    alike = judged(Probed(strengths=(0.01,), scale="all"), net, DIGITS.test, DIGITS.labels.test)
    assert alike.measures["error"].value != found.measures["error"].value
    with pytest.raises(RecipeError, match="scale must be one of"):
        Probed(scale="rows")


def test_a_model_without_classes_cannot_be_wrong():
    with pytest.raises(DataError, match="has no classes to be wrong about"):
        judged(Mistaken(), RBM(4, 2), torch.zeros(2, 4), torch.zeros(2).long())
