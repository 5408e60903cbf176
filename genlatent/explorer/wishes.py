"""What the page may ask, and between which bounds."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

MOST_DRAWS = 64
MOST_CHAINS = 36
MOST_STEPS = 500
MOST_VALUES = 1 << 16
FINEST = 16  # images along one side of the plane

Number = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
Numbers = Annotated[list[Number], Field(max_length=MOST_VALUES)]
Row = Annotated[list[Number | None], Field(max_length=MOST_VALUES)]
Temperature = Annotated[float, Field(ge=0.05, le=20.0, allow_inf_nan=False)]
Condition = Annotated[list[Number], Field(max_length=64)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]


class Wish(BaseModel):
    """Something asked for; what is not known is refused."""

    model_config = ConfigDict(extra="forbid", strict=False)


class Sample(Wish):
    """Draws: of one class or condition, at a temperature, after so many steps of chains; or means given drawn codes."""

    number: Annotated[int, Field(ge=1, le=MOST_DRAWS)] = 16
    condition: Condition | None = None
    temperature: Temperature | None = None
    steps: Annotated[int, Field(ge=1, le=MOST_STEPS)] | None = None
    means: bool = False
    seed: Seed = 0


class Place(Wish):
    """A code by its place along the axes, away from an origin where one is given."""

    place: Annotated[list[Number], Field(max_length=64)]
    origin: Numbers | None = None
    condition: Condition | None = None


class Plane(Place):
    """Codes on a grid along two axes, through that place."""

    first: Annotated[int, Field(ge=0, lt=64)] = 0
    second: Annotated[int, Field(ge=0, lt=64)] = 1
    size: Annotated[int, Field(ge=2, le=FINEST)] = 9


class Drawn(Wish):
    """A row that somebody drew or filled in; null is not known."""

    row: Row
    condition: Condition | None = None
    noise: Annotated[float, Field(ge=0.0, le=1.0)] = 0.2
    seed: Seed = 0


class Started(Wish):
    """New chains."""

    number: Annotated[int, Field(ge=2, le=MOST_CHAINS)] = 16
    method: Annotated[str, Field(max_length=40)] = ""
    temperature: Temperature = 1.0
    condition: Condition | None = None
    given: Row | None = None
    seed: Seed = 0


class Moved(Wish):
    """Some steps on, with another temperature or other values held where these have changed."""

    steps: Annotated[int, Field(ge=0, le=MOST_STEPS)] = 1
    temperature: Temperature = 1.0
    condition: Condition | None = None
    given: Row | None = None
