"""The words of refusals are ours: whatever is sent to whichever model, no word of pydantic leaves."""

from collections.abc import Iterator, Mapping
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel, ValidationError
from pydantic_core.core_schema import ErrorType

from server.api.app import ENDPOINTS
from server.api.http import validation_errors
from server.api.http.endpoints import UploadBody
from server.api.http.fields import ReadingContext

OUR_CODES = {
    *("missing", "unsupported", "wrong_type", "unknown_value", "bad_format", "empty"),
    *("too_small", "too_large", "too_short", "too_long", "too_few", "too_many"),
    *("bad_character", "bidi_control", "invisible"),
}
ODD: tuple[object, ...] = (
    *(None, True, 0, -1, 0.5, 1e300, 2**63, 2**70),
    *("", "x", "x" * 5_000, "a\u202eb", "a\u200bb", "0", "1.5", "NaN", "9" * 5_000, "true", "1e5"),
    *("2026-01-01", "2026-01-01T00:00:00Z", "2026-13-45", "2026-01-01T25:00:00.5Z"),
    *([], [None], [1], [[]], [{}], ["a"] * 2_000, {}, {"kind": "z"}, {"kind": 5}, {"": ""}),
)
CONTEXT = ReadingContext(ZoneInfo("Asia/Shanghai"))
MODELS = {
    model.__name__: model
    for endpoint in ENDPOINTS
    for model in (endpoint.body, endpoint.query)
    if model is not UploadBody
}
Schema = Mapping[str, Any]


def _errors(model: type[BaseModel], sent: object) -> list[dict[str, str]]:
    try:
        model.model_validate(sent, context=CONTEXT)
    except ValidationError as error:
        errors = validation_errors.refusal_of(error, sent).facts["errors"]
        assert isinstance(errors, list)
        return errors
    return []


def _resolved(schema: Schema, definitions: Schema) -> Schema:
    """Return the schema behind a reference; of several the first."""
    while True:
        if "$ref" in schema:
            schema = definitions[schema["$ref"].rpartition("/")[2]]
        elif several := schema.get("anyOf") or schema.get("oneOf"):
            schema = several[0]
        else:
            return schema


def _odd_values(schema: Schema, definitions: Schema, depth: int = 5) -> Iterator[object]:
    """Yield the odd values, and objects and lists of the schema's shape with odd ones within."""
    yield from ODD
    for one in schema.get("oneOf", ()):  # each kind of a part
        yield from _within(_resolved(one, definitions), definitions, depth)
    yield from _within(_resolved(schema, definitions), definitions, depth)


def _within(schema: Schema, definitions: Schema, depth: int) -> Iterator[object]:
    if depth == 0:
        return
    if schema.get("type") == "array":
        for odd in _odd_values(schema.get("items", {}), definitions, depth - 1):
            yield [odd]
    fields = schema.get("properties", {})
    known = {name: field["const"] for name, field in fields.items() if "const" in field}
    for name, field in fields.items():
        for odd in _odd_values(field, definitions, depth - 1):
            yield {**known, name: odd}


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_error_of_every_model_has_a_word_of_ours_and_the_path_that_was_sent(
    name: str,
) -> None:
    model = MODELS[name]
    schema = model.model_json_schema()
    said = {
        (error["field"], error["code"])
        for sent in _odd_values(schema, schema.get("$defs", {}))
        for error in _errors(model, sent)
    }
    assert {code for _, code in said} <= OUR_CODES
    assert not [field for field, _ in said if any(sign in field for sign in "[](){}<>' -")]


@pytest.mark.parametrize("kind", sorted(get_args(ErrorType)))
def test_no_kind_of_pydantic_is_a_code_of_ours(kind: str) -> None:
    assert validation_errors.code_of(kind) in OUR_CODES


@pytest.mark.parametrize(
    ("model", "sent", "error"),
    [
        ("ReceiptQuery", {"leaves": "perhaps"}, ("leaves", "bad_format")),
        ("ReportQuery", {"from": "2026-13-45"}, ("from", "bad_format")),
        ("ReportQuery", {"from": "0"}, ("from", "bad_format")),
        ("LinesQuery", {"to": "-86400"}, ("to", "bad_format")),
        ("ItemsQuery", {"outcome": "gone"}, ("outcome", "unknown_value")),
    ],
)
def test_a_query_that_cannot_be_read_is_told_by_its_name(
    model: str, sent: dict[str, str], error: tuple[str, str]
) -> None:
    assert error in [(each["field"], each["code"]) for each in _errors(MODELS[model], sent)]


@pytest.mark.parametrize(
    ("model", "sent", "field"),
    [
        ("BatchBody", {"override": {"reason": "x" * 5_000}}, "override.reason"),
        ("StudentsBody", {"students": [{"id": "a", "facts": {"f": "x" * 201}}]}, None),
    ],
)
def test_a_long_text_is_too_long_and_not_too_many(
    model: str, sent: dict[str, object], field: str | None
) -> None:
    found = {each["field"]: each["code"] for each in _errors(MODELS[model], sent)}
    assert found[field or "students.0.facts.f"] == "too_long"
