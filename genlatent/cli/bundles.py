"""Options declared once for many verbs: a parameter whose type is a bundle stands for all the options in it."""

import functools
import inspect
import typing
from collections.abc import Callable, Iterator
from typing import Any


def spread(verb: Callable[..., Any]) -> Callable[..., Any]:
    """The verb as the command line sees it, with the fields of each bundle, a `NamedTuple`, in the bundle's place.

    >>> class Size(typing.NamedTuple):
    ...     width: int
    ...     height: int = 2
    >>> def area(unit: str, size: Size) -> str:
    ...     return f"{size.width * size.height} {unit}"
    >>> str(inspect.signature(spread(area)))
    '(*, unit: str, width: int, height: int = 2) -> str'
    >>> spread(area)(unit="m2", width=3, height=4)
    '12 m2'
    """
    signature = inspect.signature(verb, eval_str=True)
    bundles = {name: p.annotation for name, p in signature.parameters.items() if hasattr(p.annotation, "_fields")}

    @functools.wraps(verb)
    def asked(**values: Any) -> Any:
        for name, bundle in bundles.items():
            values[name] = bundle(**{field: values.pop(field) for field in bundle._fields})
        return verb(**values)

    parameters = [each for p in signature.parameters.values() for each in _each(p)]
    made = signature.replace(parameters=parameters)
    asked.__doc__ = flowing(verb.__doc__ or "")
    asked.__signature__ = made  # pyright: ignore[reportAttributeAccessIssue]  (what inspect.signature looks for)
    asked.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": signature.return_annotation}
    return asked


def flowing(text: str) -> str:
    r"""Paragraphs without the line breaks that the source has: a terminal has its own width.

    >>> flowing("One\n    line.\n\n    Another.")
    'One line.\n\nAnother.'
    """
    return "\n\n".join(" ".join(part.split()) for part in inspect.cleandoc(text).split("\n\n"))


def _each(parameter: inspect.Parameter) -> Iterator[inspect.Parameter]:
    """The parameter itself, or those that it bundles; by name alone, so that any order will do."""
    kind, bundle = inspect.Parameter.KEYWORD_ONLY, parameter.annotation
    if not hasattr(bundle, "_fields"):
        yield parameter.replace(kind=kind)
        return
    for name, annotation in typing.get_type_hints(bundle, include_extras=True).items():
        default = bundle._field_defaults.get(name, inspect.Parameter.empty)
        yield inspect.Parameter(name, kind, default=default, annotation=annotation)
