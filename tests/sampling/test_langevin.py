import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx

from genlatent.errors import Diverged, RecipeError
from genlatent.sampling.driver import run, trace
from genlatent.sampling.langevin import Langevin, langevin_step
from tests.statistics import assert_means

PRECISION = torch.tensor([1.0, 4.0])


def stretched(x):
    return (PRECISION.to(x) * x.square()).sum(1) / 2


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_its_bias_is_the_one_that_is_stated(temperature, device):
    kernel, generator = Langevin(stretched, 2, 0.2, temperature=temperature), torch.Generator(device).manual_seed(0)
    state = kernel.init(400, generator)
    x = trace(kernel, state, 60, burn_in=60, thin=2, generator=generator)[1]["x"].cpu()
    k = PRECISION / temperature
    assert_means(x, torch.zeros(2))
    assert_means(x**2, 1 / (k - 0.2 * k**2 / 2))


def test_clamped_values_stay_and_the_others_do_not_mind(device):
    kernel, generator = (
        Langevin(stretched, 2, 0.2, given=torch.tensor([float("nan"), 7.0], device=device)),
        torch.Generator(device),
    )
    x = trace(kernel, kernel.init(200, generator), 60, burn_in=60, generator=generator)[1]["x"]
    assert (x[..., 1] == 7).all()
    assert_means(x[..., 0] ** 2, torch.tensor(1 / 0.9, device=device))


def test_one_step_by_hand(device):
    torch.manual_seed(2)
    noise = torch.randn(3, 2, device=device)
    torch.manual_seed(2)
    found = langevin_step(stretched, torch.ones(3, 2, device=device), 0.1, 0.5)
    assert torch.allclose(found, 1 - 0.1 * PRECISION.to(device) + 0.5 * noise)


def test_steps_through_a_network_can_be_traced_and_train_nothing_on_their_way(device):
    network = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.SiLU(), torch.nn.Linear(8, 1)).to(device)

    def chain(x, step):
        for _ in range(3):
            x = langevin_step(lambda x: network(x).squeeze(1), x, step, 0.1)
        return x

    inputs = torch.randn(4, 2, device=device), torch.tensor(0.3, device=device)
    torch.manual_seed(1)
    expected = chain(*inputs)
    assert not expected.requires_grad
    traced = make_fx(chain)(*inputs)
    torch.manual_seed(1)
    assert torch.allclose(traced(*inputs), expected)


def test_steps_that_are_too_large_are_named():
    kernel = Langevin(lambda x: x.pow(4).sum(1), 2, 5.0)
    with pytest.raises(Diverged, match="Langevin: x is not finite any more; take a smaller step"):
        run(kernel, kernel.init(5), 50)
    with pytest.raises(RecipeError, match="size, the step of the dynamics, must be above 0"):
        Langevin(stretched, 2, 0.0)
