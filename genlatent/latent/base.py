"""What every latent-variable model is: a model and a guide, two Pyro programs over the same rows."""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import pyro
import torch
from jaxtyping import Float64
from pyro import poutine
from pyro.params.param_store import param_with_module_name
from torch import Tensor, nn

from genlatent.errors import DataError
from genlatent.latent import imputation
from genlatent.model import Model
from genlatent.networks.wiring import at_rest
from genlatent.numerics import devices
from genlatent.numerics.logspace import log_mean_exp
from genlatent.numerics.matmul import choose, fast_matmul
from genlatent.numerics.randomness import drawing_from, stream
from genlatent.objectives.elbo import ELBO
from genlatent.objectives.messengers import apart
from genlatent.objectives.pyro_terms import terms

ROWS_AT_ONCE = 8192  # rows times draws that one pass over the networks takes at most
VALUES = 3_200_000  # values of x that a pass decodes to on a CPU: few enough for its caches, enough to hide Python
FEWEST_DRAWS = 64  # of a row in one pass, beyond which the encoder costs nothing any more

_names: WeakKeyDictionary[nn.Module, str] = WeakKeyDictionary()
_numbers = itertools.count(1)


def unique_name(module: nn.Module) -> str:
    """A name that no other instance in this process has, copies included: Pyro's store goes by names."""
    if module not in _names:
        _names[module] = f"{type(module).__name__}-{next(_numbers)}"
    return _names[module]


