"""One entry for every family: which judgements apply is decided by what the model answers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from genlatent.data.dataset import Dataset
from genlatent.distributions.supports import check
from genlatent.errors import RecipeError
from genlatent.evaluation import annealed, chains, classification, likelihood, reconstruction
from genlatent.evaluation.also import also_judged
from genlatent.evaluation.collapse import ACTIVE, active_records
from genlatent.evaluation.disentanglement.scores import disentanglement
from genlatent.evaluation.record import Record
from genlatent.evaluation.refined import latent_bounds
from genlatent.evaluation.row_scores import LIKELIHOOD, RowScores
from genlatent.evaluation.verbs import overridden
from genlatent.model import Model, within_numbers
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
            predictive checks, calibration) and the `sides` of the likelihood by annealing in z; the `representation`
            that codes are: probes by labels shown, intrinsic dimension, compression.
    """
    return judge(model, data, samples=samples, seed=seed, effort=effort, state=state, also=also).records


class Judgement(NamedTuple):
    """Records, and the numbers behind them row by row as far as they would cost as much to find again."""

    records: list[Record]
    rows: dict[str, RowScores]


def judge(
    model: Model,
    data: Dataset,
    *,
    samples: int = 500,
    seed: int = 0,
    effort: tuple[int, int] = (annealed.RUNS, annealed.STEPS),
    state: Mapping[str, Tensor] | None = None,
    also: Sequence[str] = (),
) -> Judgement:
    """What :func:`evaluate` finds, with the numbers behind it for each row."""
    if samples < 1:
        raise RecipeError(f"samples must be at least 1, got {samples}")
    model.check_weights()
    x = model.shaped(data.test)
    check(x, model.support, f"{data.title} (test) under {type(model).__name__}", missing=data.missing)
    training = model.training
    model.eval()
    try:
        with within_numbers(f"{type(model).__name__} judged on {data.title}"):
            y = None if data.labels is None else data.labels.test
            told = y if model.conditional else None
            likely, rows = _likelihood(model, x, told, data, samples, seed, effort, state)
            found = [*likely, *_judgements(model, x, y, samples, seed)]
            found += active_records(model, x, told)
            asked = also_judged(model, data, x, told, also, samples=samples, seed=seed)
            found += [record for record in asked if not record.metric.startswith(ACTIVE)]  # known already, of more rows
    finally:
        model.train(training)
    return Judgement([replace(record, data=data.title, binarisation=data.binarisation) for record in found], rows)


def _likelihood(
    model: Any,
    x: Tensor,
    y: Tensor | None,
    data: Dataset,
    samples: int,
    seed: int,
    effort: tuple[int, int],
    state: Mapping[str, Tensor] | None,
) -> Judgement:
    """As far as the family has one."""
    if hasattr(model, "log_weights"):
        generator = stream(seed, devices.of(model), name="importance")
        bounds = latent_bounds(model, x, samples=samples, generator=generator, y=y)
        return Judgement(bounds.records, {LIKELIHOOD: RowScores.of(bounds)})
    if hasattr(model, "bits_per_dimension"):
        return Judgement(likelihood.code_bound(model, x), {})
    if annealed.has_normaliser(model):
        return Judgement(_of_energy(model, x, data, seed, effort, state), {})
    return Judgement([], {})


def _of_energy(
    model: Any, x: Tensor, data: Dataset, seed: int, effort: tuple[int, int], state: Mapping[str, Tensor] | None
) -> list[Record]:
    """Annealing back starts at training rows, as far as nothing is missing in them."""
    generator = stream(seed, devices.of(model), name="annealing")
    with drawing_from(generator):
        rows = data.observe(data.glimpse()).to(devices.of(model))
    whole = ~rows.flatten(1).isnan().any(1)
    train, (runs, steps) = rows[whole] if bool(whole.any()) else None, effort
    how: dict[str, Any] = {"runs": runs, "steps": steps, "generator": generator}
    if model.conditional:
        how |= _conditions(data, train, whole)
    return annealed.machine_likelihood(model, x, train, state, **how)


def _conditions(data: Dataset, train: Tensor | None, whole: Tensor) -> dict[str, Tensor | None]:
    """Of the test rows, and of the training rows where all of these are there."""
    if data.labels is None:
        return {"y": None}
    y = data.labels.train
    known = train is not None and y is not None and len(y) == len(whole)
    return {"y": data.labels.test, "train_y": y.to(whole.device)[whole] if known else None}


def _judgements(model: Any, x: Any, y: Any, samples: int, seed: int) -> Iterator[Record]:
    device = devices.of(model)
    told = y if model.conditional else None
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
