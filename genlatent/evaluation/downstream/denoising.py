"""How much noise a model takes away, beside a median filter."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from scipy.ndimage import median_filter
from torch import Tensor

from genlatent.data.dataset import Dataset
from genlatent.errors import DataError
from genlatent.evaluation.likelihood import ROWS_AT_ONCE, Z_95
from genlatent.evaluation.record import Record
from genlatent.numerics.randomness import drawing_from, stream
from genlatent.training.fit import fitting

WINDOW = 3  # pixels on a side of the median filter


class Gain(NamedTuple):
    """In decibels, and where it lies with 95 % confidence."""

    value: float
    sides: tuple[float, float] | None


def gain(before: Float[Tensor, " _"], after: Float[Tensor, " _"]) -> Gain:
    r"""How much smaller the squared error has become, from the errors of the same rows before and after,

    .. math:: 10 \log_{10} \frac{\sum_n e_n}{\sum_n e'_n}

    with an interval from the variance of :math:`e_n / \bar e - e'_n / \bar e'` over rows.

    >>> gain(torch.tensor([100.0, 100.0]), torch.tensor([10.0, 10.0])).value
    10.0
    """
    a, b = before.double(), after.double()
    if not float(a.sum()) > 0:
        raise DataError("nothing was spoiled, so no noise can be taken away")
    if float(b.sum()) == 0:
        return Gain(math.inf, None)
    value = 10 * math.log10(float(a.sum() / b.sum()))
    if len(a) < 2:
        return Gain(value, None)
    half = Z_95 * 10 / math.log(10) * float((a / a.mean() - b / b.mean()).std()) / math.sqrt(len(a))
    return Gain(value, (value - half, value + half))


def denoising(
    model: Any, data: Dataset, corruption: Callable[[Tensor], Tensor], *, name: str = "", seed: int = 0
) -> list[Record]:
    """Gain over the noisy test rows in decibels, of the model and, on images, of a median filter of 3 x 3 pixels.

    Args:
        model: with `denoise`, or `reconstruct` which is taken otherwise.
        data: its test rows are spoiled.
        corruption: how; one of `data.corruptions`, or any callable. What it gives must lie where the model takes rows.
        name: what the noise is called; its class and settings unless given.
        seed: of the noise.
    """
    clean = fitting(model, data).test
    with drawing_from(stream(seed, clean.device, name="noise")):
        noisy = corruption(clean)
    before, found = _errors(noisy, clean), []
    for method, clean_up in _ways(model, clean).items():
        cleaned = torch.cat([clean_up(part) for part in noisy.split(ROWS_AT_ONCE)])
        found.append(_record(gain(before, _errors(cleaned, clean)), f"{method}; {name or corruption}", data))
    return found


def median_filtered(x: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch channel height width"]:
    """Each pixel replaced by the median of the 3 x 3 about it; beyond the border the nearest pixel counts."""
    window = (1, 1, WINDOW, WINDOW)
    return torch.from_numpy(np.asarray(median_filter(x.numpy(force=True), size=window, mode="nearest"))).to(x)


def _ways(model: Any, x: Tensor) -> dict[str, Callable[[Tensor], Tensor]]:
    own = {type(model).__name__: model.denoise if hasattr(model, "denoise") else model.reconstruct}
    return {**own, "median filter, 3 x 3": median_filtered} if x.dim() == 4 and min(x.shape[2:]) >= WINDOW else own


def _errors(x: Tensor, clean: Tensor) -> Tensor:
    return (x - clean).flatten(1).square().nansum(1)


def _record(found: Gain, method: str, data: Dataset) -> Record:
    where = {"rows": len(data.test), "data": data.title, "binarisation": data.binarisation}
    return Record("denoising gain", found.value, method, unit="dB", interval=found.sides, **where)
