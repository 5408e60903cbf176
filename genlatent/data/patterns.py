"""Patterns few enough to be written out, so that a model's distribution can be compared with the whole of them."""

import torch
from torch import Tensor

from genlatent.data.dataset import Dataset
from genlatent.errors import DataError

LARGEST = 14  # 32,766 patterns


def bars_and_stripes(*, size: int = 4) -> Dataset:
    r"""All :math:`2^{s+1} - 2` images of s by s bits whose rows are constant, or whose columns are.

    Training, validation and test are the same set: the question is whether a model puts all its probability there.

    References:
        Information Theory, Inference and Learning Algorithms (MacKay, 2003), section 43
    """
    if not 2 <= size <= LARGEST:
        raise DataError(f"bars-and-stripes: size is 2 to {LARGEST}, got {size}")
    lines = bits_of(size)
    stripes = lines.unsqueeze(2).expand(-1, size, size)
    x = torch.cat([stripes, stripes.transpose(1, 2)[1:-1]]).unsqueeze(1).contiguous()
    name = "bars-and-stripes" if size == 4 else f"bars-and-stripes-{size}x{size}"
    return Dataset(x, x, x, x.shape[1:], "binary", name)


def bits_of(width: int) -> Tensor:
    """All rows of so many bits, in counting order.

    >>> bits_of(2).tolist()
    [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    """
    numbers = torch.arange(2**width).unsqueeze(1)
    return ((numbers >> torch.arange(width - 1, -1, -1)) & 1).float()
