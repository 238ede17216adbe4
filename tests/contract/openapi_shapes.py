"""The shapes of an OpenAPI document."""

from collections.abc import Mapping
from typing import Any

from tests.contract.shape import ANY, Fields, Shape, field, merged


class OpenApi:
    """The document of `server.api.http.document.openapi`."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.paths: Mapping[str, Mapping[str, Any]] = document["paths"]
        self._schemas: Mapping[str, Any] = document["components"]["schemas"]

    def shape(self, schema: Mapping[str, Any], *, is_body: bool) -> Shape:
        """`is_body`: whether the schema is part of a request."""
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return self.shape(self._schemas[name], is_body=is_body)
        union = schema.get("anyOf") or schema.get("oneOf")
        if union is not None:
            return merged([self.shape(each, is_body=is_body) for each in union])
        if "enum" in schema or "const" in schema:
            return {"string": frozenset(schema.get("enum", [schema.get("const")]))}
        return self._plain(schema, is_body=is_body)

    def _plain(self, schema: Mapping[str, Any], *, is_body: bool) -> Shape:
        match schema.get("type"):
            case "array":
                return {"list": self.shape(schema["items"], is_body=is_body)}
            case "object" if "properties" in schema:
                return {"object": self._fields(schema, is_body=is_body)}
            case "object":
                values = schema.get("additionalProperties")
                typed = self.shape(values, is_body=is_body) if isinstance(values, dict) else ANY
                return {"map": typed}
            case str() as kind:
                return {"number" if kind == "integer" else kind: None}
            case _:
                return ANY

    def _fields(self, schema: Mapping[str, Any], *, is_body: bool) -> Fields:
        required = schema.get("required", ())
        shapes = {
            name: self.shape(each, is_body=is_body) for name, each in schema["properties"].items()
        }
        # A reply leaves out what is null (`fields.absent`). What cannot be null has a default and is sent.
        return {
            name: field(shape, required=name in required or not (is_body or "null" in shape))
            for name, shape in shapes.items()
        }
