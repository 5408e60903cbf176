"""What a user already has, as a prior: a Pyro distribution, or anything callable that returns one."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import pyro
import torch
from torch import Tensor, nn
from torch.distributions import constraints

from genlatent.distributions.base import Conditional, Prior
from genlatent.distributions.distribution import Distribution
from genlatent.errors import RecipeError
from genlatent.numerics import devices

VALUES = {
    type(constraints.boolean): "bits",
    type(constraints.one_hot): "one-hot vectors",
    type(constraints.simplex): "shares",
    type(constraints.unit_interval): "values of an interval",
    type(constraints.real): "real values",
    type(constraints.positive): "positive values",
    type(constraints.nonnegative): "positive values",
    type(constraints.nonnegative_integer): "whole numbers",
    type(constraints.integer_interval(0, 2)): "class numbers",
}


class FixedPrior(Prior):
    """A Pyro distribution as it stands; its tensors move with the model and are not trained."""

    def __init__(self, distribution: Any, event_shape: Sequence[int] | None = None):
        super().__init__(event_shape)
        self.distribution = distribution
        if any(tensor.requires_grad for tensor in tensors(distribution)):
            raise RecipeError(
                "the prior has parameters that a plain distribution would not train; "
                "make a Prior that holds them and returns the distribution when called"
            )

    def forward(self) -> Distribution:
        """One distribution over one latent event: a scalar one is repeated, batches become part of the event."""
        return as_event(self.distribution, self.event_shape)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "FixedPrior":
        self.distribution = mapped(self.distribution, fn)
        return super()._apply(fn, recurse)


class CallablePrior(Prior):
    """Whatever the callable returns when the model asks; a module's parameters are trained."""

    def __init__(self, function: Callable[[], Any], event_shape: Sequence[int] | None = None):
        super().__init__(event_shape)
        self.function = function

    def forward(self) -> Distribution:
        """One distribution over one latent event."""
        return as_event(self.function(), self.event_shape)


def as_prior(thing: Any) -> Prior:
    """A `Prior`, a plain Pyro distribution, or any callable that returns one, as a `Prior`.

    >>> import pyro.distributions as dist
    >>> prior = as_prior(dist.Laplace(0.0, 1.0))
    >>> prior.bind([2])
    >>> prior().event_shape
    torch.Size([2])
    """
    if isinstance(thing, Prior):
        return thing
    if isinstance(thing, torch.distributions.Distribution):
        return FixedPrior(thing)
    if callable(thing) and not isinstance(thing, type):
        return CallablePrior(thing)
    raise RecipeError(f"a prior is a Prior, a Pyro distribution or a callable that returns one, not {thing!r}")


def as_event(distribution: Any, event_shape: torch.Size) -> Any:
    """The distribution with all its dimensions made part of one event of this shape."""
    if not isinstance(distribution, torch.distributions.Distribution):
        raise RecipeError(f"the prior must give a Pyro distribution, got {type(distribution).__name__}")
    if not hasattr(distribution, "to_event"):
        raise RecipeError(f"take {type(distribution).__name__} from pyro.distributions, not from torch.distributions")
    made: Any = distribution
    if not made.batch_shape and not made.event_shape:
        return made.expand(event_shape).to_event(len(event_shape))
    return made.to_event(len(made.batch_shape))


def check_prior(prior: Prior) -> None:
    """Refuse a prior whose events are not of the latent's shape; Pyro's parameter store is left as it was."""
    if prior.from_encoder:
        return
    with torch.no_grad(), pyro.get_param_store().scope():
        distribution: Any = prior()
    if not isinstance(distribution, torch.distributions.Distribution):
        raise RecipeError(f"the prior must give a Pyro distribution, got {type(distribution).__name__}")
    shape, wanted = distribution.batch_shape + distribution.event_shape, prior.event_shape
    if shape != wanted or distribution.event_shape != wanted:
        raise RecipeError(
            f"the prior gives events of shape {tuple(shape)}, the latent has shape {tuple(wanted or ())}; "
            "give it that shape, and .to_event(...) where its dimensions are independent"
        )


def check_likelihood(likelihood: Any) -> None:
    """Refuse a likelihood that does not give one density for a whole row; Pyro's parameter store is left as it was."""
    shape, name = torch.Size(likelihood.event_shape), type(likelihood).__name__
    with torch.no_grad(), pyro.get_param_store().scope():
        made = likelihood(torch.zeros(2, likelihood.num_params(shape), device=devices.of(likelihood)))
    if not isinstance(made, torch.distributions.Distribution):
        raise RecipeError(f"the likelihood {name} must give a Pyro distribution, got {type(made).__name__}")
    if (made.batch_shape, made.event_shape) != ((2,), shape):
        given = tuple(made.batch_shape[1:] + made.event_shape)
        raise RecipeError(
            f"the likelihood {name} gives values of shape {given}, {tuple(made.event_shape)} of them as one event, "
            f"the rows have shape {tuple(shape)}; end it with .to_event({len(shape)})"
        )


def check_pair(prior: Prior, posterior: Conditional) -> None:
    """Refuse a posterior whose draws the prior gives no density to, such as relaxed bits under exact ones."""
    if prior.from_encoder:
        return
    outputs = torch.zeros(posterior.num_params(posterior.event_shape), device=devices.of(posterior))
    with torch.no_grad(), pyro.get_param_store().scope():
        drawn, known = (values_of(part) for part in (posterior(outputs), prior()))
    if None not in (drawn, known) and drawn != known:
        ours, theirs = type(posterior).__name__, type(getattr(prior, "distribution", prior)).__name__
        raise RecipeError(f"the posterior {ours} draws {drawn}, the prior {theirs} is over {known}; take one of each")


def values_of(distribution: Any) -> str | None:
    """What the draws of a distribution are, where its support says so."""
    try:
        constraint: Any = distribution.support
    except NotImplementedError:
        return None
    while hasattr(constraint, "base_constraint"):
        constraint = constraint.base_constraint
    return VALUES.get(type(constraint))


def mapped(thing: Any, fn: Callable[[Tensor], Tensor]) -> Any:
    """A copy of a distribution with `fn` applied to every tensor inside it.

    >>> import pyro.distributions as dist
    >>> mapped(dist.Normal(torch.zeros(2), 1.0), lambda t: t.double()).loc.dtype
    torch.float64
    """
    if isinstance(thing, Tensor):
        return fn(thing)
    if isinstance(thing, nn.Module):
        return thing._apply(fn)
    if isinstance(thing, (list, tuple)) and not isinstance(thing, torch.Size):
        return type(thing)(mapped(part, fn) for part in thing)
    if not isinstance(thing, (torch.distributions.Distribution, torch.distributions.transforms.Transform)):
        return thing
    made = copy.copy(thing)
    made.__dict__.update({name: mapped(value, fn) for name, value in vars(thing).items()})
    return made


def tensors(thing: Any) -> list[Tensor]:
    """Every tensor inside a distribution."""
    found: list[Tensor] = []
    mapped(thing, lambda tensor: (found.append(tensor), tensor)[1])
    return found
