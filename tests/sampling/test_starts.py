import pytest
import torch

from genlatent.energy.exact_draws import draw_exactly
from genlatent.errors import DataError
from genlatent.sampling import starts
from genlatent.sampling.annealing import AnnealingState
from tests.machines import MACHINES, Exact, deep, rbm


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("runs", [3, 50])
def test_rows_of_data_are_taken_as_they_are_with_every_layer_beside_them(name, runs, device):
    machine, generator = MACHINES[name]().to(device), torch.Generator(device).manual_seed(0)
    rows = draw_exactly(machine, 10, generator=generator)[machine.data]
    layers = starts.from_rows(machine, rows, runs, generator=generator)
    assert {layer: tuple(s.shape) for layer, s in layers.items()} == {n: (runs, k) for n, k in machine.sizes.items()}
    known = {tuple(row) for row in rows.tolist()}
    assert all(tuple(row) in known for row in layers[machine.data].tolist())


def test_too_few_rows_are_each_taken_equally_often(device):
    rows = torch.eye(6, device=device)[:3]
    v = starts.from_rows(rbm().to(device), rows, 9)["visible"]
    assert v.sum(0).tolist() == [3, 3, 3, 0, 0, 0]


def test_the_other_layers_come_to_terms_with_the_data(device):
    machine = deep().to(device)
    v = torch.tensor([1.0, 0.0, 1.0, 1.0], device=device)
    top = starts.from_rows(machine, v.unsqueeze(0), 20_000, generator=torch.Generator(device).manual_seed(0))["top"]
    given = Exact(machine, given={"visible": v})
    torch.testing.assert_close(top.double().mean(0), given.mean("top").detach(), atol=0.03, rtol=0)


def test_chains_may_be_whole_states_or_states_of_the_data_layer(device):
    machine = deep().to(device)
    whole = draw_exactly(machine, 8, generator=torch.Generator(device).manual_seed(0))
    taken = starts.from_chains(machine, whole, 8)
    for name in ("visible", "top"):
        assert sorted(taken[name].tolist()) == sorted(whole[name].tolist())
    for part in (whole["visible"], {"visible": whole["visible"]}):
        taken = starts.from_chains(machine, starts.checked(machine, part), 8)
        assert sorted(taken["visible"].tolist()) == sorted(whole["visible"].tolist())


@pytest.mark.parametrize(
    ("chains", "sentence"),
    [
        (torch.zeros(3, 5), "layer 'visible' has 4 units, but its states 5 values"),
        (torch.full((3, 4), 0.5), "chains of 'visible': 0.5 in row 0, column 0 is not binary"),
        ({"visible": torch.full((3, 4), torch.nan)}, "chains of 'visible': NaN in row 0"),
        ({"top": torch.ones(3, 2)}, "chains hold top; states of 'visible' are wanted"),
        ({"visible": torch.zeros(3, 4), "top": torch.zeros(3, 2)}, "chains of 'top': 0 in row 0, column 0 is not spin"),
        ({"visible": torch.zeros(3, 4), "bottom": torch.zeros(3, 2)}, "no layer is called 'bottom'"),
        ({"visible": torch.zeros(3, 4), "top": torch.ones(2, 2)}, "chains hold layers of 2, 3 states"),
    ],
)
def test_chains_that_are_no_states_are_refused(chains, sentence, device):
    with pytest.raises(DataError, match=sentence):
        starts.checked(deep().to(device), chains)


def test_ends_are_taken_by_their_weights(device):
    layers = {
        "visible": torch.arange(12.0, device=device).reshape(2, 6),
        "hidden": torch.arange(10.0, device=device).reshape(2, 5),
    }
    state = AnnealingState(layers, torch.tensor([0.0, -1e9], dtype=torch.float64, device=device), 3)
    assert torch.equal(starts.from_ends(state, 4)["visible"], layers["visible"][:1].expand(4, -1))


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_settled_chains_sample_the_machine(temperature, device):
    machine = rbm().to(device)
    expected = Exact(rbm(), beta=1 / temperature).mean("visible").detach()
    generator = torch.Generator(device).manual_seed(0)
    begun = starts.from_rows(machine, torch.zeros(1, 6, device=device), 20_000, temperature, generator)
    v = starts.settled(machine, begun, 60, temperature, generator)["visible"]
    torch.testing.assert_close(v.double().mean(0).cpu(), expected, atol=0.03, rtol=0)
    assert starts.settled(machine, begun, 0) is begun
