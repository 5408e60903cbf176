"""What a model is told beside x: classes, values, or a part of x itself."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, one_hot

from genlatent.errors import DataError, RecipeError
from genlatent.networks.base import Network, Sizes, size, xavier
from genlatent.networks.split import width


class Condition(nn.Module):
    """One kind of condition y: what it is for given rows, and how a network's first layer takes it."""

    within = False  # whether y is a part of x, so that whoever sees x sees y

    def bind(self, event_shape: torch.Size) -> None:
        """Meet the shape of one x."""

    def of(self, x: Tensor | None, y: Any) -> Tensor:
        """The condition of each row, from the rows or from what stands beside them."""
        raise NotImplementedError

    def check(self, y: Tensor) -> None:
        """Refuse conditions that were not declared."""

    def unseen(self) -> Tensor | None:
        """Which cells of x are left to be modelled; None for all of them."""
        return None

    @property
    def num_features(self) -> int:
        """How many numbers stand for one condition."""
        raise NotImplementedError

    def features(self, y: Tensor) -> Tensor:
        """`(*batch, num_features)`: the condition as numbers."""
        raise NotImplementedError

    def term(self, network: nn.Module) -> nn.Module:
        """Maps conditions to what this network is told: :math:`W_y y`, or their features for one from elsewhere."""
        return Linear(self, width(network)) if isinstance(network, Network) else Features(self)


class Labels(Condition):
    """One label or several for each row, each of a known number of classes; whole numbers from 0.

    Args:
        classes: how many there are: a number, or one for each label.

    >>> Labels((2, 3)).features(torch.tensor([[1, 0]]))
    tensor([[0., 1., 1., 0., 0.]])
    """

    def __init__(self, classes: int | Sequence[int]):
        super().__init__()
        self.classes = classes if isinstance(classes, int) else tuple(classes)
        if not self.counts or min(self.counts) < 2:
            raise ValueError(f"classes must be at least 2, got {classes}")

    @property
    def counts(self) -> tuple[int, ...]:
        """Classes of each label."""
        return (self.classes,) if isinstance(self.classes, int) else self.classes

    @property
    def num_features(self) -> int:
        """One for each class of each label."""
        return sum(self.counts)

    def of(self, x: Tensor | None, y: Any) -> Tensor:
        """The labels, `(n,)`, or `(n, k)` for several."""
        if y is None:
            raise DataError("the model is conditioned on labels, and the rows have none; give y, one for each row")
        if len(self.counts) == 1 and y.dim() == 2 and y.shape[1] == 1:
            return y.squeeze(1)
        return y

    def check(self, y: Tensor) -> None:
        """Refuse anything but declared classes."""
        shape = () if len(self.counts) == 1 else (len(self.counts),)
        if tuple(y.shape[1:]) != shape:
            raise DataError(f"{len(self.counts)} labels for each row were declared, these have shape {tuple(y.shape)}")
        refuse_undeclared(y.reshape(len(y), -1), self.counts)

    def features(self, y: Tensor) -> Tensor:
        """Ones at the classes."""
        parts = (y,) if len(self.counts) == 1 else y.unbind(-1)
        return torch.cat([one_hot(part, n) for part, n in zip(parts, self.counts)], -1).to(torch.get_default_dtype())

    def term(self, network: nn.Module) -> nn.Module:
        """A row of weights for each class: no product at all."""
        return Embedding(self.counts, width(network)) if isinstance(network, Network) else Features(self)


class Values(Condition):
    """Numbers beside each row: continuous conditions, or a whole image.

    Args:
        shape: of one condition.
    """

    def __init__(self, shape: Sizes):
        super().__init__()
        self.shape = shape if isinstance(shape, int) else tuple(shape)
        size(self.shape, "shape")

    @property
    def num_features(self) -> int:
        """The values of one condition."""
        return size(self.shape).numel()

    def of(self, x: Tensor | None, y: Any) -> Tensor:
        """The values, flat."""
        if y is None:
            raise DataError("the model is conditioned on values, and the rows have none; give y, one for each row")
        if y[0].numel() != self.num_features:
            raise DataError(f"conditions have shape {tuple(size(self.shape))}, these have shape {tuple(y.shape[1:])}")
        return y.reshape(len(y), -1).to(torch.get_default_dtype() if x is None else x.dtype)

    def check(self, y: Tensor) -> None:
        """Refuse what is no finite number."""
        if not bool(torch.isfinite(y).all()):
            raise DataError("conditions must be finite numbers; fill what is missing")

    def features(self, y: Tensor) -> Tensor:
        """The values themselves."""
        return y


