"""How much room there is for data, on a device and on the host."""

import os

import torch
from torch import Tensor

SHARE_OF_DEVICE = 0.5  # of what is free there; the rest is for the model and its gradients
SHARE_OF_HOST = 0.25  # of all main memory: a file larger than that is mapped, not read


def on_host() -> int:
    """Bytes of main memory."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # an operating system that does not tell
        return 8 * 2**30


def fits_host(num_bytes: int) -> bool:
    """Whether that much data may be read into main memory."""
    return num_bytes <= SHARE_OF_HOST * on_host()


def fits(x: Tensor, device: torch.device) -> bool:
    """Whether a tensor is on a device of that kind already, or finds room there."""
    module = torch.get_device_module(device)
    if x.device.type == device.type or not hasattr(module, "mem_get_info"):
        return True
    return x.nbytes <= SHARE_OF_DEVICE * module.mem_get_info(device)[0]
