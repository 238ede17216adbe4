"""The value of a fact in JSON: a text, a number, true or false; and a list of them, where a rule compares.

Unions are checked here and not by pydantic, which would name each of their types in the path of the error.
"""

from typing import Annotated

from pydantic import PlainValidator, StringConstraints, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError, PydanticKnownError

from server.api.http.fields import Readable, ReadingContext
from server.core.audiences.students import MAX_FACT_TEXT
from server.core.texts import text_fault

_LARGEST = 10**15
_TYPES = [{"type": "boolean"}, {"type": "number"}, {"type": "string"}]
FactText = Annotated[str, StringConstraints(max_length=MAX_FACT_TEXT), Readable]
_Scalar = bool | int | float | FactText


def _scalar(value: object, info: ValidationInfo) -> object:
    if isinstance(value, str):
        if len(value) > MAX_FACT_TEXT:
            raise PydanticKnownError("string_too_long", {"max_length": MAX_FACT_TEXT})
        fault = text_fault(value) if isinstance(info.context, ReadingContext) else None
        if fault is not None:
            raise PydanticCustomError(fault, "a text that people can read")
    elif not isinstance(value, bool | int | float):
        raise PydanticCustomError("wrong_type", "a text, a number, true or false")
    elif abs(value) > _LARGEST:
        raise PydanticCustomError("too_large", "a number of at most 15 digits")
    return value


def _scalar_or_null(value: object, info: ValidationInfo) -> object:
    return None if value is None else _scalar(value, info)


def _scalar_or_list(value: object, info: ValidationInfo) -> object:
    return (
        [_scalar(one, info) for one in value] if isinstance(value, list) else _scalar(value, info)
    )


FactValue = Annotated[
    _Scalar | None,
    PlainValidator(_scalar_or_null),
    WithJsonSchema({"anyOf": [*_TYPES, {"type": "null"}]}),
]
ComparedValue = Annotated[
    _Scalar | list[_Scalar],
    PlainValidator(_scalar_or_list),
    WithJsonSchema({"anyOf": [*_TYPES, {"type": "array", "items": {"anyOf": _TYPES}}]}),
]
