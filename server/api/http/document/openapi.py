"""Build the OpenAPI 3.1 document from the endpoints.

Called once by `app.py`. Everything in the document comes from the endpoints and their pydantic models, so
the documentation cannot differ from the validation.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from server.api.http.document.examples import examples
from server.api.http.endpoints import AnyEndpoint
from server.api.http.fields import ROOM_PATTERN
from server.api.http.problems import KINDS, MEDIA_TYPE, TYPE_PREFIX
from server.api.http.public_endpoints import PublicEndpoint
from server.core.refusals import Code

Json = dict[str, object]
_Mode = Literal["validation", "serialization"]
_SCHEMAS = "#/components/schemas/"
_Names = Mapping[tuple[object, str], str]
_TOKEN = (Code.TOKEN_MISSING, Code.TOKEN_INVALID, Code.TOKEN_EXPIRED, Code.WRONG_ROLE)
_TITLE = "Classdrop"
_ABOUT = (
    "Coupons dropped into a live class. Times are RFC 3339 with an offset. Money is an integer in the "
    "currency's minor unit. Unknown fields in a request body are refused. Clients must ignore unknown "
    "fields in a response."
)


def document(
    endpoints: Sequence[AnyEndpoint], public: Sequence[PublicEndpoint], version: str
) -> Json:
    """Return the document; `version` is the package's."""
    names, schemas = _schemas(endpoints)
    paths: dict[str, Json] = {}
    for endpoint in endpoints:
        operation = _operation(endpoint, names)
        example = examples().get(f"{endpoint.method} {endpoint.path}")
        if example is not None:
            _add_example(operation, example, str(endpoint.status))
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation
    for public_endpoint in public:
        operations = paths.setdefault(public_endpoint.path, {})
        operations[public_endpoint.method] = _public_operation(public_endpoint)
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


def _schemas(endpoints: Sequence[AnyEndpoint]) -> tuple[_Names, Json]:
    """Return the name of each model in the document, and the schemas of all models, nested ones included."""
    wanted: dict[tuple[type[BaseModel], _Mode], None] = {}
    for endpoint in endpoints:
        if endpoint.has_body and not endpoint.uploads:
            wanted[(endpoint.body, "validation")] = None
        wanted[(endpoint.response, "serialization")] = None
    references, definitions = models_json_schema(list(wanted), ref_template=_SCHEMAS + "{model}")
    names: dict[tuple[object, str], str] = {
        (model, mode): str(ref["$ref"]).removeprefix(_SCHEMAS)
        for (model, mode), ref in references.items()
    }
    return names, dict(definitions.get("$defs", {}))


def _operation(endpoint: AnyEndpoint, names: _Names) -> Json:
    operation: Json = {
        "operationId": _operation_id(endpoint),
        "summary": endpoint.summary,
        "description": f"Roles: {endpoint.rule.words()}.",
        "tags": [_tag(endpoint.path)],
        "x-roles": endpoint.rule.words().split(", "),
        "parameters": list(_parameters(endpoint)),
        "responses": _responses(endpoint, names[(endpoint.response, "serialization")]),
    }
    if endpoint.uploads:
        file = {"schema": {"type": "string", "format": "binary"}}
        content: Json = dict.fromkeys(endpoint.uploads, file)
        operation["requestBody"] = {"required": True, "content": content}
    elif endpoint.has_body:
        content = _content("application/json", names[(endpoint.body, "validation")])
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _add_example(operation: Json, example: Mapping[str, Any], status: str) -> None:
    """Put the example into the parameters, the body and the reply of the operation."""
    request = example["request"]
    given = {**request.get("path", {}), **request.get("query", {}), **request.get("headers", {})}
    parameters: Any = operation["parameters"]
    for parameter in parameters:
        if parameter["name"] in given:
            parameter["example"] = given[parameter["name"]]
    if "body" in request:
        body: Any = operation["requestBody"]
        next(iter(body["content"].values()))["example"] = request["body"]
    responses: Any = operation["responses"]
    content = responses[status]["content"]
    of_text = next((kind for kind in content if "json" not in kind), "application/json")
    kind = of_text if isinstance(example["response"], str) else "application/json"
    content[kind]["example"] = example["response"]


