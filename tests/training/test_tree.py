"""Nested state survives JSON and a flat table of tensors."""

import json

import pytest
import torch

from genlatent.training.tree import pack, unpack


def test_round_trip_with_numbers_as_keys_and_none():
    state = {0: {"step": torch.tensor(3.0), "dirs": [torch.ones(2), None], "name": "x"}, "rate": 0.1, "done": False}
    tensors: dict[str, torch.Tensor] = {}
    found = unpack(json.loads(json.dumps(pack(state, tensors))), tensors)
    assert list(found) == [0, "rate", "done"]
    assert found[0]["step"] == 3.0
    assert found[0]["dirs"][0].tolist() == [1.0, 1.0]
    assert found[0]["dirs"][1] is None
    assert (found["rate"], found["done"], found[0]["name"]) == (0.1, False, "x")


def test_packed_tensors_are_copies():
    x, tensors = torch.zeros(2), {}
    tree = pack({"x": x}, tensors)
    x.fill_(1.0)
    assert unpack(tree, tensors)["x"].tolist() == [0.0, 0.0]


def test_what_cannot_be_kept():
    with pytest.raises(TypeError, match="/thing"):
        pack({"thing": object()}, {})
