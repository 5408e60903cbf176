"""Where tensors live. The only file that names a device."""

import torch

from genlatent.errors import RecipeError


def find(name: str = "auto") -> torch.device:
    """The device of that name: `auto` (an accelerator when there is one), `cpu`, `cuda`, `cuda:1`, ...

    >>> find("cpu")
    device(type='cpu')
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise RecipeError(f"device {name!r} is not to be had here: {str(error).splitlines()[0]}") from error
    return device


def of(module: torch.nn.Module) -> torch.device:
    """The device a module lives on."""
    for tensor in (*module.parameters(), *module.buffers()):
        return tensor.device
    return torch.device("cpu")


def describe(device: torch.device) -> str:
    """What the device is, for records: its name and, on a CPU, the number of threads."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type}, {torch.get_num_threads()} threads"


def process_backend(device: torch.device) -> str:
    """What carries tensors between processes."""
    return "nccl" if device.type == "cuda" else "gloo"
