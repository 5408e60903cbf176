"""Tables whose columns are of different kinds."""

from collections.abc import Sequence
from typing import Any

import torch
from pyro.distributions import ExpandedDistribution, constraints
from pyro.distributions.torch_distribution import TorchDistribution
from torch import Tensor, nn

from genlatent.distributions.averages import averaged
from genlatent.distributions.base import Likelihood
from genlatent.distributions.distribution import Distribution
from genlatent.distributions.missing import masked
from genlatent.distributions.supports import names
from genlatent.errors import RecipeError


class Columns(Likelihood):
    r"""One likelihood for each group of columns, :math:`p(x) = \prod_g p_g(x_{C_g})`.

    Args:
        likelihoods: one for each group.
        columns: the numbers of each group's columns, from 0; each column belongs to one group.

    >>> from genlatent.distributions.likelihoods import Bernoulli, Categorical, Gaussian
    >>> table = Columns([Gaussian(), Bernoulli(), Categorical(3)], [[0, 2], [1], [3]])
    >>> table.bind([4])
    >>> table.support, table.num_params(torch.Size([4]))
    (('real', 'binary', 'real', 'categorical:3'), 6)
    """

    def __init__(
        self,
        likelihoods: Sequence[Likelihood],
        columns: Sequence[Sequence[int]],
        event_shape: Sequence[int] | None = None,
    ):
        super().__init__()
        self.likelihoods = tuple(likelihoods)
        self.parts = nn.ModuleList(likelihoods)
        self.columns = tuple(tuple(group) for group in columns)
        if len(self.likelihoods) != len(self.columns):
            raise ValueError(f"{len(self.likelihoods)} likelihoods for {len(self.columns)} groups of columns")
        numbers = sorted(number for group in self.columns for number in group)
        if numbers != list(range(len(numbers))) or not all(self.columns):
            raise ValueError(f"every column belongs to one group, and columns are numbered from 0; got {self.columns}")
        if event_shape is not None:
            self.bind(event_shape)

    def bind(self, event_shape: Sequence[int]) -> None:
        """Fix the number of columns, which the groups have decided already."""
        width = sum(map(len, self.columns))
        if tuple(event_shape) != (width,):
            raise RecipeError(f"Columns speaks of rows of {width} columns, the data's have shape {tuple(event_shape)}")
        super().bind(event_shape)
        for likelihood, group in self._parts():
            likelihood.bind([len(group)])

    def _parts(self) -> list[tuple[Any, tuple[int, ...]]]:
        return list(zip(self.likelihoods, self.columns))

    @property
    def support(self) -> tuple[str, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """One name per column."""
        found = {}
        for likelihood, group in self._parts():
            own = names(likelihood.support)
            found |= dict(zip(group, own if len(own) == len(group) else own * len(group)))
        return tuple(found[number] for number in sorted(found))

    def num_params(self, event_shape: torch.Size) -> int:
        """What the groups need together."""
        return sum(self._widths())

    def _widths(self) -> list[int]:
        return [likelihood.num_params(torch.Size([len(group)])) for likelihood, group in self._parts()]

    def _split(self, params: Tensor) -> list[tuple[Any, Tensor]]:
        return list(zip(self.likelihoods, params.split(self._widths(), -1)))

    def forward(self, params: Tensor) -> Distribution:
        """`params` are those of the first group, then those of the second, and so on."""
        return SideBySide([likelihood(part) for likelihood, part in self._split(params)], self.columns)

    def mean(self, params: Tensor) -> Tensor:
        """The mean of each column, as its likelihood has it."""
        return _in_order([likelihood.mean(part) for likelihood, part in self._split(params)], self.columns)

    def params_at(self, mean: Tensor) -> Tensor | None:
        """Each group's parameters at its own mean; zeros for a group that knows none."""
        found = []
        for (likelihood, group), width in zip(self._parts(), self._widths()):
            params = likelihood.params_at(mean[list(group)])
            found.append(mean.new_zeros(width) if params is None else params)
        return torch.cat(found)


class SideBySide(TorchDistribution):
    """Independent distributions over groups of the last dimension."""

    arg_constraints = {}  # pyright: ignore[reportAssignmentType]
    support = constraints.real_vector  # pyright: ignore[reportAssignmentType]

    def __init__(self, parts: Sequence[Any], columns: Sequence[Sequence[int]]):
        self.parts, self.columns = list(parts), columns
        width = sum(map(len, columns))
        super().__init__(self.parts[0].batch_shape, torch.Size([width]), validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """The sum over groups."""
        return sum(part.log_prob(value[..., list(group)]) for part, group in zip(self.parts, self.columns))  # pyright: ignore

    def where_observed(self, observed: Tensor) -> "SideBySide":
        """The same, where only these cells count."""
        groups = zip(self.parts, self.columns)
        return SideBySide([masked(part, observed[..., list(group)]) for part, group in groups], self.columns)

    @torch.no_grad()
    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Each group's draws, in the order of the columns."""
        return _in_order([part.sample(torch.Size(sample_shape)) for part in self.parts], self.columns)

    @property
    def mean(self) -> Tensor:
        """Each group's mean."""
        return _in_order([part.mean for part in self.parts], self.columns)

    def averaged(self, weights: Tensor) -> Tensor:
        """Each group's average over the first dimension."""
        return _in_order([averaged(part, weights) for part in self.parts], self.columns)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """The same for more rows."""
        shape = torch.Size(batch_shape)
        return self if shape == self.batch_shape else ExpandedDistribution(self, shape)


def _in_order(parts: Sequence[Tensor], columns: Sequence[Sequence[int]]) -> Tensor:
    numbers = [number for group in columns for number in group]
    places = sorted(range(len(numbers)), key=numbers.__getitem__)
    return torch.cat(list(parts), -1)[..., places]
