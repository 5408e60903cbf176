"""The restricted Boltzmann machine of rows given a condition."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from genlatent.energy.enumeration import log_sum
from genlatent.energy.layout import Theta
from genlatent.energy.machine import BoltzmannMachine
from genlatent.energy.pseudo import pseudo_likelihood
from genlatent.energy.units import Unit
from genlatent.errors import DataError, RecipeError
from genlatent.networks.conditions import Condition, Embedding, Labels, Linear
from genlatent.objectives.conditional import ConditionalDivergence
from genlatent.sampling.draws import Draws


class ConditionalRBM(BoltzmannMachine):
    r"""A restricted Boltzmann machine whose biases are shifted by a condition u.

    .. math:: p(v \mid u) \propto \sum_h e^{(b + A u)^\top v + (c + B u)^\top h + v^\top W h}

    For each u it is an RBM with a partition function of its own; nothing is said of p(u). It is trained by
    :class:`~genlatent.objectives.conditional.ConditionalDivergence`.

    Args:
        visible: number of visible units, or the shape of one datum.
        hidden: number of hidden units.
        condition: what u is: `Labels(10)`, or just the number of classes (several numbers for several labels), or
            `Values(shape)` for numbers.
        visible_units: kind of visible unit; `Bernoulli` by default.
        hidden_units: kind of hidden unit; `Bernoulli` by default.
        label_names: what the data call the labels, so that `sample(given={"digit": 3})` knows them.

    References:
        Restricted Boltzmann machines for collaborative filtering (Salakhutdinov, Mnih and Hinton, 2007)

        Two distributed-state models for generating high-dimensional time series (Taylor, Hinton and Roweis, 2011)

    >>> machine = ConditionalRBM(visible=(1, 2, 2), hidden=3, condition=4)
    >>> machine.sample(5, given={"y": 2}, steps=10).shape
    torch.Size([5, 1, 2, 2])
    """

    visible_units: Unit
    hidden_units: Unit
    visible_bias: Tensor
    conditional = True

    def __init__(
        self,
        visible: int | Sequence[int] = 784,
        hidden: int = 500,
        condition: Condition | int | Sequence[int] = 10,
        visible_units: Unit | None = None,
        hidden_units: Unit | None = None,
        label_names: Sequence[str] = (),
    ):
        units = {"visible": visible_units, "hidden": hidden_units}
        super().__init__({"visible": visible, "hidden": hidden}, [("visible", "hidden")], units)
        self.visible, self.hidden = self.layers["visible"], hidden
        self.condition = condition if isinstance(condition, Condition) else Labels(condition)
        self.label_names = tuple(label_names)
        if self.condition.within:
            raise RecipeError(
                "a condition that is a part of x needs no ConditionalRBM: give it to an RBM, NaN elsewhere"
            )
        self.condition.bind(self.event_shape)
        self.conditions = ("x", "hidden", "y", *self.label_names)
        self.visible_condition = _term(self.condition, self.sizes["visible"])
        self.hidden_condition = _term(self.condition, self.sizes["hidden"])
        self._shifts: dict[str, Tensor] = {}

    def objective(self) -> ConditionalDivergence:
        """Contrastive divergence under the rows' own conditions."""
        return ConditionalDivergence()

    def shifts(self, y: Tensor) -> dict[str, Tensor]:
        """A u and B u of each row."""
        y = y.to(self.visible_bias) if y.is_floating_point() else y
        return {"visible": self.visible_condition(y), "hidden": self.hidden_condition(y)}

    def under(self, y: Tensor) -> "ConditionalRBM":
        """This machine with its biases shifted by conditions: one for each chain, or a single one for all."""
        machine = copy.copy(self)
        machine._shifts = self.shifts(y)
        return machine

    def repeated(self, times: int) -> "ConditionalRBM":
        """This machine with every condition so many times in a row, for chains that have as many replicas each."""
        machine = copy.copy(self)
        machine._shifts = {name: s.repeat_interleave(times if len(s) > 1 else 1, 0) for name, s in self._shifts.items()}
        return machine

    def theta(self) -> Theta:
        """The parameters; under conditions a row of biases for each of them."""
        once = {name: shift[0] if len(shift) == 1 else shift for name, shift in self._shifts.items()}
        return shifted(super().theta(), once)

    def told(self, y: Any, rows: int | None = None) -> Tensor:
        """Conditions as a tensor, one for each row, checked."""
        y = torch.as_tensor(y, device=self._device) if y is not None else None
        found = self.condition.of(None, y)
        self.condition.check(found)
        if rows is not None and len(found) != rows:
            raise DataError(f"{len(found)} conditions for {rows} rows; they go row for row")
        return found

    @property
    def _device(self) -> torch.device:
        return next(self.parameters()).device

    def check_labels(self, train: Tensor | None, held_out: Tensor | None = None) -> None:
        """Refuse data without conditions, or with others than were declared."""
        for y in (train, held_out):
            self.condition.check(self.condition.of(None, y))

    def kernel(
        self,
        method: str = "gibbs",
        given: Mapping[str, Any] | None = None,
        temperature: float | Tensor = 1.0,
        **how: Any,
    ) -> Any:
        """What moves chains given y, one condition for all or one for each; as :meth:`BoltzmannMachine.kernel`."""
        name, held = self._told_by(given)
        if name is not None:
            y = torch.as_tensor(held.pop(name), device=self._device)
            single = y.numel() == self._width
            machine = self.under(self._conditions(y, 1 if single else len(y)))
            return super(ConditionalRBM, machine).kernel(method, held, temperature, **how)
        if not self._shifts:
            raise DataError('chains of a ConditionalRBM move under a condition; give one: given={"y": ...}')
        return super().kernel(method, held, temperature, **how)

    def sample(self, n: int, *, given: Mapping[str, Any] | None = None, **how: Any) -> Tensor:
        """`n` draws of x given y, one condition for all or one for each; labels not given are drawn evenly.

        The other arguments are those of :meth:`BoltzmannMachine.sample`.
        """
        self.check_count(n)
        y, rest = self._split(given, n, how.get("generator"))
        return super(ConditionalRBM, self.under(y)).sample(n, given=rest, **how)

    def trace(self, draws: int = 1000, *, chains: int = 4, given: Mapping[str, Any] | None = None, **how: Any) -> Draws:
        """The chains themselves, given y; the other arguments are those of :meth:`BoltzmannMachine.trace`."""
        if not {"y", *self.label_names} & set(given or {}):
            raise DataError('chains under different conditions are not comparable; give one: given={"y": ...}')
        y, rest = self._split(given, chains, how.get("generator"))
        return super(ConditionalRBM, self.under(y)).trace(draws, chains=chains, given=rest, **how)

    def _split(
        self, given: Mapping[str, Any] | None, n: int, generator: torch.Generator | None
    ) -> tuple[Tensor, dict[str, Any]]:
        """The conditions of `n` chains, and whatever else is given."""
        name, held = self._told_by(given)
        if name is not None:
            return self._conditions(held.pop(name), n), held
        if not isinstance(self.condition, Labels):
            raise DataError(f'{type(self).__name__} draws x given y; give it: given={{"y": ...}}')
        counts = self.condition.counts
        drawn = [torch.randint(c, (n,), generator=generator, device=self._device) for c in counts]
        return torch.stack(drawn, 1) if len(counts) > 1 else drawn[0], held

    def _told_by(self, given: Mapping[str, Any] | None) -> tuple[str | None, dict[str, Any]]:
        """Under which name a condition is given, if it is, and everything that is given."""
        held = self.refuse_unknown(given)
        return next((name for name in ("y", *self.label_names) if name in held), None), held

    @property
    def _width(self) -> int:
        """How many numbers one condition is given as."""
        return len(self.condition.counts) if isinstance(self.condition, Labels) else self.condition.num_features

    def _conditions(self, value: Any, n: int) -> Tensor:
        y, width = torch.as_tensor(value, device=self._device), self._width
        if y.numel() == width and (n == 1 or y.dim() == 0 or len(y) != n):
            one = y.reshape(1) if isinstance(self.condition, Labels) and width == 1 else y.reshape(1, *y.shape[-1:])
            return self.told(one)
        return self.told(y, n)

    @torch.no_grad()
    def encode(self, x: Tensor, y: Any = None) -> Float[Tensor, "batch hidden"]:
        r"""Mean of the hidden units, :math:`\sigma(c + B u + v^\top W)` for Bernoulli units."""
        machine = self.under(self.told(y, len(x)))
        return self.hidden_units.mean(machine.field("hidden", {"visible": self.check(x)}))

    @torch.no_grad()
    def decode(self, z: Float[Tensor, "batch hidden"], y: Any = None) -> Tensor:
        r"""Mean of the visible units given hidden ones, :math:`\sigma(b + A u + W h)` for Bernoulli units."""
        machine = self.under(self.told(y, len(z)))
        return self.visible_units.mean(machine.field("visible", {"hidden": z})).reshape(len(z), *self.event_shape)

    def reconstruct(self, x: Tensor, y: Any = None) -> Tensor:
        """The mean of x given its own code and condition."""
        return self.decode(self.encode(x, y), y)

    @torch.no_grad()
    def score(self, x: Tensor, y: Any = None, *, generator: torch.Generator | None = None) -> Float[Tensor, " batch"]:
        """Minus the free energy: log p(x | y) but for a constant that is the same for rows of one condition."""
        return -self.under(self.told(y, len(x))).free_energy(self.check(x))

    def impute(self, x: Tensor, y: Any = None, **how: Any) -> Tensor:
        """The rows with NaN replaced by its conditional mean given y."""
        return super(ConditionalRBM, self.under(self.told(y, len(x)))).impute(x, **how)

    def log_prob(self, x: Tensor, y: Any = None) -> Float64[Tensor, " batch"]:
        """Exact log p(x | y) in nats, where each condition's ln Z can be listed."""
        v, y = self.check(x), self.told(y, len(x))
        out = torch.empty(len(v), dtype=torch.float64, device=v.device)
        for rows, theta in self._by_condition(y):
            out[rows] = log_sum(self, {"visible": v[rows]}, theta=theta) - log_sum(self, {}, theta=theta)
        return out

    def log_partition_exact(self, **how: Any) -> Float64[Tensor, ""]:
        """ln Z under one condition, `machine.under(y).log_partition_exact()`; without any there is none."""
        if any(len(shift) != 1 for shift in self._shifts.values()) or not self._shifts:
            raise DataError("each condition has a ln Z of its own; ask machine.under(y) with a single condition y")
        return super().log_partition_exact(**how)

    def pseudo_likelihood(self, x: Tensor, y: Any = None, *, every: int = 1) -> Float[Tensor, " batch"]:
        r"""Sum over sites of :math:`\log p(v_i \mid v_{-i}, u)`, in nats."""
        v, y = self.check(x), self.told(y, len(x))
        out = torch.empty_like(v[:, 0])
        for rows, theta in self._by_condition(y):
            out[rows] = pseudo_likelihood(self, v[rows], every, theta)
        return out

    def _by_condition(self, y: Tensor) -> list[tuple[Tensor, Theta]]:
        """Each condition's rows and parameters."""
        kinds, kind = y.unique(dim=0, return_inverse=True)
        plain = super().theta()
        found = [{name: s[0] for name, s in self.shifts(kinds[i : i + 1]).items()} for i in range(len(kinds))]
        return [((kind == i).nonzero().squeeze(1), shifted(plain, one)) for i, one in enumerate(found)]


def shifted(theta: Any, shifts: Mapping[str, Tensor]) -> Any:
    """Parameters whose biases are shifted."""
    return theta._replace(biases={name: b + shifts[name] if name in shifts else b for name, b in theta.biases.items()})


def _term(condition: Condition, width: int) -> Embedding | Linear:
    """From a condition to shifts of `width` biases; 0 before training."""
    term = Embedding(condition.counts, width) if isinstance(condition, Labels) else Linear(condition, width)
    torch.nn.init.zeros_(term.weight if isinstance(term, Embedding) else term.layer.weight)  # pyright: ignore[reportArgumentType]
    return term
