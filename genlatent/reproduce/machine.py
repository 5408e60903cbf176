"""Where and with what numbers were found."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

import torch

import genlatent
from genlatent.numerics import devices

PACKAGES = ("torch", "pyro-ppl", "numpy", "scipy")


def machine(device: torch.device) -> str:
    """The processors, and the device where it is none of them.

    >>> "thread" in machine(torch.device("cpu"))
    True
    """
    threads = torch.get_num_threads()
    used = f"{os.cpu_count()} x {_processor()}, {threads} thread{'s' if threads > 1 else ''}"
    return used if device.type == "cpu" else f"{devices.describe(device)}; {used}"


def versions() -> dict[str, str]:
    """Of everything that decides numbers."""
    return {
        "genlatent": genlatent.__version__,
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }


def _processor() -> str:
    place = Path("/proc/cpuinfo")
    lines = place.read_text(encoding="utf-8").splitlines() if place.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