class Quadrants(Condition):
    """A part of the image itself: the model learns to complete the rest.

    Args:
        observed: 1 for the lower left quadrant, 2 for the left half, 3 for all but the upper right quadrant.

    References:
        Learning structured output representation using deep conditional generative models (Sohn et al., 2015)

    >>> quadrants = Quadrants(1)
    >>> quadrants.bind(torch.Size([1, 2, 2]))
    >>> quadrants.of(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), None)
    tensor([[3.]])
    """

    within = True
    seen: Tensor
    places: Tensor

    def __init__(self, observed: int = 1):
        super().__init__()
        if observed not in (1, 2, 3):
            raise ValueError(f"observed must be 1, 2 or 3 quadrants, got {observed}")
        self.observed = observed

    def bind(self, event_shape: torch.Size) -> None:
        """Find the cells that are seen."""
        if len(event_shape) != 3 or min(event_shape[1:]) < 2:
            raise RecipeError(f"quadrants are of images (channels, height, width), not of {tuple(event_shape)}")
        self.register_buffer("seen", quadrants(event_shape, self.observed), persistent=False)
        self.register_buffer("places", self.seen.flatten().nonzero().squeeze(1), persistent=False)

    @property
    def num_features(self) -> int:
        """The cells that are seen."""
        return len(self.places)

    def of(self, x: Tensor | None, y: Any) -> Tensor:
        """The cells that are seen, flat, of rows of images."""
        images = y if x is None else x
        if images is None:
            raise DataError("the model completes images, and there are none; give x with NaN where it shall be drawn")
        if x is None and tuple(images.shape[1:]) == (self.num_features,):
            return images
        if images[0].numel() != self.seen.numel():
            raise DataError(
                f"the model completes images of shape {tuple(self.seen.shape)}, not {tuple(images.shape[1:])}"
            )
        return images.flatten(1).index_select(1, self.places)

    def check(self, y: Tensor) -> None:
        """Refuse gaps in what should be seen."""
        if bool(y.isnan().any()):
            raise DataError(f"the model was trained to see {self.observed} of 4 quadrants; NaN stands in one of them")

    def unseen(self) -> Tensor:
        """The cells that are drawn."""
        return ~self.seen

    def features(self, y: Tensor) -> Tensor:
        """The cells themselves."""
        return y


def quadrants(event_shape: Sequence[int], observed: int) -> Tensor:
    """Which cells of an image belong to the first quadrants: lower left, upper left, lower right.

    >>> quadrants((1, 2, 2), 3).int()
    tensor([[[1, 0],
             [1, 1]]], dtype=torch.int32)
    """
    channels, height, width = event_shape
    below = torch.arange(height) >= height // 2
    left = torch.arange(width) < width // 2
    below, left = below[:, None].expand(height, width), left[None].expand(height, width)
    seen = {1: below & left, 2: left, 3: left | below}[observed]
    return seen.expand(channels, height, width).clone()


class Embedding(nn.Module):
    """The sum of one learned vector for each label: one-hot labels times a matrix, without the product."""

    offsets: Tensor

    def __init__(self, counts: Sequence[int], width: int):
        super().__init__()
        self.counts, self.width = tuple(counts), width
        bound = math.sqrt(6 / (sum(counts) + width))
        self.weight = nn.Parameter(torch.empty(sum(counts), width).uniform_(-bound, bound))
        starts = [sum(self.counts[:place]) for place in range(len(self.counts))]
        self.register_buffer("offsets", torch.tensor(starts), persistent=False)

    def forward(self, y: Tensor) -> Tensor:
        """`(*batch)` or `(*batch, k)` -> `(*batch, width)`."""
        if len(self.counts) == 1:
            return embedding(y, self.weight)
        return embedding(y + self.offsets, self.weight).sum(-2)


class Linear(nn.Module):
    """Features times a matrix, without offset: the first layer has one already."""

    def __init__(self, condition: Condition, width: int):
        super().__init__()
        self.layer = xavier(nn.Linear(condition.num_features, width, bias=False))

    def forward(self, y: Tensor) -> Tensor:
        """`(*batch, num_features)` -> `(*batch, width)`."""
        return self.layer(y)


class Features(nn.Module):
    """The features as they are, for a module from elsewhere."""

    def __init__(self, condition: Condition):
        super().__init__()
        self.read = condition.features

    def forward(self, y: Tensor) -> Tensor:
        """`(*batch, num_features)`."""
        return self.read(y)


def refuse_undeclared(columns: Tensor, counts: Sequence[int], *, unlabelled: bool = False) -> None:
    """Refuse labels `(n, k)` that are no declared class; -1 stands for no label where that is allowed."""
    for place, count in enumerate(counts):
        labels = columns[:, place]
        if labels.is_floating_point() and not bool((labels == labels.floor()).all()):
            raise DataError("labels are whole numbers from 0; these have fractions or NaN")
        bad = (labels >= count) | (labels < (-1 if unlabelled else 0))
        if bool(bad.any()):
            row = int(bad.nonzero()[0])
            found = int(labels[row])
            hint = "; -1 marks rows without a label, which a semi-supervised model takes" if found == -1 else ""
            raise DataError(
                f"label {found} in row {row} is none of the {count} declared classes 0 to {count - 1}{hint}"
            )
