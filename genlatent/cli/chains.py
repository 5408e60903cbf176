"""Chains of a trained model on disk, and whether they can be believed."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from genlatent.cli.opening import Opened
from genlatent.cli.progress import stepping
from genlatent.cli.terminal import Terminal
from genlatent.errors import RecipeError, Unsupported
from genlatent.evaluation import chains
from genlatent.evaluation.observables import summarised
from genlatent.evaluation.record import Record
from genlatent.numerics.randomness import stream
from genlatent.sampling.draws import FEWEST, Diagnosis, Draws
from genlatent.storage import new_file

ENDING = ".nc"


class Length(NamedTuple):
    """How many chains, and how long; what the user leaves open."""

    chains: int = 8
    draws: int = 500
    burn_in: int = 1000
    thin: int = 10


def check_place(path: Path | None) -> Path:
    """Where chains go: `chains.nc` unless the user names another file of that kind."""
    place = path or Path(f"chains{ENDING}")
    if place.suffix.lower() != ENDING:
        raise RecipeError(f"{place}: chains are written as {ENDING} (netCDF, which arviz.from_netcdf opens)")
    return place


def check_model(model: Any) -> None:
    """Refuse a model that is not sampled by chains that can be followed."""
    if not hasattr(model, "trace"):
        raise Unsupported(f"{type(model).__name__} is sampled without chains to keep; leave the options of chains out")


def run(job: Opened, length: Length, held: Mapping[str, Any], seed: int, terminal: Terminal, **how: Any) -> Draws:
    """Fresh chains with all their layers."""
    check_model(job.model)
    model: Any = job.model
    with stepping(terminal, f"{length.chains} chains") as progress:
        return model.trace(
            length.draws,
            chains=length.chains,
            burn_in=length.burn_in,
            thin=length.thin,
            given=held or None,
            generator=stream(seed, job.device, name="chains"),
            progress=progress,
            **how,
        )


def write(draws: Draws, path: Path, **attributes: Any) -> None:
    """InferenceData as netCDF, with what made it as attributes; there whole or not at all."""
    content = netcdf(draws.to_arviz(**attributes))
    with new_file(path) as temporary:
        temporary.write_bytes(content)


def netcdf(data: Any) -> bytes:
    """InferenceData as a netCDF file, made in memory: HDF5 brings the interpreter down where the disk is full."""
    import h5netcdf
    from xarray.backends import H5NetCDFStore

    made = io.BytesIO()
    with h5netcdf.File(made, "w") as file:
        file.attrs.update(data.attrs)
        for name in data.groups():
            group = data[name]
            how = {each: {"zlib": True} for each, values in group.variables.items() if values.dtype.kind in "biuf"}
            group.dump_to_store(H5NetCDFStore(file, group=name, mode="a"), encoding=how)
    return made.getvalue()


class Judgement(NamedTuple):
    """Figures by variable, and what they amount to; empty, with the reason, where chains cannot be compared."""

    figures: dict[str, Diagnosis]
    records: list[Record]
    reason: str = ""


def judged(model: Any, draws: Draws, held: Mapping[str, Any]) -> Judgement:
    """Whether these chains agree."""
    apart = [name for name, value in held.items() if differs(value)]
    if apart:
        return Judgement({}, [], f"every chain has a {apart[0]} of its own, so they are not compared")
    if draws["x"].shape[1] < FEWEST:
        return Judgement({}, [], f"fewer than {FEWEST} draws of each chain, too few to compare")
    if model.conditional:  # its other observables depend on the condition
        seen = Draws({"energy": draws["energy"]}, draws.burn_in, draws.thin)
    else:
        seen = summarised(model, draws)
    figures = seen.diagnose()
    return Judgement(figures, chains.judged(seen, figures))


def differs(value: Any) -> bool:
    """Whether a given value has several rows, one for each chain."""
    many = isinstance(value, Tensor) and value.dim() > 0 and len(value) > 1
    return many and bool((value.nan_to_num(torch.inf) != value[:1].nan_to_num(torch.inf)).any())


def show(found: Judgement, terminal: Terminal) -> None:
    """The figures for people."""
    if not found.records:
        terminal.say(f"No diagnosis: {found.reason}.")
        return
    terminal.table(chains.by_variable(found.figures))
    terminal.say()
    terminal.records([("", record) for record in found.records])
