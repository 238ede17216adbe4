"""A shape in one form, and how two of them differ.

A `Shape` maps each kind of JSON value that may stand in a place to what it holds: the literal values of a
string (None: any string), the items of a list, the values of a map, the fields of an object. Alternatives
are merged into one Shape: a union of objects is one object, in which a field is required where every
alternative requires it. Shapes are read by `openapi_shapes`, `python_shapes` and `jsdoc_shapes`, and
compared by `test_shapes`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any


@dataclass(frozen=True)
class Field:
    shape: "Shape"
    required: bool


Shape = Mapping[str, Any]
Fields = Mapping[str, Field]
ANY: Shape = {"any": None}


def merged(shapes: Sequence[Shape]) -> Shape:
    return reduce(_merge_two, shapes, {})


def _merge_two(one: Shape, other: Shape) -> Shape:
    both = {**one, **other}
    for kind in one.keys() & other.keys() & _MERGE.keys():
        both[kind] = _MERGE[kind](one[kind], other[kind])
    return both


def _merge_fields(one: Fields, other: Fields) -> Fields:
    def field(name: str) -> Field:
        parts = [fields[name] for fields in (one, other) if name in fields]
        required = len(parts) == 2 and all(part.required for part in parts)
        return Field(merged([part.shape for part in parts]), required)

    return {name: field(name) for name in one.keys() | other.keys()}


_MERGE: Mapping[str, Callable[[Any, Any], Any]] = {
    "string": lambda one, other: None if None in (one, other) else one | other,
    "list": _merge_two,
    "map": _merge_two,
    "object": _merge_fields,
}


def field(shape: Shape, *, required: bool) -> Field:
    """Return a field. Null is dropped where the field may be absent, because it means the same."""
    if not required and shape.keys() != {"null"}:
        shape = {kind: inner for kind, inner in shape.items() if kind != "null"}
    return Field(shape, required)


def differences(server: Shape, sdk: Shape, where: str, *, is_body: bool = False) -> Iterator[str]:
    """Yield a line for each difference between the server's shape and the SDK's.

    The SDK may be more exact than a string without listed values or an object without listed fields. In a
    body it may require more fields.
    """
    server, sdk = dict(server), dict(sdk)
    if "any" in server or server.get("map") == ANY:
        return
    if "map" in server and "object" in sdk:
        for name, each in sdk.pop("object").items():
            yield from differences(server["map"], each.shape, f"{where}.{name}")
        del server["map"]
    if server.keys() != sdk.keys():
        yield f"{where}: {'|'.join(sorted(server))}, in the SDK {'|'.join(sorted(sdk))}"
        return
    for kind in server:
        yield from _inner(kind, server[kind], sdk[kind], where, is_body=is_body)


def _inner(kind: str, server: Any, sdk: Any, where: str, *, is_body: bool) -> Iterator[str]:
    match kind:
        case "string":
            if server is not None and server != sdk:
                missing, extra = sorted(server - (sdk or set())), sorted((sdk or set()) - server)
                yield f"{where}: values missing {missing}, not sent {extra}"
        case "list" | "map":
            yield from differences(server, sdk, f"{where}[]", is_body=is_body)
        case "object":
            yield from _fields_differ(server, sdk, where, is_body=is_body)
        case _:
            return


def _fields_differ(server: Fields, sdk: Fields, where: str, *, is_body: bool) -> Iterator[str]:
    for name in sorted(server.keys() - sdk.keys()):
        yield f"{where}.{name}: missing in the SDK"
    for name in sorted(sdk.keys() - server.keys()):
        yield f"{where}.{name}: not known to the server"
    for name in sorted(server.keys() & sdk.keys()):
        one, other = server[name], sdk[name]
        if one.required and not other.required:
            yield f"{where}.{name}: always there, optional in the SDK"
        if other.required and not one.required and not is_body:
            yield f"{where}.{name}: not always there, required in the SDK"
        yield from differences(one.shape, other.shape, f"{where}.{name}", is_body=is_body)
