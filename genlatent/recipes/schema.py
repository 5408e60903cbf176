"""What a recipe may hold: a model, its data, its training, and the published figure it stands for."""

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from genlatent.errors import RecipeError
from genlatent.registry import nearest
from genlatent.storage import spelt_out


class Strict(BaseModel):
    """An entry whose keys are all known, and whose numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Open(BaseModel):
    """An entry that passes its further keys on, as arguments of what `name` stands for."""

    model_config = ConfigDict(extra="allow", frozen=True)

    @property
    def options(self) -> dict[str, Any]:
        """The keys that only the named thing knows."""
        return dict(self.model_extra or {})


def named(values: Any) -> Any:
    """A bare name is short for an entry that holds nothing else."""
    return {"name": values} if isinstance(values, str) else values


class Named(Open):
    """A registered name or `package.module:Class`, and the arguments of its constructor."""

    name: str

    _bare = model_validator(mode="before")(named)


class DataEntry(Open):
    """A named data set or a path, how it is binarised, and the options of its source.

    The options are those of :func:`genlatent.data.sources.load_data`: `support`, `missing`, `labels`, `conditions`, ...
    """

    name: str | None = None
    path: str | None = None
    binarise: str = "none"

    _bare = model_validator(mode="before")(named)

    @model_validator(mode="after")
    def _one_source(self) -> "DataEntry":
        if (self.name is None) == (self.path is None):
            raise ValueError("give either name (a known data set) or path (a file or folder of your own)")
        return self

    @property
    def source(self) -> str:
        """What the loader is asked for."""
        return str(self.name or self.path)


class OptimizerEntry(Strict):
    """Which optimiser, and its learning rate over the whole training."""

    name: str = "adam"
    learning_rate: float = 1e-3
    schedule: str = "constant"
    warmup: float = 0.0
    hold: float = 0.0
    final: float = 0.0
    momentum: float = 0.0
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)

    _bare = model_validator(mode="before")(named)


MOST = 10**12  # of anything that is counted: more than a machine lives to see

COUNTS = ("epochs", "steps", "batch_size", "labelled", "patience", "validate_every")


class TrainEntry(Strict):
    """How long, in which batches, by which optimiser, and by which kind of step."""

    epochs: int | None = None
    steps: int | None = None
    batch_size: int = 128
    labelled: int | None = None
    optimizer: OptimizerEntry = OptimizerEntry()
    average: float = 0.0
    clip: float | None = None
    patience: int | None = None
    validate_every: int = 1
    mode: Literal["auto", "eager", "traced", "compiled"] = "auto"
    matmul: Literal["auto", "float32", "fast", "bfloat16"] = "auto"

    @model_validator(mode="after")
    def _one_length(self) -> "TrainEntry":
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("give either epochs or steps")
        return self

    @model_validator(mode="after")
    def _sensible(self) -> "TrainEntry":
        for name in COUNTS:
            value = getattr(self, name)
            if value is not None and not 1 <= value <= MOST:
                raise ValueError(f"{name} must be at {f'least 1, got {value}' if value < 1 else f'most {MOST}'}")
        if not 0.0 <= self.average < 1.0:
            raise ValueError(f"average is a fraction of the training below 1, got {self.average}")
        if self.clip is not None and self.clip <= 0:
            raise ValueError(f"clip is the largest norm of a gradient, so above 0, got {self.clip}")
        return self


class Expected(Strict):
    """A figure that somebody published, and where."""

    metric: str
    value: float
    source: str
    unit: str = "nats"
    note: str = ""


class Recipe(Strict):
    """Everything that a training run is made from."""

    describe: str = ""
    model: Named
    data: DataEntry
    objective: Named | None = None
    pretrain: TrainEntry | None = None  # of each layer of a deep model, greedily, before `train`
    train: TrainEntry
    seed: int = 0
    expect: Expected | None = None

    def resolved(self) -> dict[str, Any]:
        """The recipe as plain values with every default written out: what a run folder keeps, usable from anywhere."""
        found = self.model_dump(mode="json", exclude_none=True)
        if self.data.path is not None:
            found["data"]["path"] = str(spelt_out(self.data.path).absolute())
        return found


Entry = TypeVar("Entry", bound=BaseModel)


def checked(values: Any, where: str, entry: type[Entry] = Recipe) -> Entry:
    """The entry that plain values spell, or one sentence that names the first key that is wrong.

    >>> checked({"metric": "elbo", "value": "high", "source": "a paper"}, "mine.yaml", Expected)
    Traceback (most recent call last):
    genlatent.errors.RecipeError: mine.yaml: value: a number was expected, got 'high'
    """
    if not isinstance(values, Mapping):
        raise RecipeError(f"{where}: a recipe is a mapping with model, data and train, got {values!r}")
    try:
        return entry.model_validate({str(key): value for key, value in values.items()})
    except ValidationError as error:
        raise RecipeError(f"{where}: {_sentence(error, entry)}") from error


EXPECTED = {
    "float_parsing": "a number",
    "float_type": "a number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a smaller whole number",
    "finite_number": "a finite number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "text",
    "model_type": "a mapping of keys",
    "tuple_type": "a list",
}


def _sentence(error: ValidationError, entry: type[BaseModel]) -> str:
    """The first complaint; a misspelt key comes before the key that it leaves missing."""
    found = sorted(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")[0]
    place = ".".join(str(part) for part in found["loc"])
    if found["type"] == "extra_forbidden":
        return f"{place}: unknown; {nearest(str(found['loc'][-1]), _keys(entry, found['loc'][:-1]))}"
    if found["type"] == "missing":
        return f"{place}: missing; every {_owner(found['loc'])} has one"
    if found["type"] == "value_error":
        return f"{place}: {found.get('ctx', {}).get('error')}"
    if found["type"] in EXPECTED:
        return f"{place}: {EXPECTED[found['type']]} was expected, got {found['input']!r}"
    return f"{place}: {found['msg'][0].lower()}{found['msg'][1:]}, got {found['input']!r}"


def _keys(entry: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """The keys known at a place in a recipe; numbers are places in a list."""
    for part in (part for part in path if not isinstance(part, int)):
        annotation = entry.model_fields[str(part)].annotation
        kinds = getattr(annotation, "__args__", (annotation,))
        entry = next(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel))
    return list(entry.model_fields)


def _owner(place: tuple[int | str, ...]) -> str:
    return f"{place[-2]!r} entry" if len(place) > 1 else "recipe"
