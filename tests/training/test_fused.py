"""The update called directly is torch's own, to the last bit, whatever happens in between."""

import copy

import pytest
import torch

from genlatent.training.fused import UPDATES, FusedStep
from genlatent.training.optimizer import FUSED, Optimizer

KINDS = [
    Optimizer("adam", 0.1, weight_decay=0.01, betas=(0.5, 0.7)),
    Optimizer("adamw", 0.1, weight_decay=0.1),
    Optimizer("sgd", 0.1),
    Optimizer("sgd", 0.1, momentum=0.9, weight_decay=0.01),
    Optimizer("adagrad", 0.1),
    Optimizer("rmsprop", 0.1, momentum=0.5),
]


def parameters(device):
    generator = torch.Generator().manual_seed(0)
    return [torch.nn.Parameter(torch.randn(shape, generator=generator).to(device)) for shape in ((5, 3), (3,), (2, 2))]


def moved(kind, device, quickly, given=lambda step: (True, True, True)):
    """The parameters after steps in which the learning rate changes and the state is taken out and put back."""
    found = parameters(device)
    optimizer = kind.make(found)
    step, generator = FusedStep(optimizer) if quickly else optimizer.step, torch.Generator().manual_seed(1)
    for number in range(8):
        optimizer.param_groups[0]["lr"] = 0.1 / (number + 1)
        for p, has in zip(found, given(number)):
            gradient = torch.randn(p.shape, generator=generator).to(device)
            p.grad = gradient if has else None
        step()
        if number == 4:
            optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    return found, optimizer.state_dict()["state"]


def assert_same(one, other):
    for mine, theirs in zip(one[0], other[0]):
        assert torch.equal(mine, theirs)
    assert one[1].keys() == other[1].keys()
    for number, state in one[1].items():
        for name, value in state.items():
            same = value is other[1][number][name] or torch.equal(value, other[1][number][name])
            assert same, (number, name)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.method)
def test_it_moves_as_torch_does(kind, device):
    assert_same(moved(kind, device, True), moved(kind, device, False))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.method)
def test_parameters_without_a_gradient_stay_where_they_are(kind, device):
    def given(step):
        return (True, step % 3 < 2, False)

    assert_same(moved(kind, device, True, given), moved(kind, device, False, given))


def test_torch_is_asked_once_where_nothing_changes(monkeypatch, device):
    found = parameters(device)
    optimizer, asked = Optimizer("adam").make(found), []
    own = optimizer.step
    monkeypatch.setattr(optimizer, "step", lambda: asked.append(own()))
    step = FusedStep(optimizer)
    for _ in range(3):
        for p in found:
            p.grad = torch.ones_like(p)
        step()
    assert len(asked) == 1


@pytest.mark.parametrize("kind", KINDS[:4], ids=lambda kind: kind.method)
def test_loaded_states_lie_as_their_parameters_do(kind, device):
    """A checkpoint keeps tensors row by row, whatever the order of a parameter's numbers in memory."""
    ends = []
    for moments in (0, 1):
        p = torch.nn.Parameter(torch.randn(4, 3, generator=torch.Generator().manual_seed(0)).to(device).mT)
        optimizer = kind.make([p])
        step, generator = FusedStep(optimizer), torch.Generator().manual_seed(1)
        for number in range(4):
            gradient = torch.randn(3, 4, generator=generator).to(device)
            p.grad = torch.empty_like(p).copy_(gradient)
            step()
            if number == 1 and moments:
                stored = copy.deepcopy(optimizer.state_dict())
                for state in stored["state"].values():
                    for name, value in state.items():
                        state[name] = value.contiguous() if isinstance(value, torch.Tensor) else value
                optimizer.load_state_dict(stored)
        ends.append(p.detach().clone())
    assert torch.equal(*ends)


def test_what_is_called_directly_is_fused():
    assert set(UPDATES) <= set(FUSED.values())
