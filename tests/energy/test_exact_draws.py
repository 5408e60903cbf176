import pytest
import torch

from genlatent.energy import exact_draws
from genlatent.energy.exact_draws import draw_exactly
from genlatent.energy.rbm import RBM
from genlatent.errors import RecipeError, Unsupported
from tests.machines import MACHINES, Exact

DRAWS = 40_000
FALSE_ALARM_Z = 5.0


@pytest.mark.parametrize("chunk", [exact_draws.CHUNK, 64])  # all states at once, and a few at a time
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("name", MACHINES)
def test_draws_have_the_exact_moments(name, temperature, chunk, device, monkeypatch):
    monkeypatch.setattr(exact_draws, "CHUNK", chunk)
    machine = MACHINES[name]()
    exact = Exact(machine, beta=1 / temperature)
    machine = machine.to(device)
    generator = torch.Generator(device).manual_seed(7)
    draws = draw_exactly(machine, DRAWS, temperature=temperature, generator=generator)
    draws = {layer: s.double().cpu() for layer, s in draws.items()}
    names = list(exact.states)
    first, second = names[0], names[-1]
    for layer, s in draws.items():
        assert_means(s, exact.mean(layer).detach())
    pairs = torch.einsum("ni,nj->nij", draws[first], draws[second])
    expected = torch.einsum("s,si,sj->ij", exact.probability, exact.states[first], exact.states[second])
    assert_means(pairs, expected.detach())


def assert_means(draws, expected):
    bound = FALSE_ALARM_Z * draws.std(0) / DRAWS**0.5 + 1e-3
    assert bool(((draws.mean(0) - expected).abs() < bound).all())


def test_draws_repeat_with_the_generator_and_have_the_machines_precision(device):
    machine = RBM(5, 3).to(device)
    one, two, other = (draw_exactly(machine, 9, generator=torch.Generator(device).manual_seed(n)) for n in (1, 1, 2))
    assert all(torch.equal(one[name], two[name]) and one[name].dtype == torch.float32 for name in machine.layers)
    assert not all(torch.equal(one[name], other[name]) for name in machine.layers)


def test_a_machine_that_is_too_large_says_so(device):
    with pytest.raises(Unsupported, match="25 units"):
        draw_exactly(RBM(30, 30).to(device), 2)


def test_no_draws_are_refused(device):
    with pytest.raises(RecipeError, match="at least 1 draw"):
        draw_exactly(RBM(3, 3).to(device), 0)
