"""Objects become plain values and come back equal; nothing untrusted is imported."""

import json
import sys

import pyro.distributions as dist
import pytest
import torch
from torch import nn

from genlatent import registry
from genlatent.components import Component, NotDescribable, build, describe
from genlatent.errors import RecipeError


class Plain(Component):
    def __init__(self, size: int = 3, parts=(1, 2)):
        self.size, self.parts = size, tuple(parts)


class Forgetful(Component):
    def __init__(self, size: int = 3):
        self.other = size


def round_trip(thing, allow=("tests",)):
    return build(json.loads(json.dumps(describe(thing))), allow=allow)


def test_defaults_are_left_out_and_come_back():
    assert describe(Plain()) == {"name": "tests.test_components:Plain"}
    made = round_trip(Plain(5, [4]))
    assert (made.size, made.parts) == (5, (4,))
    assert repr(made) == "Plain(size=5, parts=(4,))"


def test_networks_of_torch():
    network = nn.Sequential(nn.Linear(3, 2, bias=False), nn.ReLU(), nn.Conv2d(1, 2, 3))
    made = round_trip(network)
    assert [type(part) for part in made] == [type(part) for part in network]
    assert made[0].bias is None
    assert made[2].bias is not None


@pytest.mark.parametrize(
    "distribution",
    [
        dist.Normal(torch.zeros(2), 1.5).to_event(1),
        dist.Bernoulli(logits=torch.tensor([0.3, -1.0])),
        dist.Gamma(2.0, 3.0).expand([3]).to_event(1),
        dist.MixtureSameFamily(dist.Categorical(torch.ones(3)), dist.Normal(torch.arange(3.0), 1.0)),
        dist.MultivariateNormal(torch.zeros(2), scale_tril=torch.tensor([[1.0, 0.0], [0.5, 2.0]])),
    ],
    ids=lambda d: type(d).__name__,
)
def test_distributions(distribution):
    made = round_trip(distribution)
    x = distribution.sample()
    assert torch.allclose(made.log_prob(x), distribution.log_prob(x))


def test_functions_and_tensors():
    assert round_trip({"f": torch.nn.functional.softplus, "t": torch.tensor([1, 2])}.get("t")).tolist() == [1, 2]
    assert round_trip(registry.nearest) is registry.nearest


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (Forgetful(), "does not keep its argument 'size'"),
        (lambda x: x, "cannot be imported by that name"),
        (object(), "neither plain values"),
        (torch.zeros(20_000), "too large"),
    ],
)
def test_what_cannot_be_described(thing, words):
    with pytest.raises(NotDescribable, match=words):
        describe(thing)


def test_local_class_cannot_be_described():
    class Local(Component):
        pass

    with pytest.raises(NotDescribable, match="put it into a module"):
        describe(Local())


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"name": "vea"}, "did you mean 'vae'"),
        ({"name": "rbm", "hiden": 3}, "did you mean 'hidden'"),
        ({"name": "somewhere.else:Thing"}, "--allow-import somewhere"),
        ({"name": "genlatent.registry:nearest"}, "is not a class of models"),
        ({"name": "rbm", "hidden": 0}, "at least 1"),
    ],
)
def test_bad_entries(spec, words):
    with pytest.raises(RecipeError, match=words):
        build(spec, "model")


def test_untrusted_code_is_not_imported():
    assert "antigravity" not in sys.modules
    with pytest.raises(RecipeError, match="--allow-import antigravity"):
        build({"name": "antigravity:geohash"}, "model")
    assert "antigravity" not in sys.modules


def test_a_trusted_prefix_is_a_whole_name():
    with pytest.raises(RecipeError, match="outside genlatent"):
        build({"name": "testsuite:Thing"}, "model", allow=("tests",))


@pytest.mark.parametrize("kind", list(registry.KINDS))
def test_every_registered_name_can_be_loaded_and_named_again(kind):
    for name, place in registry.KINDS[kind].items():
        found = registry.load(place)
        assert f"{found.__module__}:{found.__qualname__}" == place
        assert registry.location(kind, name) == place
