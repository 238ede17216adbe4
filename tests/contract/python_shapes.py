"""The shapes of the Python SDK's types: TypedDicts, dataclasses and what they hold."""

from collections.abc import Mapping
from dataclasses import is_dataclass
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from tests.contract.shape import Fields, Shape, field, merged


def python_shape(kind: Any) -> Shape:
    """Return the shape of a type of `client_sdk.python.shapes`."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return merged([python_shape(each) for each in arguments])
    if origin is Literal:
        return {"string": frozenset(arguments)}
    if origin in (list, tuple):
        return {"list": python_shape(arguments[0])}
    if origin is dict:
        return {"map": python_shape(arguments[1])}
    if is_typeddict(kind):
        return {"object": _typed_dict(kind)}
    if is_dataclass(kind):
        return {"object": _dataclass(kind)}
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return {"string": frozenset(str(each) for each in kind)}
    return {_PYTHON[kind]: None}


_PYTHON: Mapping[Any, str] = {
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    NoneType: "null",
    object: "any",
}


def _typed_dict(kind: Any) -> Fields:
    hints = get_type_hints(kind)
    return {
        name: field(python_shape(hint), required=name in kind.__required_keys__)
        for name, hint in hints.items()
    }


def _dataclass(kind: Any) -> Fields:
    """Return the fields. A value that defaults to None is absent in JavaScript."""
    hints = get_type_hints(kind)
    return {
        name: field(python_shape(hints[name]), required=each.default is not None)
        for name, each in kind.__dataclass_fields__.items()
    }
