"""Objects as plain values and back: what recipes and run folders hold instead of pickles.

Every constructor argument can be read back as an attribute of the same name, so an object is described by its class
and its arguments, and needs no code of its own to be saved, printed or rebuilt.
"""

import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, get_args

import torch
from torch import Tensor, nn

from genlatent import registry
from genlatent.errors import RecipeError

LARGEST_TENSOR = 10_000  # elements of a constructor argument that are written out as text

TRUSTED = ("genlatent", "torch.nn", "torch.distributions", "pyro.distributions")

# What a constructor says to values that it cannot be given.
REFUSED = (
    *(TypeError, ValueError, ArithmeticError, LookupError),
    *(AttributeError, AssertionError, RuntimeError, MemoryError),
)


class Component:
    """Something made of plain arguments that can be read back: objectives, corruptions, kernels, schedules."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{key}={value!r}' for key, value in arguments(self).items())})"


class NotDescribable(RecipeError):
    """An object that plain values cannot rebuild."""


def arguments(thing: Any) -> dict[str, Any]:
    """Constructor arguments of an object, read back from its attributes; those at their default are left out."""
    found = {}
    for name, parameter in inspect.signature(type(thing)).parameters.items():
        if parameter.kind is parameter.VAR_POSITIONAL and isinstance(thing, nn.Sequential):
            found[name] = list(thing)
        elif parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) or _derived(thing, name):
            continue
        else:
            value = _read(thing, name)
            if not _same(value, parameter.default):
                found[name] = value
    return found


def _derived(thing: Any, name: str) -> bool:
    """Whether an argument says nothing: where tensors live, or the one of `probs` and `logits` that was not given."""
    lazy = isinstance(thing, torch.distributions.Distribution) and name in thing.arg_constraints
    if lazy and {"probs", "logits"} <= vars(thing).keys() and name in ("probs", "logits"):
        return getattr(thing, "_param", None) is not vars(thing)[name]
    return name in ("device", "dtype", "validate_args") or (lazy and name not in vars(thing))


def _read(thing: Any, name: str) -> Any:
    if name == "base_distribution":
        name = "base_dist"
    if not hasattr(thing, name):
        raise NotDescribable(f"{type(thing).__name__} does not keep its argument {name!r}, so it cannot be saved")
    value = getattr(thing, name)
    if type(thing).__module__.startswith("torch.nn") and name == "bias":
        return value is not None  # torch layers keep the parameter where the argument was a switch
    return value


def _same(value: Any, default: Any) -> bool:
    if isinstance(value, (Tensor, nn.Module)) or isinstance(default, (Tensor, nn.Module)):
        return value is default
    if isinstance(value, (tuple, list)) and isinstance(default, (tuple, list)):
        return list(value) == list(default)
    return bool(value is default or value == default)


def describe(thing: Any) -> Any:
    """Plain values from which :func:`build` makes an equal object (weights aside).

    >>> describe(nn.Linear(3, 2, bias=False))
    {'name': 'torch.nn.modules.linear:Linear', 'in_features': 3, 'out_features': 2, 'bias': False}
    """
    if thing is None or isinstance(thing, (bool, int, float, str)):
        return thing
    if isinstance(thing, Tensor):
        if thing.numel() > LARGEST_TENSOR:
            raise NotDescribable(f"a tensor of {thing.numel()} values is too large to be saved as an argument")
        return {"name": "tensor", "dtype": str(thing.dtype).removeprefix("torch."), "values": thing.detach().tolist()}
    if isinstance(thing, Mapping):
        return {str(key): describe(value) for key, value in thing.items()}
    if isinstance(thing, Sequence):
        return [describe(value) for value in thing]
    if inspect.isfunction(thing):
        return {"name": "function", "place": _place(thing)}
    if isinstance(thing, (nn.Module, Component, torch.distributions.Distribution)):
        args = {key: describe(value) for key, value in arguments(thing).items()}
        return {"name": registry.short_name(_place(type(thing))), **args}
    raise NotDescribable(f"{type(thing).__name__} {thing!r} is neither plain values nor importable by name")


def _place(thing: Any) -> str:
    place = f"{thing.__module__}:{thing.__qualname__}"
    try:
        module: Any = importlib.import_module(thing.__module__)
        for part in thing.__qualname__.split("."):
            module = getattr(module, part)
    except (ImportError, AttributeError):
        module = None
    if module is not thing or thing.__module__ == "__main__":
        raise NotDescribable(f"{place} cannot be imported by that name, so it cannot be saved; put it into a module")
    return place


def build(spec: Any, kind: str | None = None, allow: Sequence[str] = (), **given: Any) -> Any:
    """The object that a description or a recipe's entry names.

    Args:
        spec: a registered name, `package.module:Name`, a mapping with `name` and arguments, or plain values.
        kind: what a bare name is looked up as (`model`, `likelihood`, ...).
        allow: import prefixes trusted beside the toolkit's own.
        given: further arguments, used where the constructor takes them and the entry does not set them.
    """
    if isinstance(spec, str) and (kind is not None):
        spec = {"name": spec}
    if isinstance(spec, Mapping) and "name" in spec:
        return _build_named(dict(spec), kind, allow, given)
    if isinstance(spec, Mapping):
        return {key: build(value, None, allow) for key, value in spec.items()}
    if isinstance(spec, (list, tuple)):
        return [build(value, kind, allow) for value in spec]
    return spec


def refuse_unknown(name: str, given: Iterable[str], known: Sequence[str]) -> None:
    """Refuse arguments that something does not take, in one sentence that knows what was meant.

    >>> refuse_unknown("hmc", ["leap"], ["leaps", "size"])
    Traceback (most recent call last):
    ...
    genlatent.errors.RecipeError: hmc takes no argument 'leap'; did you mean 'leaps'?
    """
    for key in given:
        if key not in known:
            raise RecipeError(f"{name} takes no argument {key!r}; {registry.nearest(key, list(known))}")


def refuse_fractions(made: Callable[..., Any], *given: Any, **named: Any) -> None:
    """Refuse 2.5 where something is to be made of whole numbers only, as the annotation of an argument says.

    >>> refuse_fractions(nn.Embedding, 2.5, 3)
    Traceback (most recent call last):
    ...
    genlatent.errors.RecipeError: num_embeddings takes whole numbers, got 2.5
    """
    parameters = inspect.signature(made).parameters
    for key, value in {**dict(zip(parameters, given)), **named}.items():
        numbers = value if isinstance(value, (list, tuple)) else (value,)
        counted = key in parameters and _counted(parameters[key].annotation)
        if counted and any(isinstance(number, float) for number in numbers):
            raise RecipeError(f"{key} takes whole numbers, got {value}")


def _counted(annotation: Any) -> bool:
    """Whether an annotation speaks of whole numbers, and of no others.

    >>> _counted(int | Sequence[int]), _counted(int | float), _counted("int")
    (True, False, False)
    """
    inner = [arg for arg in get_args(annotation) if arg is not Ellipsis]
    if annotation in (float, Any) or any(arg in (float, Any) for arg in inner):
        return False
    return annotation is int or any(_counted(arg) for arg in inner)


def _build_named(spec: dict[str, Any], kind: str | None, allow: Sequence[str], given: dict[str, Any]) -> Any:
    name = spec.pop("name")
    if not all(isinstance(text, str) for text in (name, *spec)):
        raise RecipeError(f"a name and the names of arguments are texts, got {[name, *spec]}")
    if name == "tensor":
        return _tensor(spec)
    if name == "function":
        return _function(spec, allow)
    made = _trusted(registry.location(kind or _kind_of(name), name), allow)
    if not (inspect.isclass(made) and issubclass(made, (nn.Module, Component, torch.distributions.Distribution))):
        raise RecipeError(f"{name!r} is not a class of models, networks, distributions or objectives")
    parameters = inspect.signature(made).parameters
    args = {key: build(value, registry.ARGUMENTS.get(key), allow) for key, value in spec.items()}
    refuse_unknown(name, args, list(parameters))
    args |= {key: value for key, value in given.items() if key in parameters and key not in args}
    positional = [args.pop(key) for key, p in parameters.items() if p.kind is p.VAR_POSITIONAL and key in args]
    try:
        refuse_fractions(made, **args)
        return made(*(positional[0] if positional else ()), **args)
    except REFUSED as error:
        raise RecipeError(f"{name}: {error}") from error


def _tensor(spec: dict[str, Any]) -> Tensor:
    dtype = getattr(torch, str(spec.get("dtype")), None)
    if not isinstance(dtype, torch.dtype) or "values" not in spec:
        raise RecipeError(f"a tensor is described by dtype and values, got dtype {spec.get('dtype')!r}")
    try:
        return torch.tensor(spec["values"], dtype=dtype)
    except (TypeError, ValueError, RuntimeError) as error:
        raise RecipeError(f"these values make no tensor of {spec['dtype']}: {error}") from error


def _function(spec: dict[str, Any], allow: Sequence[str]) -> Callable[..., Any]:
    made = _trusted(str(spec.get("place")), allow)
    if not inspect.isfunction(made):
        raise RecipeError(f"{spec.get('place')!r} is not a function")
    return made


def _kind_of(name: str) -> str:
    return next((kind for kind, names in registry.KINDS.items() if name in names), "model")


def _trusted(place: str, allow: Sequence[str]) -> Callable[..., Any]:
    """What a place holds; of the toolkit's own modules only what they define, not what they import for themselves."""
    module = place.partition(":")[0]
    _refuse_outside(place, module, allow)
    found = registry.load(place)
    if not _within(module, allow):
        _refuse_outside(place, str(getattr(found, "__module__", type(found).__module__)), allow)
    return found


def _refuse_outside(place: str, module: str, allow: Sequence[str]) -> None:
    if not _within(module, (*TRUSTED, *allow)):
        prefix = module.partition(".")[0]
        raise RecipeError(f"{place!r} is code from outside genlatent; if you trust it, add --allow-import {prefix}")


def _within(module: str, prefixes: Sequence[str]) -> bool:
    """Whether a module is one of these, or lies in one of them: whole parts between dots count.

    >>> _within("mine.parts", ["mine"]), _within("minefield", ["mine"]), _within("mine", ["mine.parts"])
    (True, False, False)
    """
    return any(module == prefix or module.startswith(prefix + ".") for prefix in prefixes)
