"""The laws from which neural energies are annealed."""

import pytest
import torch

from genlatent.evaluation.bases import BoxBase, NormalBase
from tests.quadrature import squeezed, stretched


def rows(device, box):
    """Skewed rows whose two values hang together."""
    noise = torch.rand(400, 2, generator=torch.Generator().manual_seed(0)).square()
    noise[:, 1] = 0.7 * noise[:, 0] + 0.3 * noise[:, 1]
    return (noise if box else 3 * noise - 1).double().to(device)


@pytest.fixture(params=[NormalBase, BoxBase])
def base(request, device):
    x = rows(device, request.param is BoxBase)
    return request.param(x, x.std())


def plane(base):
    one, weight = squeezed(401) if isinstance(base, BoxBase) else stretched(801, 4.0)
    points, weights = torch.cartesian_prod(one, one), torch.cartesian_prod(weight, weight).prod(1)
    return points.to(base.mean), weights.to(base.mean)


def test_it_is_normalised(base):
    x, weight = plane(base)
    assert abs(float((base.log_prob(x).exp() * weight).sum()) - 1) < 1e-3


def test_draws_are_its_own(base, device):
    x, weight = plane(base)
    p = base.log_prob(x).exp() * weight
    drawn = base.draw((40_000,), torch.Generator(device).manual_seed(1))
    both = torch.stack((x[:, 0], x[:, 1], x[:, 0] * x[:, 1], x[:, 0].square(), x[:, 1].square()), 1)
    seen = torch.stack((drawn[:, 0], drawn[:, 1], drawn[:, 0] * drawn[:, 1], *drawn.square().unbind(1)), 1)
    assert bool(((seen.mean(0) - p @ both).abs() < 5 * seen.std(0) / 200 + 2e-3).all())


def test_it_is_a_little_broader_than_the_data(device):
    x = rows(device, False)
    base = NormalBase(x, x.std())
    broad = base.root @ base.root.mT
    expected = torch.cov(x.mT, correction=0)
    assert bool((torch.linalg.eigvalsh(broad - expected) > 0).all())
    assert float(broad[0, 1]) > 0.9 * float(expected[0, 1])
    assert bool((BoxBase(x, x.std()).scale.square() > x.var(0)).all())


def test_codes_lead_back_and_slopes_are_theirs(base, device):
    x = base.draw((5,), torch.Generator(device).manual_seed(2))
    z = base.code(x)
    torch.testing.assert_close(base.mean + base.push(z), x)
    slope = torch.randn_like(x)
    z.requires_grad_()
    (expected,) = torch.autograd.grad(((base.mean + base.push(z)) * slope).sum(), z)
    torch.testing.assert_close(base.pull(slope), expected)
