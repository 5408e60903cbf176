import pytest
import torch

from genlatent import fit, load, load_data, save
from genlatent.energy.dbm import DeepBoltzmannMachine
from genlatent.energy.mean_field_network import MeanFieldNetwork
from genlatent.errors import RecipeError
from tests.machines import ring, skewed


@pytest.fixture(params=[(3,), (3, 2), (3, 2, 3)], ids=str)
def machine(request, device):
    return skewed(DeepBoltzmannMachine(4, request.param), 0.5).to(device).double()


def test_at_first_it_is_one_more_sweep_of_the_mean_field(machine, device):
    x = (torch.rand(20, 4, device=device) < 0.4).double()
    network = MeanFieldNetwork(machine, sweeps=500).to(device).double()
    assert torch.allclose(network(x), machine.encode(x), atol=1e-4)


def test_the_layers_see_what_lies_below_and_what_mean_field_found_above(device):
    machine = skewed(DeepBoltzmannMachine(4, (3, 2)), 0.5).to(device).double()
    network, x = MeanFieldNetwork(machine, sweeps=100).to(device).double(), torch.eye(4, device=device).double()
    with torch.no_grad():
        network.down[0].weight.mul_(3)
    q = machine.posterior(x).means["hidden_2"]
    W1, W2 = machine.visible_hidden_1_weight, machine.hidden_1_hidden_2_weight
    first = (x @ W1 + 3 * q @ W2.T + machine.hidden_1_bias).sigmoid()
    assert torch.allclose(network(x), (first @ W2 + machine.hidden_2_bias).sigmoid(), atol=1e-4)


def test_fine_tuning_leaves_the_machine_as_it_is(tmp_path, device):
    digits = load_data("digits", binarise="threshold").to(device)
    machine = DeepBoltzmannMachine((1, 8, 8), (12, 6)).to(device)
    classifier = machine.classifier(10)
    inner = classifier.encoder.machine
    before = {name: p.clone() for name, p in inner.named_parameters()}
    up = classifier.encoder.up[0].weight.clone()
    fit(classifier, digits, steps=5)
    assert all(torch.equal(before[name], p) for name, p in inner.named_parameters())
    assert not torch.equal(up, classifier.encoder.up[0].weight)
    assert all(p.requires_grad for p in machine.parameters())
    save(classifier, tmp_path / "model")
    found = load(tmp_path / "model").to(device)
    assert torch.equal(found.predict_proba(digits.test), classifier.predict_proba(digits.test))


def test_other_shapes_are_refused():
    with pytest.raises(RecipeError, match="coupled one to the next"):
        MeanFieldNetwork(ring())
