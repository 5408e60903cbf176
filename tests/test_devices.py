"""What lives on an accelerator stays there: contracts of models and kernels on a device that only pretends."""

import os
import subprocess
import sys

import pytest
import torch

from genlatent.numerics.randomness import drawing_from, stream
from tests import pretended

CONTRACTS = (
    "tests/test_devices.py",
    *(
        f"tests/test_models.py::test_its_step_can_be_traced[{name}]"
        for name in ("autoencoder", "rbm", "neural-energy", "vae")
    ),
    "tests/test_models.py::test_same_generator_same_sample",
    "tests/sampling/test_kernels.py::test_a_step_leaves_its_state_as_it_was",
)  # the others run there by hand: pytest --device pretended
MIXED = {
    "sum": lambda here, there: here + there,
    "sum in place": lambda here, there: there.add_(here),
    "product": lambda here, there: here @ there,
    "choice": lambda here, there: torch.where(here > 0, here, there),
    "rows put together": lambda here, there: torch.cat([here, there]),
    "rows chosen": lambda here, there: there[here.long()],
    "draws of the host's stream": lambda here, there: torch.rand_like(here, generator=torch.Generator()),
    "the host's draws of its stream": lambda here, there: torch.rand(3, generator=torch.Generator(here.device)),
    "product of whole numbers": lambda here, there: here.long() @ here.long(),
    "numpy": lambda here, there: here.numpy(),
}


@pytest.mark.parametrize("name", MIXED)
def test_what_only_the_host_can_do_is_refused(name, device):
    here, there = torch.ones(3, device=device), torch.ones(3)
    if device.type == "cpu":  # there is only one
        assert MIXED[name](here, there) is not None
    else:
        with pytest.raises((RuntimeError, TypeError), match=r"device|Expected|indices|not implemented"):
            MIXED[name](here, there)


def test_streams_of_a_device_are_its_own(device):
    host, one, two = torch.get_rng_state(), stream(1, device), stream(1, device)
    with drawing_from(one):
        first = torch.rand(3, device=device)
    assert torch.equal(first, torch.rand(3, device=device, generator=two))
    assert torch.equal(one.get_state(), two.get_state())
    assert torch.equal(torch.get_rng_state(), host)


@pytest.mark.slow
@pytest.mark.timeout(900)  # with the making of the device, on a machine that has much else to do
@pytest.mark.skipif(pretended.compiler() is None, reason="there is no C++ compiler")
def test_models_and_kernels_keep_to_the_device_that_they_live_on(request):
    if request.config.getoption("--device") != "cpu":
        return  # the contracts run there anyway
    command = [sys.executable, "-m", "pytest", "-q", "--device", pretended.NAME, *CONTRACTS]
    how = {"cwd": pretended.SOURCE.parents[1], "env": os.environ | {"OMP_NUM_THREADS": "1"}}
    found = subprocess.run(command, capture_output=True, text=True, **how)
    assert found.returncode == 0, found.stdout[-5000:]