class LatentModel(Model):
    r"""A joint density p(x, z) and an approximate posterior q(z | x), written as Pyro programs.

    The sites of z and x stand inside the plate `data`, one entry for each row. Everything in `pyro.infer` takes the
    pair `model.model`, `model.guide` as it is.
    """

    family = "latent"
    max_plate_nesting = 1
    conditions = ("z",)
    missing: bool = False  # whether NaN means a missing value

    def model(self, x: Tensor | None = None, y: Tensor | None = None, n: int = 1) -> Tensor:
        """p(x, z): observes `x`, or draws `n` rows."""
        raise NotImplementedError

    def guide(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """q(z | x)."""
        raise NotImplementedError

    def check(self, x: Tensor) -> None:
        """Refuse rows of another shape, outside the support, or with NaN that was not declared."""
        raise NotImplementedError

    def objective(self) -> ELBO:
        """The evidence lower bound."""
        return ELBO()

    def register(self, *parts: str) -> None:
        """Tell Pyro which parameters these parts have, under names of this instance alone."""
        for part in parts:
            for name, parameter in self.get_submodule(part).named_parameters():
                if parameter.requires_grad:
                    pyro.param(param_with_module_name(f"{unique_name(self)}.{part}", name), parameter)

    def sample(
        self, n: int, *, given: Mapping[str, Any] | None = None, generator: torch.Generator | None = None
    ) -> Tensor:
        """`n` draws of x; `given={"z": codes}` draws x for those codes, one for each row."""
        self.check_count(n)
        held = {name: self.given_codes(name, value, n) for name, value in self.refuse_unknown(given).items()}
        with self.asked(generator):
            return poutine.condition(self.model, data=held)(n=n)

    def code_shape_of(self, name: str) -> torch.Size | None:
        """Shape of one code of the site `name`, where that is known."""
        return getattr(self, "latent_shape", None) if name == "z" else None

    def given_codes(self, name: str, value: Any, n: int) -> Tensor:
        """Codes that `n` draws are made of, or one sentence about what is wrong with them."""
        like = next(self.parameters())
        try:
            value = torch.as_tensor(value, dtype=like.dtype, device=like.device)
        except (TypeError, ValueError, RuntimeError):
            raise DataError(f"given {name!r} is {value!r}; give an array of codes") from None
        rows, shape = len(value) if value.dim() else 1, self.code_shape_of(name)
        if not value.dim() or rows != n:
            raise DataError(f"given {name!r} has {rows} rows for {n} draws; give one row for each draw")
        if shape is not None and value.shape[1:] != shape:
            raise DataError(f"given {name!r} has codes of shape {tuple(value.shape[1:])}, they are {tuple(shape)} here")
        if not bool(value.isfinite().all()):
            raise DataError(f"given {name!r} holds values that are not finite")
        return value

    def score(
        self,
        x: Tensor,
        y: Tensor | None = None,
        *,
        generator: torch.Generator | None = None,
        num_samples: int = 16,
    ) -> Float64[Tensor, " batch"]:
        r"""Importance estimate of :math:`\log p(x)` of each row, in nats, float64; of :math:`\log p(x \mid y)` given y.

        .. math:: \log \frac{1}{K} \sum_k \frac{p(x, z_k)}{q(z_k \mid x)}, \quad z_k \sim q(z \mid x)

        Its expectation lies below :math:`\log p(x)`, at the evidence lower bound for K = 1, and rises with K.
        """
        return log_mean_exp(self.log_weights(x, num_samples, generator, y))

    def log_weights(
        self,
        x: Tensor,
        num_samples: int = 1,
        generator: torch.Generator | None = None,
        y: Tensor | None = None,
    ) -> Float64[Tensor, "draw batch"]:
        r""":math:`\log p(x, z_k) - \log q(z_k \mid x)` for draws :math:`z_k \sim q(z \mid x)`, in float64.

        The result is shaped `(num_samples, batch)`.
        """
        if num_samples < 1:
            raise ValueError(f"num_samples must be at least 1, got {num_samples}")
        self.check(x)
        rows, draws = passes(len(x), num_samples, self.event_shape.numel(), x.device.type)
        counts = [min(draws, num_samples - done) for done in range(0, num_samples, draws)]
        parts = [(part, None if y is None else y[at : at + rows]) for at, part in _parts(x, rows)]
        with self.asked(generator), fast_matmul(self._route(rows * draws, x.device)):
            found = [torch.cat([self._log_weights(*part, count) for count in counts]) for part in parts]
        return torch.cat(found, 1)

    def _route(self, rows: int, device: torch.device) -> str:
        """How products of so many rows with the weights of the layers are made."""
        layers = [layer for layer in self.modules() if isinstance(layer, nn.Linear)]
        return choose([(rows, layer.in_features, layer.out_features) for layer in layers], device)

    def under(self, x: Tensor, y: Any) -> Tensor | None:
        """What the programs are told of these rows beside x: labels or conditions, checked and in their own form."""
        return y

    def _log_weights(self, x: Tensor, y: Tensor | None, count: int) -> Tensor:
        return terms(self, x, y, particles=count).log_weights().expand(count, len(x))

    def impute(
        self,
        x: Tensor,
        y: Tensor | None = None,
        *,
        generator: torch.Generator | None = None,
        num_samples: int = 200,
    ) -> Tensor:
        """Rows with every NaN replaced by the mean of what is missing given what is observed, which stays untouched.

        Class numbers have no mean: there the most probable class is put in. `num_samples` codes are weighted for each
        row; the model need not have been trained with missing values.
        """
        with self.asked(generator):
            return imputation.mean(self, x, y, num_samples, ROWS_AT_ONCE)

    def imputations(
        self,
        x: Tensor,
        num_draws: int,
        y: Tensor | None = None,
        *,
        generator: torch.Generator | None = None,
        num_samples: int = 200,
    ) -> Tensor:
        """`(num_draws, *x.shape)`: rows with every NaN drawn from what is missing given what is observed."""
        with self.asked(generator):
            return imputation.draws(self, x, y, num_draws, num_samples, ROWS_AT_ONCE)

    @contextmanager
    def asked(self, generator: torch.Generator | None = None) -> Iterator[None]:
        """How verbs run: evaluation mode, no gradients, draws from `generator`, Pyro's global state left alone."""
        with at_rest(self), apart(self), drawing_from(generator):
            yield

    @contextmanager
    def settled(self) -> Iterator[None]:
        """How verbs run that answer with one value: what has to be averaged over draws is so over the same ones always.

        They come from a stream of the model's own; nobody else's random numbers move.
        """
        with self.asked(stream(0, devices.of(self), name="averages")):
            yield


def passes(rows: int, samples: int, numbers: int, device: str = "cpu") -> tuple[int, int]:
    """Rows and draws of one pass over the networks, where each row has so many numbers.

    >>> passes(10_000, 1000, 784), passes(5, 3, 64)
    ((63, 64), (5, 3))
    """
    pairs = min(ROWS_AT_ONCE, max(VALUES // numbers, FEWEST_DRAWS)) if device == "cpu" else ROWS_AT_ONCE
    draws = min(samples, max(FEWEST_DRAWS, pairs // max(rows, 1)))
    return max(1, min(rows, pairs // draws)), draws


def _parts(x: Tensor, rows: int) -> Iterator[tuple[int, Tensor]]:
    return ((at, x[at : at + rows]) for at in range(0, max(len(x), 1), rows))


def mean(q: Any) -> Tensor:
    """The mean of a distribution; of one that does not know it, the average of 100 draws."""
    try:
        return q.mean
    except NotImplementedError:
        return q.sample((100,)).mean(0)
