"""Inputs by the thousand in child processes, whose death, hunger or silence is a fault with a seed to it."""

import json
import mmap
import os
import random
import resource
import shutil
import signal
import struct
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from genlatent.data import memory
from genlatent.errors import LONGEST, GenlatentError
from tests.endurance.fuzzing.formats import FORMATS, Format

MOST_MEMORY = 2**30  # bytes of address space beyond what the process has before it reads anything
PRETENDED = 2**30  # bytes of main memory, of which a quarter may be filled
PATIENCE = 10.0  # seconds of a processor's time for an input
SILENCE = 300.0  # seconds after which a child that stays at an input is killed
SLICE = 5000  # inputs for a child


class Slow(BaseException):
    """An input took too long."""


def campaign(name: str, inputs: int, first: int = 0) -> dict[str, Any]:
    """Read so many damaged files of a format; what became of them, and every fault with its seed."""
    made, found, faults, peak = FORMATS[name](), Counter(), [], 0
    start, began = first, time.monotonic()
    while start < first + inputs:
        result = _slice(name, made, start, min(start + SLICE, first + inputs))
        found.update(result["found"])
        faults += result["faults"]
        peak, start = max(peak, result["peak"]), result["next"]
    minutes = (time.monotonic() - began) / 60
    return {"inputs": inputs, "found": dict(found), "faults": faults, "peak_mib": peak >> 10, "minutes": minutes}


def _slice(name: str, made: Format, start: int, stop: int) -> dict[str, Any]:
    """A child reads inputs start to stop; where it dies, the input it was at is the fault and the next one follows."""
    at = mmap.mmap(-1, 8)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _work(name, made, start, stop, at, writing)
    os.close(writing)
    answer = _heard(reading, child, at)
    _, status = os.waitpid(child, 0)
    if answer:
        return json.loads(answer)
    seed = struct.unpack("q", at[:8])[0]
    how = f"killed by signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"exit {os.WEXITSTATUS(status)}"
    return {
        "found": {"died": seed - start + 1},
        "faults": [[seed, f"the interpreter: {how}"]],
        "peak": 0,
        "next": seed + 1,
    }


def _heard(reading: int, child: int, at: mmap.mmap) -> bytes:
    """What the child says at its end; one that stays at an input is killed."""
    os.set_blocking(reading, False)
    said, last, since = b"", b"", time.monotonic()
    while True:
        try:
            part = os.read(reading, 2**16)
            if not part:
                os.close(reading)
                return said
            said += part
        except BlockingIOError:
            time.sleep(0.01)
        if at[:8] != last:
            last, since = at[:8], time.monotonic()
        if time.monotonic() - since > SILENCE:
            os.kill(child, signal.SIGKILL)


def _work(name: str, made: Format, start: int, stop: int, at: mmap.mmap, writing: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix=f"genlatent-{name}-"))
    try:
        _restrain()
        found, faults = Counter(), []
        for seed in range(start, stop):
            at[:8] = struct.pack("q", seed)
            what, fault = tried(made, seed, folder)
            found[what] += 1
            faults += [[seed, fault]] if fault else []
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - PEAK[0]
        answer = json.dumps({"found": found, "faults": faults[:50], "peak": peak, "next": stop}).encode()
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(answer)
        os._exit(0)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(1)


def restrained(act: Callable[[], str]) -> dict[str, Any]:
    """What an act answers in a child process that is held to the same limits, and the memory it took at most."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _restrain()
        answer = act()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - PEAK[0]
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(json.dumps({"answer": answer, "peak": peak << 10}).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    return {"died": status or None, **(json.loads(said) if said else {})}


PEAK = [0]


def _restrain() -> None:
    """Little memory, a clock, warnings that count as faults, and nobody who listens to what decoders print."""
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    torch.set_num_threads(1)
    memory.on_host = lambda: PRETENDED
    warnings.simplefilter("error")
    signal.signal(signal.SIGPROF, _too_slow)
    PEAK[0] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MOST_MEMORY, resource.RLIM_INFINITY))


def _too_slow(*_: Any) -> None:
    raise Slow


def tried(made: Format, seed: int, folder: Path) -> tuple[str, str | None]:
    """What becomes of one input, and what is wrong with that."""
    chance = random.Random(seed)
    name, content = made.make(chance)
    path = folder / "damaged" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    signal.setitimer(signal.ITIMER_PROF, PATIENCE)
    try:
        made.read(chance, path)
    except GenlatentError as error:
        return type(error).__name__, _wrong(error)
    except Slow:
        return "slow", f"more than {PATIENCE} seconds"
    except BaseException as error:
        return type(error).__name__, "".join(traceback.format_exception(error)[-3:])[-1500:]
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        path.unlink(missing_ok=True)
    return "read", None


def _wrong(error: GenlatentError) -> str | None:
    """What a sentence should not be: long, of many lines, or said because memory ran out."""
    text = str(error)
    if len(text) > 4 * LONGEST or "\n" in text:
        return f"a sentence of {len(text)} characters: {text[:200]}"
    if any(isinstance(cause, MemoryError) or "allocate memory" in str(cause) for cause in causes(error)):
        return f"memory ran out: {text[:300]}"
    return None


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and what led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
