"""The causal transformer: what each place may see, and that it learns a distribution whose entropy is known."""

import math

import pytest
import torch
from torch import nn

from genlatent import components
from genlatent.errors import RecipeError
from genlatent.networks.autoregressive import CausalBlock, CausalTransformer


@pytest.fixture
def network(device):
    made = CausalTransformer(16, inputs=5, outputs=(5, 7)).eval()
    nn.init.normal_(made.read.weight)
    return made.to(device)


def test_logits_see_only_what_came_before(network, device):
    codes = torch.randint(7, (3, 5), device=device)
    before = network(codes)
    for place in range(5):
        changed = codes.clone()
        changed[:, place] = (changed[:, place] + 1) % 7
        moved = (network(changed) - before).abs().amax((0, 2)) > 1e-6
        assert moved.tolist() == [i > place for i in range(5)]


def test_attention_is_torchs(device):
    block, theirs = (
        CausalBlock(8, 2, 0.0).double().to(device),
        nn.MultiheadAttention(8, 2, batch_first=True).double().to(device),
    )
    with torch.no_grad():
        theirs.in_proj_weight.copy_(block.questions.weight)
        theirs.in_proj_bias.copy_(block.questions.bias)
        theirs.out_proj.load_state_dict(block.answer.state_dict())
    h = torch.randn(3, 6, 8, dtype=torch.float64, device=device)
    later = torch.ones(6, 6, dtype=torch.bool, device=device).triu(1)
    torch.testing.assert_close(block.attend(h), theirs(h, h, h, attn_mask=later)[0])


def test_it_starts_at_the_uniform_distribution():
    logits = CausalTransformer(16, inputs=4, outputs=(4, 3))(torch.randint(3, (2, 4)))
    assert torch.equal(logits, torch.zeros(2, 4, 3))


def test_it_learns_a_chain_to_its_entropy():
    """k_1 uniform on 4, each next one k + 1 or k + 2 with equal chance: ln 32 nats, and no network spends fewer."""
    network = CausalTransformer(16, layers=1, heads=2, dropout=0.0, inputs=4, outputs=(4, 4))
    every = torch.cartesian_prod(torch.arange(4), *[torch.arange(1, 3)] * 3).cumsum(1) % 4
    optimiser = torch.optim.Adam(network.parameters(), 0.01)
    for _ in range(200):
        log_p = network(every).log_softmax(-1).gather(-1, every[..., None]).sum((1, 2))
        optimiser.zero_grad()
        (-log_p.mean()).backward()
        optimiser.step()
    assert math.log(32) <= -log_p.mean() < math.log(32) + 0.01


def test_what_it_refuses():
    with pytest.raises(ValueError, match="multiple of heads"):
        CausalTransformer(10, heads=4)
    with pytest.raises(RecipeError, match=r"\(length, classes\)"):
        CausalTransformer(16, inputs=5, outputs=7)


def test_round_trip_through_plain_values(network):
    again = components.build(components.describe(network), "autoregressive")
    assert components.describe(again) == components.describe(network)
    assert [p.shape for p in again.parameters()] == [p.shape for p in network.parameters()]
