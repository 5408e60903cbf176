"""All disentanglement scores of a model on data whose factors are known, as records."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from genlatent.evaluation.classification import wilson
from genlatent.evaluation.disentanglement.gaps import (
    attribute_gap,
    modularity,
    mutual_information_gap,
    total_correlation,
)
from genlatent.evaluation.disentanglement.importance import dci
from genlatent.evaluation.disentanglement.information import Codes, Factors, binned_information
from genlatent.evaluation.disentanglement.interventions import Votes, beta_vae_score, factor_vae_score
from genlatent.evaluation.likelihood import Z_95
from genlatent.evaluation.record import Record
from genlatent.numerics.randomness import stream

ROWS_AT_ONCE = 512
RESAMPLES = 50


def disentanglement(model: Any, x: Tensor, factors: Factors, *, seed: int = 0) -> list[Record]:
    """MIG, FactorVAE and beta-VAE scores, DCI, SAP, modularity and total correlation of the codes of these rows."""
    generator = stream(seed, x.device, name="disentanglement")
    codes = torch.cat([drawn_codes(model, rows, generator) for rows in x.split(ROWS_AT_ONCE)])
    return list(scores(codes, factors, seed=seed))


@torch.no_grad()
def drawn_codes(model: Any, x: Tensor, generator: torch.Generator) -> Codes:
    r"""A draw of :math:`q(z \mid x)` for each row, where a model has one; elsewhere the code itself.

    The mean of a dimension that is not used is a faint copy of what others say, which no scale-free score can tell from
    a message; as a draw it is the noise that the decoder sees.

    References:
        Isolating sources of disentanglement in variational autoencoders (Chen et al., 2018)
    """
    if not hasattr(model, "infer"):
        return model.encode(x).flatten(1)
    with model.asked(generator):
        return model.infer(model.split(x)[0]).sample().flatten(1)


def scores(codes: Codes, factors: Factors, *, seed: int = 0) -> Iterator[Record]:
    """The same of codes that are there already."""
    rows = len(codes)
    information = binned_information(codes, factors)
    value = float(mutual_information_gap(information).mean())
    spread = Z_95 * _spread(codes, factors, seed)
    yield Record(
        "MIG",
        value,
        "20 cells, bootstrap of rows",
        interval=(value - spread, value + spread),
        samples=RESAMPLES,
        rows=rows,
    )
    yield _voted("FactorVAE score", factor_vae_score(codes, factors, seed=seed), rows)
    yield _voted("beta-VAE score", beta_vae_score(codes, factors, seed=seed), rows)
    found = dci(codes, factors, seed=seed)
    for name, score in found._asdict().items():
        yield Record(f"DCI {name}", score, "random forests", rows=rows)
    yield Record("SAP", float(attribute_gap(codes, factors).mean()), "squared correlations", rows=rows)
    yield Record("modularity", float(modularity(information)), "20 cells", rows=rows)
    yield Record(
        "total correlation", float(total_correlation(codes)), "of a normal with these moments", "nats", rows=rows
    )


def _voted(name: str, votes: Votes, rows: int) -> Record:
    interval = wilson(votes.hits, votes.total)
    return Record(name, votes.share, "share of votes", interval=interval, samples=votes.total, rows=rows)


def _spread(codes: Codes, factors: Factors, seed: int) -> float:
    """Standard error of MIG, were other rows drawn."""
    generator = torch.Generator().manual_seed(seed)
    found = []
    for _ in range(RESAMPLES):
        pick = torch.randint(len(codes), (len(codes),), generator=generator).to(codes.device)
        found.append(mutual_information_gap(binned_information(codes[pick], factors[pick])).mean())
    return float(torch.stack(found).std())
