"""The calls -> an OpenAPI 3.1 document.

Called once by `app.py`. Everything in it comes from the rows of the calls and from their pydantic
models: what is documented is what is checked.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from server.api.http.endpoints import AnyCall
from server.api.http.fields import ROOM_PATTERN
from server.api.http.problems import KINDS, MEDIA_TYPE, TYPE_PREFIX
from server.api.http.public_endpoints import PlainCall
from server.core.refusals import Code

Json = dict[str, object]
_Mode = Literal["validation", "serialization"]
_SCHEMAS = "#/components/schemas/"
_Names = Mapping[tuple[object, str], str]
_TOKEN = (Code.TOKEN_MISSING, Code.TOKEN_INVALID, Code.TOKEN_EXPIRED, Code.WRONG_ROLE)
_TITLE = "Classdrop"
_ABOUT = (
    "Coupons dropped into a live class. Times are RFC 3339 with an offset; money is an integer of the "
    "currency's minor unit. A body's fields that are not known are refused; those of an answer are to be "
    "ignored."
)


def document(calls: Sequence[AnyCall], plain: Sequence[PlainCall], version: str) -> Json:
    names, schemas = _schemas(calls)
    paths: dict[str, Json] = {}
    for call in calls:
        paths.setdefault(call.path, {})[call.method.lower()] = _operation(call, names)
    for row in plain:
        paths.setdefault(row.path, {})["get"] = _plain_operation(row)
    return {
        "openapi": "3.1.0",
        "info": {"title": _TITLE, "version": version, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Problem": _problem_schema()},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
        },
    }


def _schemas(calls: Sequence[AnyCall]) -> tuple[_Names, Json]:
    """Each model's name in the document, and all of them with what they refer to."""
    wanted: dict[tuple[type[BaseModel], _Mode], None] = {}
    for call in calls:
        if call.has_body:
            wanted[(call.body, "validation")] = None
        wanted[(call.answer, "serialization")] = None
    references, definitions = models_json_schema(list(wanted), ref_template=_SCHEMAS + "{model}")
    names: dict[tuple[object, str], str] = {
        (model, mode): str(ref["$ref"]).removeprefix(_SCHEMAS)
        for (model, mode), ref in references.items()
    }
    return names, dict(definitions.get("$defs", {}))


def _operation(call: AnyCall, names: _Names) -> Json:
    operation: Json = {
        "operationId": _operation_id(call),
        "summary": call.summary,
        "description": f"Roles: {call.rule.words()}.",
        "tags": [_tag(call.path)],
        "x-roles": call.rule.words().split(", "),
        "parameters": list(_parameters(call)),
        "responses": _responses(call, names[(call.answer, "serialization")]),
    }
    if call.has_body:
        content = _content("application/json", names[(call.body, "validation")])
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _operation_id(call: AnyCall) -> str:
    return call.handler.__module__.rpartition(".")[2] + "_" + call.handler.__name__


def _tag(path: str) -> str:
    parts = [part for part in path.split("/") if part and not part.startswith("{")]
    return "drops" if "drops" in parts else parts[1]


def _parameters(call: AnyCall) -> Iterable[Json]:
    for name in (part[1:-1] for part in call.path.split("/") if part.startswith("{")):
        schema = {"type": "string", "pattern": _PATH_PATTERNS.get(name, "^[A-Za-z0-9_]{1,40}$")}
        yield {"name": name, "in": "path", "required": True, "schema": schema}
    fields = call.query.model_json_schema()
    required = fields.get("required", [])
    for name, schema in fields.get("properties", {}).items():
        yield {"name": name, "in": "query", "required": name in required, "schema": schema}
    if call.is_create:
        yield _header(
            "Idempotency-Key",
            "The same key with the same body creates once; kept 24 hours.",
            {"type": "string", "minLength": 1, "maxLength": 255},
        )
    if call.needs_version:
        yield _header("If-Match", "The version that was read.", {"type": "string"}, required=True)


_PATH_PATTERNS = {"room": ROOM_PATTERN, "order_id": "^[^/]{1,64}$"}


def _header(name: str, about: str, schema: Json, *, required: bool = False) -> Json:
    return {
        "name": name,
        "in": "header",
        "description": about,
        "required": required,
        "schema": schema,
    }


def _responses(call: AnyCall, answer: str) -> Json:
    content = _content("application/json", answer)
    if call.streams:
        content[call.streams] = {"schema": {"type": "string"}}
    found: Json = {str(call.status): {"description": "Done", "content": content}}
    for status, codes in sorted(_codes_by_status(call).items()):
        found[str(status)] = {
            "description": ", ".join(codes),
            "content": _content(MEDIA_TYPE, "Problem"),
        }
    return found


def _codes_by_status(call: AnyCall) -> dict[int, list[str]]:
    codes = [*_TOKEN, Code.INTERNAL, Code.UNAVAILABLE, *call.refuses]
    if "{room}" in call.path:
        codes.append(Code.WRONG_ROOM)
    if "{id}" in call.path:
        codes.append(Code.NOT_FOUND)
    if call.method != "GET":
        codes += [Code.TOO_LARGE, Code.UNSUPPORTED_MEDIA_TYPE, Code.INVALID_FIELD]
    if call.query.model_fields:
        codes.append(Code.INVALID_FIELD)
    if call.is_create:
        codes += [Code.IDEMPOTENCY_MISMATCH, Code.IN_PROGRESS]
    found: dict[int, list[str]] = {}
    for code in dict.fromkeys(codes):
        found.setdefault(KINDS[code].status, []).append(code)
    return found


def _plain_operation(row: PlainCall) -> Json:
    good = {"description": "Done", "content": {row.media_type: {"schema": {"type": "string"}}}}
    if row.media_type == "application/json":
        good = {"description": "Done", "content": {row.media_type: {"schema": {"type": "object"}}}}
    return {
        "operationId": "service_" + row.path.strip("/").replace(".", "_"),
        "summary": row.summary,
        "tags": ["service"],
        "security": [],
        "responses": {"200": good},
    }


def _content(media_type: str, name: str) -> Json:
    return {media_type: {"schema": {"$ref": _SCHEMAS + name}}}


def _problem_schema() -> Json:
    """RFC 9457, with the code and the facts that go with it."""
    error = {
        "type": "object",
        "required": ["field", "code"],
        "properties": {"field": {"type": "string"}, "code": {"type": "string"}},
    }
    return {
        "type": "object",
        "required": ["type", "title", "status", "code", "detail"],
        "properties": {
            "type": {"type": "string", "examples": [TYPE_PREFIX + Code.NOT_FOUND]},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "code": {"type": "string", "enum": [code.value for code in Code]},
            "detail": {"type": "string"},
            "errors": {"type": "array", "items": error},
        },
    }