def _operation_id(endpoint: AnyEndpoint) -> str:
    return endpoint.handler.__module__.rpartition(".")[2] + "_" + endpoint.handler.__name__


def _tag(path: str) -> str:
    parts = [part for part in path.split("/") if part and not part.startswith("{")]
    return "drops" if "drops" in parts else parts[1]


def _parameters(endpoint: AnyEndpoint) -> Iterable[Json]:
    for name in (part[1:-1] for part in endpoint.path.split("/") if part.startswith("{")):
        schema = {"type": "string", "pattern": _PATH_PATTERNS.get(name, "^[A-Za-z0-9_]{1,40}$")}
        yield {"name": name, "in": "path", "required": True, "schema": schema}
    fields = endpoint.query.model_json_schema()
    required, definitions = fields.get("required", []), fields.get("$defs", {})
    for name, schema in fields.get("properties", {}).items():
        inline = _inline(schema, definitions)
        yield {"name": name, "in": "query", "required": name in required, "schema": inline}
    if endpoint.is_create:
        yield _header(
            "Idempotency-Key",
            "The same key with the same body creates once; kept 24 hours.",
            {"type": "string", "minLength": 1, "maxLength": 255},
        )
    if endpoint.needs_version:
        yield _header("If-Match", "The version that was read.", {"type": "string"}, required=True)


def _inline(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """Return the schema with its references replaced: pydantic's `$defs` are not a part of the document."""
    if isinstance(schema, list):
        return [_inline(each, definitions) for each in schema]
    if not isinstance(schema, dict):
        return schema
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    if name in definitions:
        return _inline(definitions[name], definitions)
    return {key: _inline(value, definitions) for key, value in schema.items()}


_PATH_PATTERNS = {
    "room": ROOM_PATTERN,
    "student": ROOM_PATTERN,
    "other": ROOM_PATTERN,
    "order_id": "^[^/]{1,64}$",
    "ticket": "^[^/]{1,200}$",
}


def _header(name: str, about: str, schema: Json, *, required: bool = False) -> Json:
    return {
        "name": name,
        "in": "header",
        "description": about,
        "required": required,
        "schema": schema,
    }


def _responses(endpoint: AnyEndpoint, response: str) -> Json:
    content = _content("application/json", response)
    if endpoint.streams:
        content[endpoint.streams] = {"schema": {"type": "string"}}
    found: Json = {str(endpoint.status): {"description": "Done", "content": content}}
    for status, codes in sorted(_codes_by_status(endpoint).items()):
        found[str(status)] = {
            "description": ", ".join(codes),
            "content": _content(MEDIA_TYPE, "Problem"),
        }
    return found


def _codes_by_status(endpoint: AnyEndpoint) -> dict[int, list[str]]:
    codes = [*_TOKEN, Code.INTERNAL, Code.UNAVAILABLE, *endpoint.refuses]
    if "{room}" in endpoint.path:
        codes.append(Code.WRONG_ROOM)
    if "{id}" in endpoint.path:
        codes.append(Code.NOT_FOUND)
    if endpoint.method != "GET":
        codes += [Code.TOO_LARGE, Code.UNSUPPORTED_MEDIA_TYPE, Code.INVALID_FIELD]
    if endpoint.query.model_fields:
        codes.append(Code.INVALID_FIELD)
    if endpoint.is_create:
        codes += [Code.IDEMPOTENCY_MISMATCH, Code.IN_PROGRESS]
    found: dict[int, list[str]] = {}
    for code in dict.fromkeys(codes):
        found.setdefault(KINDS[code].status, []).append(code)
    return found


def _public_operation(endpoint: PublicEndpoint) -> Json:
    kind = "object" if endpoint.media_type == "application/json" else "string"
    content = {endpoint.media_type: {"schema": {"type": kind}}}
    return {
        "operationId": "service_" + endpoint.path.strip("/").replace(".", "_"),
        "summary": endpoint.summary,
        "tags": ["service"],
        "security": [],
        "responses": {"200": {"description": "Done", "content": content}},
    }


def _content(media_type: str, name: str) -> Json:
    return {media_type: {"schema": {"$ref": _SCHEMAS + name}}}


def _problem_schema() -> Json:
    """Return the schema of a problem (RFC 9457). A code may add facts of its own to these members."""
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
