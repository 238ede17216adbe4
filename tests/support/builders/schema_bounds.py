"""The bounds of the request bodies in an OpenAPI document: each place that has a bound, with a body that has
a value at the bound, a body beyond it, and no field that the schema does not require.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]
Build = Callable[[Any], Any]
_OF_PATTERN = {
    "^[A-Z]{3}$": "CNY",
    "^#[0-9a-fA-F]{6}$": "#aabbcc",
    "^[0-9a-f]{32}$": "0" * 32,
    "^inv_[A-Za-z0-9_]{1,36}$": "inv_1",
    r"^\d{4}-\d\d-\d\d$": "2026-03-01",
    r"^[A-Za-z0-9_-]{1,1600}$": "WyJhIiwiIiwiQ05ZIl0",
}
_LATER = "2026-06-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Bound:
    """`path`: the field as an error names it. `beyond` is refused for it, `within` is not."""

    path: str
    rule: str
    within: Any
    beyond: Any

    def __str__(self) -> str:
        return f"{self.path}:{self.rule}"


@dataclass(frozen=True, slots=True)
class Bodies:
    """`named`: what a field of this name holds wherever the schema does not say more."""

    schemas: Mapping[str, Schema]
    named: Mapping[str, Any]

    def bounds(self, reference: str) -> Iterator[Bound]:
        yield from self._places({"$ref": reference}, lambda value: value, "")

    def sample(self, schema: Schema, name: str = "") -> Any:
        """The least that the schema takes."""
        schema = self._one_of(self._resolved(schema))
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][0]
        if name in self.named:
            return self.named[name]
        match schema.get("type"):
            case "object":
                properties = schema.get("properties", {})
                return {each: self.sample(properties[each], each) for each in _required(schema)}
            case "array":
                return [
                    self.sample(schema["items"], name) for _ in range(schema.get("minItems", 0))
                ]
            case "integer":
                return max(1, schema.get("minimum", 0))
            case "boolean":
                return True
        return _text(schema)

    def _resolved(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            schema = self.schemas[schema["$ref"].rpartition("/")[2]]
        return schema

    def _options(self, schema: Schema) -> list[Schema]:
        options = schema.get("anyOf") or schema.get("oneOf") or [schema]
        return [each for each in options if each.get("type") != "null"]

    def _one_of(self, schema: Schema) -> Schema:
        options = self._options(schema)
        return schema if options == [schema] else self._one_of(self._resolved(options[0]))

    def _places(self, schema: Schema, build: Build, path: str) -> Iterator[Bound]:
        schema = self._resolved(schema)
        options = self._options(schema)
        if options != [schema]:
            for option in options:
                yield from self._places(option, build, path)
            return
        for rule, within, beyond in self._edges(schema):
            yield Bound(path, rule, build(within), build(beyond))
        yield from self._inside(schema, build, path)

    def _inside(self, schema: Schema, build: Build, path: str) -> Iterator[Bound]:
        at = f"{path}." if path else ""
        if "items" in schema:
            yield from self._places(schema["items"], lambda value: build([value]), f"{at}0")
        for name, inner in schema.get("properties", {}).items():
            around = self.sample(schema)
            yield from self._places(inner, _within(build, around, name), f"{at}{name}")
        if isinstance(schema.get("additionalProperties"), Mapping):
            inner = schema["additionalProperties"]
            yield from self._places(inner, lambda value: build({"key": value}), f"{at}key")

    def _edges(self, schema: Schema) -> Iterator[tuple[str, Any, Any]]:
        """Each rule with a value that just keeps it and one that just does not."""
        if "pattern" in schema:
            yield "pattern", _text(schema), f"{_text(schema)[:-1]}!"
        for rule, step, of_size in (
            ("minimum", -1, lambda size: size),
            ("maximum", +1, lambda size: size),
            ("minLength", -1, lambda size: _text(schema, size)),
            ("maxLength", +1, lambda size: _text(schema, size)),
            ("minItems", -1, lambda size: self._many(schema, size)),
            ("maxItems", +1, lambda size: self._many(schema, size)),
            ("maxProperties", +1, _pairs),
        ):
            if rule in schema:
                yield rule, of_size(schema[rule]), of_size(schema[rule] + step)

    def _many(self, schema: Schema, count: int) -> list[Any]:
        """All different, where they have an id, a room or are texts."""
        return [_numbered(self.sample(schema["items"]), number) for number in range(count)]


def _required(schema: Schema) -> list[str]:
    found: list[str] = schema.get("required", [])
    return found


def _within(build: Build, around: Mapping[str, Any], name: str) -> Build:
    return lambda value: build({**around, name: value})


def _numbered(value: Any, number: int) -> Any:
    if isinstance(value, str):
        return f"{value[:20]}{number}"
    if isinstance(value, dict):
        keys = {"id", "room", "name"} & value.keys()
        return {**value, **{key: f"{value[key]}{number}" for key in keys}}
    return value


def _pairs(count: int) -> dict[str, str]:
    return {f"key{number}": "value" for number in range(count)}


def _text(schema: Schema, length: int | None = None) -> str:
    if "examples" in schema:
        return _LATER
    known = _OF_PATTERN.get(schema.get("pattern", ""))
    if known is not None:
        return known
    prefix = "https://a.example/"
    if length is None:
        return "abc"
    return prefix + "a" * (length - len(prefix)) if length >= 1_999 else "a" * length
