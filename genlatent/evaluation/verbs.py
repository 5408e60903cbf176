"""Which verbs a model answers."""

from genlatent.model import Model


def overridden(model: Model, verb: str) -> bool:
    """Whether the model's class answers a verb that not every model has."""
    return getattr(type(model), verb) is not getattr(Model, verb)
