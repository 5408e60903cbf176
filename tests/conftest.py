"""Shapes and types of every annotated call are checked while the tests run; `--device` says where tensors live."""

import pyro
import pytest
import torch
from jaxtyping import install_import_hook

import tests.checking  # noqa: F401  (named below)
from tests import pretended

hook = install_import_hook("genlatent", "tests.checking.checked")

from genlatent.numerics import devices  # noqa: E402  (after the hook, so that it is checked too)


def pytest_addoption(parser):
    parser.addoption("--device", default="cpu", help="where models and data live: cpu, cuda, cuda:1, ..., pretended")


@pytest.fixture(scope="session")
def device(request) -> torch.device:
    name = request.config.getoption("--device")
    if name == pretended.NAME:
        pretended.load()
    try:
        return devices.find(name)
    except ValueError as reason:
        pytest.skip(str(reason))


@pytest.fixture(autouse=True)
def a_fresh_start():
    """Every test starts from the same random state and an empty parameter store, whatever ran before it."""
    torch.manual_seed(0)
    with pyro.get_param_store().scope():
        yield
