"""The kinds of fields that bodies and answers are made of: names, amounts, instants, pairs.

Used by the models of every resource. Strict: a "5" is no 5, a 1.0 is no 1, true is no 1; a field that
we do not know is refused, because a caller whose word is ignored believes that it holds. Shapes and
sizes only: what makes sense is asked of `core`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from server.core import instants
from server.core.money import MAX_MINOR
from server.core.promotions.template_rules import MAX_INSTANT, MAX_RELATIVE_SECONDS
from server.core.texts import text_fault

_MAX_URL = 2_000


class Body(BaseModel):
    """What a client sends."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True
    )


class ResponseModel(BaseModel):
    """What we answer."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)


class QueryFields(BaseModel):
    """What stands after the question mark: texts, read as what they say."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


@dataclass(frozen=True, slots=True)
class ReadingContext:
    """What reading a body depends on besides the body."""

    time_zone: ZoneInfo


def _says_nothing(value: object) -> bool:
    is_empty = isinstance(value, BaseModel) and not value.model_fields_set
    return value is None or is_empty


def absent() -> Any:
    """A field that is left out of an answer where there is nothing to say (`?` in the contract)."""
    return Field(default=None, exclude_if=_says_nothing)


def _readable(text: str, info: ValidationInfo) -> str:
    """Refuses what nobody can see, and what reads as something else than it says. Only in what is sent:
    what was stored before is shown as it is.
    """
    fault = text_fault(text) if isinstance(info.context, ReadingContext) else None
    if fault is not None:
        raise PydanticCustomError(fault, "a text that people can read")
    return text


def _some(values: list[Any]) -> list[Any]:
    """Refuses an empty list: it means none, and none makes no sense there."""
    if not values:
        raise PydanticCustomError("empty", "at least one")
    return values


# Of a text that people read or type: every name, label, reason, message and link of a body.
Readable = AfterValidator(_readable)
# Of a list that says who or what: left out it is the default, empty it is nobody and nothing.
NotEmpty = AfterValidator(_some)

NAME_PATTERN = r"^[A-Za-z0-9_.:-]+$"
ROOM_PATTERN = r"^(?!\.\.?$)[A-Za-z0-9_.:-]{1,64}$"  # core.room_names says why not . and ..
Room = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=NAME_PATTERN)]
Student = Room
RequestId = Annotated[
    str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._:-]+$")
]
Id = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9_]+$")]
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=64), Readable]
Title = Annotated[str, StringConstraints(min_length=1, max_length=60), Readable]
Message = Annotated[str, StringConstraints(max_length=200), Readable]
Description = Annotated[str, StringConstraints(max_length=2_000), Readable]
Url = Annotated[str, StringConstraints(min_length=1, max_length=_MAX_URL), Readable]
Amount = Annotated[int, Field(ge=0, le=MAX_MINOR)]
Count = Annotated[int, Field(ge=1, le=10**9)]
Seconds = Annotated[int, Field(ge=1, le=MAX_RELATIVE_SECONDS)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Metadata = Annotated[
    dict[
        Annotated[str, StringConstraints(min_length=1, max_length=64), Readable],
        Annotated[str, StringConstraints(max_length=500), Readable],
    ],
    Field(max_length=20),
]


def _read_instant(value: object) -> int:
    if not isinstance(value, str):
        raise PydanticCustomError("wrong_type", "a time is a text")
    try:
        instant = instants.from_text(value)
    except (ValueError, OverflowError):
        raise PydanticCustomError("bad_format", "a time looks like 2026-03-01T09:00:00Z") from None
    return _in_range(instant)


def _read_day(value: object, info: ValidationInfo, days_later: int) -> int:
    """An instant, or a date alone: the start of that day in the school's time zone, or of a later
    one."""
    if not isinstance(value, str) or len(value) != len("2026-03-01"):
        return _read_instant(value)
    context = info.context
    assert isinstance(context, ReadingContext)
    try:
        day = date.fromisoformat(value) + timedelta(days=days_later)
        start = datetime.combine(day, time.min, context.time_zone).timestamp()
    except (ValueError, OverflowError):
        raise PydanticCustomError("bad_format", "a date looks like 2026-03-01") from None
    return _in_range(int(start) * 1000)


def _in_range(instant: int) -> int:
    """What can be written again, in any time zone."""
    if instant < 0:
        raise PydanticCustomError("too_small", "a time from 1970 on")
    if instant > MAX_INSTANT:
        raise PydanticCustomError("too_large", "a time before the year 9000")
    return instant


def _day(days_later: int) -> Callable[[object, ValidationInfo], int]:
    def read(value: object, info: ValidationInfo) -> int:
        return _read_day(value, info, days_later)

    return read


_TIME_SCHEMA = {"type": "string", "format": "date-time", "examples": ["2026-03-01T09:00:00.000Z"]}
_DAY_SCHEMA = {
    "type": "string",
    "description": "An RFC 3339 time with its offset, or a date alone: the whole day in the "
    "school's time zone.",
    "examples": ["2026-03-01T09:00:00.000Z", "2026-03-01"],
}

# Inside, each of these is an integer of milliseconds.
Instant = Annotated[
    int,
    PlainValidator(_read_instant),
    PlainSerializer(instants.to_text, return_type=str),
    WithJsonSchema(_TIME_SCHEMA),
]
FromDay = Annotated[int, PlainValidator(_day(0)), WithJsonSchema(_DAY_SCHEMA)]
UntilDay = Annotated[int, PlainValidator(_day(1)), WithJsonSchema(_DAY_SCHEMA)]
# In answers, from what is inside already.
Moment = Annotated[
    int, PlainSerializer(instants.to_text, return_type=str), WithJsonSchema(_TIME_SCHEMA)
]
