"""A device that only pretends, so that what a test does on an accelerator can be tried on a machine without one.

`pytest --device pretended` builds it once with a C++ compiler. It has the host's memory and kernels and numbers, but
tensors and random streams of its own, and refuses to mix them with the host's as a real accelerator does.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import torch

NAME = "pretended"
SOURCE = Path(__file__).with_suffix(".cpp")


def compiler() -> str | None:
    """A C++ compiler, where there is one."""
    names = [name for name in (os.environ.get("CXX"), "c++", "g++", "clang++") if name]
    return next((found for name in names if (found := shutil.which(name))), None)


def built() -> Path:
    """The compiled device, made at most once for each source and each torch."""
    mark = hashlib.sha256(SOURCE.read_bytes() + f"{torch.__version__} {sys.version}".encode()).hexdigest()[:16]
    place = Path(tempfile.gettempdir()) / f"genlatent-pretended-{os.getuid()}-{mark}.so"
    if not place.exists():
        part = place.with_suffix(f".{os.getpid()}")
        _compile(part)
        part.replace(place)
    return place


def _compile(place: Path) -> None:
    found, torch_folder = compiler(), Path(torch.__file__).parent
    if found is None:
        raise RuntimeError("the pretended device has to be compiled: install a C++ compiler or name one in CXX")
    headers = [f"-I{torch_folder}/include", f"-I{torch_folder}/include/torch/csrc/api/include"]
    how = ["-std=c++20", "-O0", "-shared", "-fPIC"]
    libraries = [f"-L{torch_folder}/lib", "-lc10", "-ltorch_cpu"]
    subprocess.run([found, *how, *headers, str(SOURCE), "-o", str(place), *libraries], check=True, capture_output=True)


def load() -> None:
    """Make the device known to this process; everything else in it stays as it was, but for how modules move.

    Moving a module swaps the contents of its parameters, since torch replaces the parameters themselves for a device
    that it does not know, and keeps them for a real accelerator.
    """
    if hasattr(torch, NAME):
        return
    torch.utils.rename_privateuse1_backend(NAME)
    torch.ops.load_library(str(built()))
    torch._register_device_module(NAME, _module(torch.ops.pretended.stream()))
    torch.__future__.set_swap_module_params_on_conversion(True)


def _module(stream: torch.Generator) -> ModuleType:
    """What torch and genlatent ask of `torch.cuda`."""
    module = ModuleType(f"torch.{NAME}")
    vars(module).update(
        default_generators=(stream,),
        is_available=lambda: True,
        is_initialized=lambda: True,
        _is_in_bad_fork=lambda: False,
        device_count=lambda: 1,
        current_device=lambda: 0,
        manual_seed_all=stream.manual_seed,
        get_rng_state=lambda device=None: stream.get_state(),
        set_rng_state=lambda state, device=None: stream.set_state(state),
    )
    return module
