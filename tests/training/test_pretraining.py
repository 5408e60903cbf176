"""Greedy pre-training of deep models, and what it is worth."""

import pytest
import torch

from genlatent import RBM, DeepBeliefNet, DeepBoltzmannMachine, fit, load_data
from genlatent.errors import Unsupported
from genlatent.training.optimizer import Optimizer
from genlatent.training.pretraining import cut_short, pretrain

HOW = {"batch_size": 100, "average": 0.1, "validate_every": 50}


@pytest.fixture(scope="module")
def digits():
    return load_data("digits", binarise="threshold")


def sgd(rate):
    return Optimizer("sgd", learning_rate=rate, schedule="linear")


@pytest.mark.parametrize("kind", [DeepBoltzmannMachine, DeepBeliefNet])
def test_each_layer_is_trained_and_adopted(kind, digits, tmp_path):
    model = kind((1, 8, 8), (12, 6, 5))
    before = model.score(digits.test, generator=torch.Generator().manual_seed(1)).mean()
    state = torch.get_rng_state()
    histories = pretrain(model, digits, epochs=2, run=tmp_path)
    assert torch.equal(torch.get_rng_state(), state)
    assert len(histories) == 3
    assert cut_short(histories[-1]) is None
    assert (tmp_path / "layer-3" / "metrics.jsonl").exists()
    assert model.score(digits.test, generator=torch.Generator().manual_seed(1)).mean() != before
    again = kind((1, 8, 8), (12, 6, 5))
    pretrain(again, digits, epochs=2, run=tmp_path, resume=True)
    for a, b in zip(model.parameters(), again.parameters()):
        assert torch.equal(a, b)


def test_a_shallow_model_is_refused(digits):
    with pytest.raises(Unsupported, match="RBM is no stack of layers"):
        pretrain(RBM((1, 8, 8), 3), digits)


@pytest.mark.slow
def test_joint_centred_training_reaches_the_bound_of_the_pre_trained_machine(digits):
    """As many steps in all, ln Z by listing the states of the smaller side."""
    torch.manual_seed(0)
    stacked, joint = (DeepBoltzmannMachine((1, 8, 8), (12, 16)) for _ in range(2))
    pretrain(stacked, digits, steps=1000, optimizer=sgd(0.2), **HOW)
    fit(joint, digits, steps=2000, optimizer=sgd(0.6), **HOW)
    assert joint.bound(digits.test).mean() >= stacked.bound(digits.test).mean()


@pytest.mark.slow
def test_wake_sleep_improves_a_greedy_stack(digits):
    torch.manual_seed(0)
    net = DeepBeliefNet((1, 8, 8), (24, 12))
    pretrain(net, digits, steps=1000, optimizer=sgd(0.2), **HOW)
    before = net.bound(digits.test, generator=torch.Generator().manual_seed(1)).mean()
    fit(net, digits, steps=1000, optimizer=sgd(0.05), **HOW)
    assert net.bound(digits.test, generator=torch.Generator().manual_seed(1)).mean() > before + 0.05
