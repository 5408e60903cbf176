import pytest
import torch

from genlatent.components import build, describe
from genlatent.energy.machine import BoltzmannMachine
from genlatent.energy.masks import Edges, Lattice, colours
from genlatent.energy.units import Categorical, Gaussian
from genlatent.errors import RecipeError
from tests.machines import WITHIN


def neighbours(lattice, n):
    return {i: sorted(row.nonzero().flatten().tolist()) for i, row in enumerate(lattice(n, n))}


def test_a_torus_closes_on_itself():
    torus = neighbours(Lattice((3, 3)), 9)
    assert torus[0] == [1, 2, 3, 6]
    assert torus[4] == [1, 3, 5, 7]
    assert all(len(near) == 4 for near in torus.values())


def test_an_open_grid_ends_at_its_edges():
    grid = neighbours(Lattice((3, 3), periodic=False), 9)
    assert grid[0] == [1, 3]
    assert grid[4] == [1, 3, 5, 7]


@pytest.mark.parametrize("shape", [(7,), (4, 5), (2, 3, 4)])
def test_lattices_of_any_dimension_are_symmetric(shape):
    n = torch.Size(shape).numel()
    coupled = Lattice(shape)(n, n)
    assert torch.equal(coupled, coupled.T)
    assert int(coupled.sum(1).max()) <= 2 * len(shape)


@pytest.mark.parametrize(("shape", "number"), [((4, 4), 2), ((3, 3), 4), ((2, 2, 2), 2), ((5,), 3)])
def test_no_two_sites_of_a_colour_are_coupled(shape, number):
    n = torch.Size(shape).numel()
    coupled = Lattice(shape)(n, n)
    groups = colours(coupled)
    assert len(groups) == number
    assert sorted(site for group in groups for site in group) == list(range(n))
    for group in groups:
        assert not coupled[list(group)][:, list(group)].any()


def test_everything_coupled_is_a_colour_each(device):
    assert colours(1 - torch.eye(4, device=device)) == ((0,), (1,), (2,), (3,))


@pytest.mark.parametrize("name", WITHIN)
def test_symmetry_and_zeros_are_enforced(name, device):
    machine = WITHIN[name]()
    with torch.no_grad():
        for parameter in machine.parameters():
            parameter.copy_(torch.randn(parameter.shape, device=device))
    theta = machine.theta()
    for (a, b), w in theta.couplings.items():
        mask = theta.masks.get((a, b), torch.ones_like(w))
        assert not w[mask == 0].any()
        assert bool((w[mask == 1] != 0).all())
        if a == b:
            width = machine.units[a].width
            assert torch.equal(w, w.T)
            for i in range(0, len(w), width):
                assert not w[i : i + width, i : i + width].any()


def test_a_table_over_pairs_of_sites(device):
    table = torch.tensor([[0, 1, 0], [0, 0, 0], [1, 0, 0]])
    units = {"sites": Categorical(2)}
    machine = BoltzmannMachine({"sites": (3, 2)}, [("sites", "sites")], units, {"sites_sites": table}).to(device)
    mask = machine.theta().masks["sites", "sites"]
    expected = torch.tensor([[0.0, 1, 1], [1, 0, 0], [1, 0, 0]], device=device)
    assert torch.equal(mask, expected.repeat_interleave(2, 0).repeat_interleave(2, 1))
    again = build(describe(machine)).to(device)
    assert torch.equal(again.theta().masks["sites", "sites"], mask)


def test_masked_couplings_are_never_trained(device):
    machine = WITHIN["masked"]().to(device)
    state = {name: torch.ones(2, n, device=device) for name, n in machine.sizes.items()}
    machine.energy(state).sum().backward()
    for (a, b), mask in machine.theta().masks.items():
        gradient = getattr(machine, f"{a}_{b}_weight").grad
        assert not gradient[mask == 0].any()
        assert bool((gradient[mask == 1] != 0).all())


def machine_with(device, mask):
    return BoltzmannMachine({"v": 4, "h": 2}, [("v", "h"), ("v", "v")], masks=mask).to(device)


@pytest.mark.parametrize(
    ("mask", "sentence"),
    [
        ({"v_w": None, "h_v": Edges([])}, "mask 'h_v' belongs to no coupling; there are masks for: v_h, v_v"),
        ({"v_v": Lattice((2, 3))}, r"a lattice \(2, 3\) has 6 sites, the layer has 4"),
        ({"v_h": Edges([(0, 2)])}, r"edge \(0, 2\) names no pair of sites; there are 4 and 2"),
        ({"v_h": [[1, 0], [0, 1]]}, r"mask v_h has shape \(2, 2\), the layers have \(4, 2\) sites"),
    ],
)
def test_masks_that_are_refused(mask, sentence, device):
    with pytest.raises(RecipeError, match=sentence):
        machine_with(device, mask)


def test_other_bad_input():
    with pytest.raises(RecipeError, match="at least 1 site along each axis"):
        Lattice((3, 0))
    with pytest.raises(RecipeError, match="only units whose states can be listed"):
        BoltzmannMachine({"v": 3}, [("v", "v")], {"v": Gaussian()})
