"""Greedy layer-wise training: each layer learns the codes of the layer below it, which then stays as it is."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genlatent.data.binarise import binarised
from genlatent.data.dataset import Dataset
from genlatent.distributions.supports import guess
from genlatent.model import Model
from genlatent.numerics.randomness import drawing_from, stream
from genlatent.training.fit import History, fit

ROWS = 4096  # encoded at a time


def fit_greedily(
    layers: Sequence[Model],
    data: Dataset,
    *,
    each: Sequence[Mapping[str, Any]] = (),
    run: str | Path | None = None,
    **options: Any,
) -> list[History]:
    """Train a stack from the data upwards: of autoencoders, of RBMs, of anything that encodes.

    Args:
        layers: from the data upwards; each takes rows as long as the codes of the one below.
        data: what the first layer learns.
        each: options of :func:`fit` for single layers, in their order, over those for all.
        run: a folder in which each layer gets a run folder of its own, `layer-1`, `layer-2`, ...
        options: passed on to :func:`fit`; with `resume=True` finished layers are read and not trained again.

    References:
        A Fast Learning Algorithm for Deep Belief Nets (Hinton, Osindero and Teh, 2006)
    """
    if len(each) > len(layers):
        raise ValueError(f"each has options for {len(each)} layers, there are {len(layers)}")
    histories = []
    for number, layer in enumerate(layers):
        own = dict(each[number]) if number < len(each) else {}
        folder = None if run is None else Path(run) / f"layer-{number + 1}"
        histories.append(fit(layer, data, run=folder, **{**options, **own}))
        if histories[-1].stopped is not None and "improved" not in histories[-1].stopped:
            break  # the user asked to stop
        if number + 1 < len(layers):
            data = coded(data, layer, layers[number + 1], name=f"{data.name}, codes of layer {number + 1}")
    return histories


def coded(
    data: Dataset, model: Model, above: Model | None = None, *, name: str | None = None, seed: int = 0
) -> Dataset:
    """The codes of a data set's rows as a data set; under a binary model above they are drawn as fresh bits.

    Args:
        data: whose rows are encoded.
        model: encodes.
        above: what the codes are for; hidden means become dynamic bits where it takes bits only.
        name: of the codes.
        seed: of the bits that dynamic data are seen as, and of those that the held-out codes become.
    """
    rows = data.train if isinstance(data.train, Tensor) else data.glimpse(len(data.train))
    with torch.no_grad(), drawing_from(stream(seed, rows.device, name="codes")):
        seen = data.observe(rows)
        train, valid, test = (
            torch.cat([model.encode(part) for part in x.split(ROWS)]).flatten(1).detach()
            for x in (seen, data.valid, data.test)
        )
    made = replace(
        data,
        train=train,
        valid=valid,
        test=test,
        shape=train.shape[1:],
        support=guess(torch.cat((train, valid, test))),
        name=name or f"{data.name}, coded",
        binarisation="none",
        missing=False,
        columns=(),
        categories={},
        integers=(),
        standards=(),
    )
    bits = above is not None and above.support == "binary" and made.support != "binary"
    return binarised(made, "dynamic", seed) if bits else made
