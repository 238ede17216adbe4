"""The field types and base models of bodies, queries and responses: names, amounts, instants, metadata.

Used by the models of every resource. Bodies are strict: "5" and 5.0 are not 5, true is not 1, and an
unknown field is refused, because a client would otherwise believe that it has an effect. Only shapes and
sizes are checked here; the rules of the domain are in `core`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
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
    """The base of request bodies."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True
    )


class ResponseModel(BaseModel):
    """The base of responses."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)


class QueryFields(BaseModel):
    """The base of query parameters: texts, converted to the type of the field."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


@dataclass(frozen=True, slots=True)
class ReadingContext:
    """The context of validating a body. Its presence marks a value as sent by a client."""

    time_zone: ZoneInfo


def _is_empty(value: object) -> bool:
    has_no_field = isinstance(value, BaseModel) and not value.model_fields_set
    return value is None or has_no_field


def absent(validation_alias: str | None = None) -> Any:
    """Return a field that is left out of a response where it is empty (`?` in the contract)."""
    return Field(default=None, exclude_if=_is_empty, validation_alias=validation_alias)


def _readable(text: str, info: ValidationInfo) -> str:
    """Refuse text with invisible characters or misleading direction marks.

    Only what a client sends is checked; what was stored earlier is returned unchanged.
    """
    fault = text_fault(text) if isinstance(info.context, ReadingContext) else None
    if fault is not None:
        raise PydanticCustomError(fault, "a text that people can read")
    return text


def _not_empty(values: list[Any]) -> list[Any]:
    """Refuse an empty list where it would mean that nobody or nothing qualifies."""
    if not values:
        raise PydanticCustomError("empty", "at least one")
    return values


# For each text of a body that people read or type: names, labels, reasons, messages and links.
Readable = AfterValidator(_readable)
# For a list whose absence means the default, and whose emptiness would mean nobody or nothing.
NotEmpty = AfterValidator(_not_empty)

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
    """Read an instant, or a date alone: the start of that day, or of `days_later` days after it.

    A day starts at midnight in the school's time zone.
    """
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


def _read_local_instant(value: object, info: ValidationInfo) -> int:
    """Read an instant; without an offset it is in the school's time zone."""
    if not isinstance(value, str):
        return _read_instant(value)
    context = info.context
    assert isinstance(context, ReadingContext)
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None or len(value) == len("2026-03-01"):
            return _read_instant(value)
        local = moment.replace(tzinfo=context.time_zone).timestamp()
    except (ValueError, OverflowError):
        raise PydanticCustomError("bad_format", "a time looks like 2026-03-01T09:00:00Z") from None
    return _in_range(int(local) * 1000)


def _in_range(instant: int) -> int:
    """Refuse an instant that could not be written as a date in every time zone."""
    if instant < 0:
        raise PydanticCustomError("too_small", "a time from 1970 on")
    if instant > MAX_INSTANT:
        raise PydanticCustomError("too_large", "a time before the year 9000")
    return instant


def _day(days_later: int) -> Callable[[object, ValidationInfo], int]:
    def read(value: object, info: ValidationInfo) -> int:
        return _read_day(value, info, days_later)

    return read


def _no_number(value: object) -> object:
    """Refuse a number, which a query's date would be read from as seconds since 1970."""
    if isinstance(value, str) and "-" not in value[1:]:
        raise PydanticCustomError("bad_format", "a date looks like 2026-03-01")
    return value


# A day of a query.
Day = Annotated[date, BeforeValidator(_no_number)]

_TIME_SCHEMA = {"type": "string", "format": "date-time", "examples": ["2026-03-01T09:00:00.000Z"]}
_LOCAL_SCHEMA = {
    "type": "string",
    "description": "An RFC 3339 time; without an offset it is in the school's time zone.",
    "examples": ["2026-03-01T09:00:00.000Z", "2026-03-01T09:00:00"],
}
_DAY_SCHEMA = {
    "type": "string",
    "description": "An RFC 3339 time with its offset, or a date alone: the whole day in the "
    "school's time zone.",
    "examples": ["2026-03-01T09:00:00.000Z", "2026-03-01"],
}

# In Python each of these is an integer: ms since 1970 UTC.
Instant = Annotated[
    int,
    PlainValidator(_read_instant),
    PlainSerializer(instants.to_text, return_type=str),
    WithJsonSchema(_TIME_SCHEMA),
]
LocalInstant = Annotated[
    int,
    PlainValidator(_read_local_instant),
    PlainSerializer(instants.to_text, return_type=str),
    WithJsonSchema(_LOCAL_SCHEMA),
]
FromDay = Annotated[
    int,
    PlainValidator(_day(0)),
    PlainSerializer(instants.to_text, return_type=str),
    WithJsonSchema(_DAY_SCHEMA),
]
UntilDay = Annotated[
    int,
    PlainValidator(_day(1)),
    PlainSerializer(instants.to_text, return_type=str),
    WithJsonSchema(_DAY_SCHEMA),
]
# For responses: built from our own integers, never parsed.
Moment = Annotated[
    int, PlainSerializer(instants.to_text, return_type=str), WithJsonSchema(_TIME_SCHEMA)
]


class ReasonBody(Body):
    """`reason`: why, for the log of acts."""

    reason: Message = ""
