"""Discrete sites summed over, against sums by hand and against Pyro's own enumeration."""

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import TraceEnum_ELBO
from torch import nn

from genlatent.errors import RecipeError
from genlatent.objectives.enumeration import enumerated, likeliest


class TwoClasses(nn.Module):
    """Two discrete sites, of three and of two classes, and a normal one between them."""

    max_plate_nesting = 1

    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.randn(5, 3).double())
        self.b = nn.Parameter(torch.randn(3, 2).double())
        self.mean = nn.Parameter(torch.randn(3, 2).double())
        self.register_buffer("first", torch.randn(3).double())
        self.register_buffer("second", torch.randn(2).double())

    def model(self, x, y=None):
        with pyro.plate("data", len(x)):
            a = pyro.sample("a", dist.Categorical(logits=self.first))
            b = pyro.sample("b", dist.Categorical(logits=self.second))
            pyro.sample("x", dist.Normal(self.mean[a, b], 1.0), obs=x)

    def guide(self, x, y=None):
        with pyro.plate("data", len(x)):
            a = pyro.sample("a", dist.Categorical(logits=self.a), infer={"enumerate": "parallel"})
            pyro.sample("b", dist.Categorical(logits=self.b[a]), infer={"enumerate": "parallel"})

    def by_hand(self, x):
        total = torch.zeros_like(x)
        for a in range(3):
            for b in range(2):
                log_q = self.a.log_softmax(-1)[:, a] + self.b.log_softmax(-1)[a, b]
                log_p = self.first.log_softmax(0)[a] + self.second.log_softmax(0)[b]
                log_p = log_p + dist.Normal(self.mean[a, b], 1.0).log_prob(x)
                total = total + log_q.exp() * (log_q - log_p)
        return total


@pytest.fixture
def pair(device):
    return TwoClasses().to(device), torch.randn(5, device=device).double()


def cost(pair, x, **options):
    run = enumerated(pair, x, **options)
    return run.expect(-run.t.log_likelihood["x"] + sum(run.kl().values()))


def test_two_sites_are_summed_over_exactly(pair):
    pair, x = pair
    torch.testing.assert_close(cost(pair, x), pair.by_hand(x)[None], atol=1e-12, rtol=0)
    torch.testing.assert_close(cost(pair, x, particles=3).mean(0), pair.by_hand(x), atol=1e-12, rtol=0)


def test_bound_and_gradients_are_those_of_pyros_own_enumeration(pair):
    pair, x = pair
    with pyro.get_param_store().scope():
        theirs = TraceEnum_ELBO(max_plate_nesting=1).differentiable_loss(pair.model, pair.guide, x)
    ours = cost(pair, x).sum()
    torch.testing.assert_close(ours, theirs, atol=1e-12, rtol=0)
    gradients = [torch.autograd.grad(value, list(pair.parameters())) for value in (ours, theirs)]
    for mine, other in zip(*gradients):
        torch.testing.assert_close(mine, other, atol=1e-10, rtol=0)


def test_truncated_to_all_values_it_is_the_whole_sum(pair):
    pair, x = pair
    pair.guide = lambda x, y=None: _only_a(pair, x)
    pair.model = lambda x, y=None: _only_a(pair, x, observe=True)
    torch.testing.assert_close(cost(pair, x, top=3), cost(pair, x), atol=1e-12, rtol=0)


def test_truncated_it_is_the_bound_of_the_renormalised_posterior(pair):
    pair, x = pair
    pair.guide = lambda x, y=None: _only_a(pair, x)
    pair.model = lambda x, y=None: _only_a(pair, x, observe=True)
    values = pair.a.topk(2, -1).indices
    log_q = pair.a.gather(1, values).log_softmax(-1)
    log_p = pair.first.log_softmax(0)[values] + dist.Normal(pair.mean[values, 0], 1.0).log_prob(x[:, None])
    expected = (log_q.exp() * (log_q - log_p)).sum(1)
    torch.testing.assert_close(cost(pair, x, top=2)[0], expected, atol=1e-12, rtol=0)


def _only_a(pair, x, observe=False):
    with pyro.plate("data", len(x)):
        a = pyro.sample(
            "a",
            dist.Categorical(logits=pair.first if observe else pair.a),
            infer={} if observe else {"enumerate": "parallel"},
        )
        if observe:
            pyro.sample("x", dist.Normal(pair.mean[a, 0], 1.0), obs=x)


def test_sites_that_are_drawn_without_a_gradient_are_refused(pair):
    pair, x = pair

    def guide(x, y=None):
        with pyro.plate("data", len(x)):
            a = pyro.sample("a", dist.Categorical(logits=pair.a), infer={"enumerate": "parallel"})
            pyro.sample("b", dist.Categorical(logits=pair.b[a]))

    pair.guide = guide
    with pytest.raises(RecipeError, match="'b' has no pathwise gradient"):
        enumerated(pair, x)


def test_likeliest_values_come_first(device):
    q = dist.Categorical(torch.tensor([[0.1, 0.7, 0.2], [0.5, 0.1, 0.4]], device=device))
    assert likeliest(q, 2).tolist() == [[1, 0], [2, 2]]
