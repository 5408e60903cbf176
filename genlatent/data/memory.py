"""How much room there is for data, on a device and on the host."""

import os
from typing import Any

from genlatent.errors import DataError

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
    return num_bytes <= host_share()


def host_share() -> float:
    """How many bytes of main memory data may take."""
    return SHARE_OF_HOST * on_host()


def refuse_beyond_host(num_bytes: int, where: Any, advice: str) -> None:
    """Refuse what would fill a quarter of main memory, before it is read."""
    if not fits_host(num_bytes):
        wanted, most = num_bytes / 2**20, host_share() / 2**20
        raise DataError(
            f"{where}: it would take {wanted:,.0f} MiB of memory and {most:,.0f} MiB are the most here; {advice}"
        )


def fits(x: Any, device: Any) -> bool:
    """Whether a tensor is on a device of that kind already, or finds room there."""
    import torch  # fetching, which only asks for room on the host, does without

    module = torch.get_device_module(device)
    if x.device.type == device.type or not hasattr(module, "mem_get_info"):
        return True
    return x.nbytes <= SHARE_OF_DEVICE * module.mem_get_info(device)[0]
