"""What a report shows of one model; each function answers None where its family has no such thing."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genlatent.errors import DataError, GenlatentError, Unsupported
from genlatent.evaluation.chains import run_chains
from genlatent.evaluation.filters import first_filters
from genlatent.evaluation.latents import latent_use
from genlatent.evaluation.record import table as record_table
from genlatent.evaluation.verbs import overridden
from genlatent.evaluation.walks import interpolations, traversals
from genlatent.latent.base import LatentModel
from genlatent.numerics import devices
from genlatent.numerics.randomness import stream
from genlatent.plots.chains import chain_panels
from genlatent.plots.curves import loss_curves
from genlatent.plots.filters import filter_grid
from genlatent.plots.grids import as_images, image_grid
from genlatent.plots.intervals import interval_lines
from genlatent.plots.latents import divergence_bars
from genlatent.plots.reconstructions import reconstruction_rows
from genlatent.plots.walks import interpolation_rows, traversal_grid
from genlatent.plots.writing import COLOURS, new_axes, plain
from genlatent.report.html import Html, joined, tag
from genlatent.report.page import Section, note, pairs, table
from genlatent.report.pictures import picture
from genlatent.report.subject import Subject

DRAWS = 64  # samples shown
SHOWN = 12  # rows that are reconstructed
LINES = 8  # rows of a table
ROWS = 500  # whose codes are looked at
CHAINS, CHAIN_DRAWS, BURN_IN, THIN = 4, 200, 500, 5


def model_section(subject: Subject) -> Section:
    """What it is, and what made it."""
    model = subject.model
    learned = sum(p.numel() for p in model.parameters() if p.requires_grad)
    values = [
        ("model", f"{type(model).__name__}, {model.family}"),
        ("parameters", f"{learned:,}"),
        ("data", repr(subject.data)),
        ("fingerprint", subject.data.fingerprint),
        *subject.facts.items(),
    ]
    structure = tag("details", tag("summary", "structure"), tag("pre", repr(model)))
    return Section("Model and environment", joined(pairs(values), structure))


def curve_section(subject: Subject) -> Section | None:
    """The loss over epochs."""
    known = {name for row in subject.history for name in row}
    shown = [name for name in ("loss", "valid/loss") if name in known]
    if not shown:
        return None
    if subject.model.family == "energy" and "valid/loss" in known:
        shown = ["valid/loss"]  # the other one is a difference of energies, which says nothing
    return Section("Training", picture(loss_curves(subject.history, names=shown), "loss over epochs"))


def likelihood_section(subject: Subject) -> Section | None:
    """The likelihood with all the sides that it was seen from."""
    found = [one for one in subject.records if one.metric.startswith("log-likelihood") and one.unit == "nats"]
    lower = [one for one in subject.records if one.metric == "evidence lower bound"]
    if not found:
        words = "has no likelihood: it is judged by reconstruction only."
        is_one = subject.model.family == "autoencoder" and subject.records
        return Section("Likelihood", note(f"{type(subject.model).__name__} {words}")) if is_one else None
    shown = [*found, *lower]
    drawn = picture(
        interval_lines([one.metric for one in shown], shown),
        "log-likelihood in nats with 95 % intervals",
        "Squares are doubtful numbers, crosses failed ones; a triangle points to where the truth lies.",
    )
    return Section("Likelihood", drawn)


def record_section(subject: Subject) -> Section | None:
    """Every judged number."""
    if not subject.records:
        return None
    header, *rows = record_table(list(subject.records))
    told = ("data", "reason")  # below, where there is room for sentences
    kept = [i for i, name in enumerate(header) if name not in told]
    shown = table([tuple(row[i] for i in kept) for row in (header, *rows)])
    on = dict.fromkeys(record.data for record in subject.records if record.data)
    reasons = [note(f"{record.metric}: {record.reason}") for record in subject.records if record.reason]
    return Section("Judgements", joined(note(f"On {', and on '.join(on)}.") if on else "", shown, *reasons))


def sample_section(subject: Subject) -> Section | None:
    """Draws from the model, beside the data where both are images."""
    drawn = samples(subject, "drawn from the model")
    if drawn is None:
        return None
    return Section("Samples", tag("div", drawn, real_rows(subject), class_="beside") if pictured(subject) else drawn)


def samples(subject: Subject, name: str) -> Html | None:
    """Draws as pictures, points or lines of a table; None from a model that cannot be drawn from."""
    model: Any = subject.model
    if not overridden(model, "sample") or model.conditional:
        return None
    try:
        x = model.sample(DRAWS, generator=_stream(subject, "sample"))
    except Unsupported:
        return None
    if pictured(subject):
        return picture(image_grid(_shown(x)), f"images {name}", name)
    if subject.data.shape.numel() == 2:
        return picture(_points(subject, x), "points drawn from the model over held-out ones", name)
    return joined(_lines(subject, x), note(name))


def real_rows(subject: Subject) -> Html:
    """Images of the data that the model has not seen."""
    x = subject.model.shaped(subject.data.test[:DRAWS])
    return picture(image_grid(_shown(x)), "real images", "real rows, held out")


def reconstruction_section(subject: Subject) -> Section | None:
    """Held-out rows above what the model makes of them."""
    drawn = reconstructed(subject, "Above held-out rows, below what comes back.")
    return None if drawn is None else Section("Reconstructions", drawn)


def reconstructed(subject: Subject, name: str) -> Html | None:
    """The picture alone."""
    model: Any = subject.model
    answers = overridden(model, "encode") or overridden(model, "reconstruct")
    if model.conditional or not pictured(subject) or not answers:
        return None
    x = model.shaped(subject.data.test[:SHOWN])
    figure = reconstruction_rows(_shown(x), _shown(model.reconstruct(x)), columns=SHOWN)
    return picture(figure, "held-out rows above, their reconstructions below", name)


def walk_section(subject: Subject) -> Section | None:
    """Walks through the codes of a latent-variable model or an autoencoder."""
    model: Any = subject.model
    if model.family not in ("latent", "autoencoder") or not pictured(subject):
        return None
    try:
        x = model.shaped(subject.data.test[:ROWS])
        along = traversals(model, x)
        ends = x[: 2 * min(4, len(x) // 2)].chunk(2) if len(x) > 1 else (x, x)
        between = interpolations(model, *ends, steps=7)
    except (Unsupported, NotImplementedError):
        return None
    figures = (
        picture(
            traversal_grid(along.numpy(force=True)),
            "one value of the code changed along each line",
            "Each line changes one value of a row's code, those that vary most above.",
        ),
        picture(
            interpolation_rows(_shown(ends[0]), between.numpy(force=True), _shown(ends[1])),
            "from one row's code to another's",
            "From one held-out row (left) to another (right), along the straight line between their codes.",
        ),
    )
    return Section("Walks through the codes", tag("div", *figures, class_="beside"))


def code_section(subject: Subject) -> Section | None:
    """What each dimension of the code carries."""
    model = subject.model
    if not isinstance(model, LatentModel) or model.conditional:
        return None
    try:
        use = latent_use(model, model.shaped(subject.data.test[:ROWS]), generator=_stream(subject, "codes"))
    except (GenlatentError, KeyError):
        return None
    same = len(use.divergence) == len(use.variance)
    bars = divergence_bars(use.divergence.numpy(force=True), use.variance.numpy(force=True) if same else None)
    return Section("Use of the code", picture(bars, "divergence from the prior, dimension by dimension"))


def filter_section(subject: Subject) -> Section | None:
    """What the units next to the data look for."""
    try:
        weights = first_filters(subject.model)
    except Unsupported:
        return None
    if not pictured(subject):
        return None
    order = weights.flatten(1).norm(dim=1).argsort(descending=True)[:100]
    grid = filter_grid(weights[order].numpy(force=True))
    caption = f"{len(order)} of {len(weights)} units by the size of their weights; grey is 0."
    return Section("Filters", picture(grid, "weights of units as images", caption))


def chain_section(subject: Subject) -> Section | None:
    """Whether fresh chains agree."""
    model: Any = subject.model
    if not hasattr(model, "trace") or model.conditional:
        return None
    how: dict[str, Any] = {"chains": CHAINS, "draws": CHAIN_DRAWS, "burn_in": BURN_IN, "thin": THIN}
    draws = run_chains(model, generator=_stream(subject, "chains"), **how)
    figure = chain_panels(draws["free_energy"].numpy(force=True), name="free energy")
    text = (
        f"{CHAINS} fresh chains, a draw every {THIN} steps after {BURN_IN}; the verdict on them is that of R-hat above."
    )
    return Section("Chains", picture(figure, "free energy of chains: traces, ranks, autocorrelation", text))


SECTIONS: tuple[Callable[[Subject], Section | None], ...] = (
    model_section,
    likelihood_section,
    record_section,
    curve_section,
    sample_section,
    reconstruction_section,
    walk_section,
    code_section,
    filter_section,
    chain_section,
)


def pictured(subject: Subject) -> bool:
    """Whether rows are images."""
    try:
        as_images(np.zeros((1, *subject.model.event_shape)))
    except DataError:
        return False
    return len(subject.model.event_shape) > 1


def _shown(x: Tensor) -> np.ndarray:
    return x.numpy(force=True)


def _stream(subject: Subject, name: str) -> torch.Generator:
    return stream(subject.seed, devices.of(subject.model), name=name)


def _points(subject: Subject, x: Tensor) -> Any:
    axes = new_axes(5.0, 5.0)
    for rows, colour, name in ((subject.data.test, "0.7", "held out"), (x, COLOURS[0], "drawn")):
        axes.scatter(*rows.flatten(1).numpy(force=True).T, s=6, color=colour, label=name)
    axes.legend(frameon=False)
    return plain(axes)


def _lines(subject: Subject, x: Tensor) -> Html:
    columns = subject.data.restore(x[:LINES].reshape(-1, *subject.data.shape)).columns
    return table([tuple(columns), *zip(*([_text(value) for value in column.tolist()] for column in columns.values()))])


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)
