import pytest
import torch

from genlatent.energy.machine import BoltzmannMachine
from genlatent.sampling import site_sweep, turns
from genlatent.sampling.turns import Turns, taken_in_turn


def block(device, sites=6, chains=40, seed=0):
    generator = torch.Generator(device).manual_seed(seed)
    field, threshold = (torch.randn(sites, chains, generator=generator, device=device) for _ in range(2))
    return field, threshold, torch.randn(sites, sites, generator=generator, device=device).tril(-1)


def by_definition(field, threshold, lower):
    """Site for site and chain for chain, in plain numbers."""
    drawn = torch.zeros_like(field)
    for chain in range(field.shape[1]):
        for i in range(len(field)):
            f = field[i, chain]
            for j in range(i):
                f = f + lower[i, j] * drawn[j, chain]
            drawn[i, chain] = float(f > threshold[i, chain])
    return drawn


def test_turns_are_their_definition(device):
    rows = block(device)
    drawn = torch.empty_like(rows[0])
    Turns(rows[0].clone(), rows[1], drawn, rows[2]).take(may_compile=False)
    assert torch.equal(drawn, by_definition(*rows))
    assert torch.equal(taken_in_turn(*rows), drawn)
    assert 0 < drawn.mean() < 1


def test_sites_feel_those_of_earlier_parts(device):
    rows = block(device, 2 * turns.TOGETHER + 3)
    drawn = torch.empty_like(rows[0])
    Turns(rows[0].clone(), rows[1], drawn, rows[2]).take(may_compile=False)
    assert (drawn != by_definition(*rows)).sum() == 0


def test_machine_code_gives_the_same_bits(device):
    rows = block(device)
    drawn = torch.empty_like(rows[0])
    Turns(rows[0].clone(), rows[1], drawn, rows[2]).take(may_compile=True)
    assert turns.compiled(*rows[0].shape) is not None, "no compiler: a second test says what happens then"
    assert torch.equal(drawn, taken_in_turn(*rows))


def test_without_a_compiler_the_turns_are_taken_all_the_same(monkeypatch, device):
    def refuse(*_):
        raise RuntimeError("no compiler")

    monkeypatch.setattr(turns, "machine_code", refuse)
    rows = block(device, 5, 7)
    drawn = torch.empty_like(rows[0])
    Turns(rows[0].clone(), rows[1], drawn, rows[2]).take(may_compile=True)
    assert torch.equal(drawn, taken_in_turn(*rows))
    turns.compiled.cache_clear()


@pytest.mark.parametrize("units", [32, 37])
def test_a_long_run_changes_to_machine_code_and_nothing_changes(units, monkeypatch, device):
    """The last, shorter block is compiled for its own shape."""
    torch.manual_seed(0)
    machine = BoltzmannMachine({"visible": units}, [("visible", "visible")]).to(device)
    torch.nn.init.normal_(machine.get_parameter("visible_visible_weight"), std=0.5)
    kernel = machine.gibbs()
    ends = []
    for pays_back in (10**9, 100):
        monkeypatch.setattr(site_sweep, "PAYS_BACK", pays_back)
        generator = torch.Generator(device).manual_seed(1)
        runner = kernel.runner(kernel.init(20, generator), generator)
        runner.advance(10)
        ends.append(runner.state.layers["visible"].clone())
    assert torch.equal(*ends)
