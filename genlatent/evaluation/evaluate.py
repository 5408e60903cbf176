"""One entry for every family: which judgements apply is decided by what the model answers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from genlatent.data.dataset import Dataset
from genlatent.distributions.supports import check
from genlatent.errors import RecipeError
from genlatent.evaluation import annealed, chains, classification, likelihood, reconstruction
from genlatent.evaluation.also import also_judged
from genlatent.evaluation.disentanglement.scores import disentanglement
from genlatent.evaluation.record import Record
from genlatent.model import Model
from genlatent.numerics import devices
from genlatent.numerics.randomness import drawing_from, stream

FACTOR_ROWS = 2000  # test rows whose codes are compared with the factors that made them


def evaluate(
    model: Model,
    data: Dataset,
    *,
    samples: int = 500,
    seed: int = 0,
    effort: tuple[int, int] = (annealed.RUNS, annealed.STEPS),
    state: Mapping[str, Tensor] | None = None,
    also: Sequence[str] = (),
) -> list[Record]:
    """Judge a model on the test rows of a data set; no weight moves, and nobody else's random numbers do.

    Args:
        model: of any family, on the device where `data` are.
        data: its test rows are judged; its title stands in every record.
        samples: importance samples for each row, or draws of each chain.
        seed: of every draw.
        effort: runs and steps of annealing, where a machine's partition function has to be estimated.
        state: persistent chains of the training by layer, from which annealing starts as well.
        also: what is slow and done on request: `quality` of samples; of latent models the `guide` (collapse,
            predictive checks, calibration) and the `sides` of the likelihood by annealing in z.
    """
    if samples < 1:
        raise RecipeError(f"samples must be at least 1, got {samples}")
    x = model.shaped(data.test)
    check(x, model.support, f"{data.title} (test) under {type(model).__name__}", missing=data.missing)
    training = model.training
    model.eval()
    try:
        y = None if data.labels is None else data.labels.test
        found = list(_judgements(model, x, y, samples, seed, lambda: _likelihood(model, x, data, seed, effort, state)))
        told = y if model.conditional else None
        found += also_judged(model, data, x, told, also, samples=samples, seed=seed)
    finally:
        model.train(training)
    return [replace(record, data=data.title, binarisation=data.binarisation) for record in found]


def _likelihood(
    model: Any, x: Tensor, data: Dataset, seed: int, effort: tuple[int, int], state: Mapping[str, Tensor] | None
) -> list[Record]:
    """Of a machine; annealing back starts at training rows, as far as nothing is missing in them."""
    generator = stream(seed, devices.of(model), name="annealing")
    with drawing_from(generator):
        rows = data.observe(data.glimpse()).to(devices.of(model))
    rows = rows[~rows.flatten(1).isnan().any(1)]
    runs, steps = effort
    train = rows if len(rows) else None
    return annealed.machine_likelihood(model, x, train, state, runs=runs, steps=steps, generator=generator)


def _judgements(
    model: Any, x: Any, y: Any, samples: int, seed: int, of_machine: Callable[[], list[Record]]
) -> Iterator[Record]:
    device = devices.of(model)
    told = y if model.conditional else None
    if hasattr(model, "log_weights"):
        generator = stream(seed, device, name="importance")
        yield from likelihood.importance_bound(model, x, samples=samples, generator=generator, y=told)
    elif hasattr(model, "bits_per_dimension"):
        yield from likelihood.code_bound(model, x)
    elif hasattr(model, "log_partition_exact") and not model.conditional:
        yield from of_machine()
    if hasattr(model, "trace") and not model.conditional:
        draws = chains.run_chains(model, draws=samples, generator=stream(seed, device, name="chains"))
        yield from chains.diagnosis(draws)
    if overridden(model, "encode") or overridden(model, "reconstruct"):
        yield reconstruction.squared_error(model, x, told)
    if hasattr(model, "predict") and y is not None and y.dim() == 1 and bool((y >= 0).any()):
        yield classification.accuracy(model, x, y)
    factors = factors_of(y)
    if factors is not None and not model.conditional and overridden(model, "encode"):
        known = (factors >= 0).all(1)
        yield from disentanglement(model, x[known][:FACTOR_ROWS], factors[known][:FACTOR_ROWS], seed=seed)


def overridden(model: Model, verb: str) -> bool:
    """Whether the model's class answers a verb that not every model has."""
    return getattr(type(model), verb) is not getattr(Model, verb)


def factors_of(y: Tensor | None) -> Tensor | None:
    """The columns of the labels that are whole numbers and change, where there are several.

    >>> import torch
    >>> factors_of(torch.tensor([[0, 1, 5], [1, 0, 5]])).tolist()
    [[0, 1], [1, 0]]
    """
    if y is None or y.dim() != 2 or y.is_floating_point():
        return None
    known = (y >= 0).all(1)
    changing = (y[known].amax(0) > y[known].amin(0)) if bool(known.any()) else torch.zeros(y.shape[1]).bool()
    return y[:, changing] if int(changing.sum()) > 1 else None
