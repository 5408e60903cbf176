"""One entry for every family: which judgements apply is decided by what the model answers."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from genlatent.data.dataset import Dataset
from genlatent.distributions.supports import check
from genlatent.errors import RecipeError
from genlatent.evaluation import chains, classification, likelihood, reconstruction
from genlatent.evaluation.record import Record
from genlatent.model import Model
from genlatent.numerics import devices
from genlatent.numerics.randomness import stream


def evaluate(model: Model, data: Dataset, *, samples: int = 500, seed: int = 0) -> list[Record]:
    """Judge a model on the test rows of a data set; no weight moves, and nobody else's random numbers do.

    Args:
        model: of any family, on the device where `data` are.
        data: its test rows are judged; its title stands in every record.
        samples: importance samples for each row, or draws of each chain.
        seed: of every draw.
    """
    if samples < 1:
        raise RecipeError(f"samples must be at least 1, got {samples}")
    x = model.shaped(data.test)
    check(x, model.support, f"{data.title} (test) under {type(model).__name__}", missing=data.missing)
    training = model.training
    model.eval()
    try:
        y = None if data.labels is None else data.labels.test
        found = list(_judgements(model, x, y, samples, seed))
    finally:
        model.train(training)
    return [replace(record, data=data.title, binarisation=data.binarisation) for record in found]


def _judgements(model: Any, x: Any, y: Any, samples: int, seed: int) -> Iterator[Record]:
    device = devices.of(model)
    told = y if model.conditional else None
    if hasattr(model, "log_weights"):
        generator = stream(seed, device, name="importance")
        yield from likelihood.importance_bound(model, x, samples=samples, generator=generator, y=told)
    elif hasattr(model, "log_partition_exact"):
        yield likelihood.machine_likelihood(model, x)
    if hasattr(model, "trace"):
        draws = chains.run_chains(model, draws=samples, generator=stream(seed, device, name="chains"))
        yield from chains.diagnosis(draws)
    if overridden(model, "encode") or overridden(model, "reconstruct"):
        yield reconstruction.squared_error(model, x, told)
    if hasattr(model, "predict") and y is not None and y.dim() == 1 and bool((y >= 0).any()):
        yield classification.accuracy(model, x, y)


def overridden(model: Model, verb: str) -> bool:
    """Whether the model's class answers a verb that not every model has."""
    return getattr(type(model), verb) is not getattr(Model, verb)
