"""One random stream for each fit or sampler; nobody else's random numbers move."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def drawing_from(generator: torch.Generator | None) -> Iterator[None]:
    """Let torch's default generator of one device continue `generator`'s stream, and put both back in place.

    Pyro and compiled graphs draw from the default generator only; inside this context those draws belong to
    `generator`. With `None` nothing changes.

    >>> one, two = torch.Generator().manual_seed(1), torch.Generator().manual_seed(1)
    >>> with drawing_from(one):
    ...     inside = torch.rand(3)
    >>> bool((inside == torch.rand(3, generator=two)).all())
    True
    """
    if generator is None:
        yield
        return
    default = _default(generator.device)
    before = default.get_state()
    default.set_state(generator.get_state())
    try:
        yield
    finally:
        generator.set_state(default.get_state())
        default.set_state(before)


def _default(device: torch.device) -> torch.Generator:
    if device.type == "cpu":
        return torch.default_generator
    backend = torch.get_device_module(device)
    return backend.default_generators[device.index or 0]


def stream(seed: int, device: torch.device | str = "cpu", *, name: str = "") -> torch.Generator:
    """A generator whose numbers depend on the seed and on what it is for, so that two uses never share a stream.

    >>> a, b = stream(0, name="shuffle"), stream(0, name="draws")
    >>> bool(torch.rand(1, generator=a) == torch.rand(1, generator=b))
    False
    """
    mixed = int.from_bytes(_digest(f"{seed}/{name}"), "little") >> 1  # 63 bits: the largest seed is a signed integer
    return torch.Generator(device=device).manual_seed(mixed)


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=8).digest()
