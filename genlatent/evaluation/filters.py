"""What the units of a first layer look for."""

from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from genlatent.errors import Unsupported


def first_filters(model: Any) -> Float[Tensor, "unit *event"]:
    """Weights from the data to each unit of the layer next to them: of a machine, or of an encoder of dense layers."""
    weight = _of_machine(model) if hasattr(model, "layers") and hasattr(model, "data") else _of_encoder(model)
    if weight is None:
        raise Unsupported(f"{type(model).__name__} has no dense layer next to the data, so there are no filters")
    return weight.detach().reshape(-1, *model.event_shape)


def _of_machine(model: Any) -> Tensor | None:
    size = model.event_shape.numel()
    for name, weight in model.named_parameters():
        if (
            name.startswith(f"{model.data}_")
            and name.endswith("_weight")
            and name != f"{model.data}_{model.data}_weight"
        ):
            return weight.T if weight.dim() == 2 and weight.shape[0] == size else None
    return None


def _of_encoder(model: Any) -> Tensor | None:
    parts = getattr(model, "encoder", None)
    layers = (part for part in parts.modules() if isinstance(part, nn.Linear)) if isinstance(parts, nn.Module) else ()
    first = next(iter(layers), None)
    return first.weight if first is not None and first.in_features == model.event_shape.numel() else None
