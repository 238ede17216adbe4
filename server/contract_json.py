"""Reads and writes the JSON of templates and orders: what the ledger stores and what the API answers.

Called by the ledger (rows), the flows that publish a drop, and the API, whose models have checked a request
before. Knows shapes only: whether a template makes sense is decided by core/promotions/template_rules.py.
cattrs makes the functions from the dataclasses of `core`; this file holds only what JSON does differently:

- Types are exact: 1.0 or true is no integer, because money that went through floats is not trusted.
- A member that is null counts as absent, and absent members have the default of their dataclass.
- Members that were added after the first templates are written only where they differ from their default, so
  that rows written before and after have the same text. Sets are written sorted, for the same reason.
- A union is told apart by its member `kind`, which is written first.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar, get_args, get_origin

from cattrs import Converter, transform_error
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from server.core import instants
from server.core.checkout.orders import Order
from server.core.promotions.discount_kinds import DISCOUNT_KINDS
from server.core.promotions.templates import (
    AmountOff,
    Discount,
    FixedValidity,
    Gift,
    PercentOff,
    RelativeValidity,
    Scope,
    Stacking,
    Template,
    TemplateForm,
    Threshold,
    Validity,
)

Json = dict[str, Any]
T = TypeVar("T")


class MalformedJsonError(ValueError):
    """JSON that is not of the shape we write. Met in a stored row, it means that the row was damaged."""


def template_form_from_json(fields: Mapping[str, object]) -> TemplateForm:
    """Return the form of a request's JSON or of a row of `template_versions`; other members are ignored.

    Raises MalformedJsonError with the paths of everything that is of the wrong shape."""
    return _read(fields, TemplateForm)


def template_form_to_json(form: TemplateForm) -> Json:
    """Return the contract's JSON, whose members are also the columns of `template_versions` that a form
    fills. `use_url` and `uses_per_student` are None where there is none."""
    return _write(form, TemplateForm)


def template_to_json(template: Template) -> Json:
    """Return what /v1/templates answers: the form's JSON with id, version and created_at."""
    return {
        "id": template.id,
        "version": template.version,
        **template_form_to_json(template.form),
        "created_at": instants.to_text(template.created_at),
    }


def discount_to_json(discount: Discount) -> Json:
    return _write(discount, Discount)


def order_from_json(stored: object) -> Order:
    """Return an order that the ledger stored. Raises MalformedJsonError where it is not of that shape."""
    return _read(stored, Order)


def order_to_json(order: Order) -> Json:
    return _write(order, Order)


def _read(value: object, shape: type[T]) -> T:
    try:
        return _CONVERTER.structure(value, shape)
    except (ExceptionGroup, TypeError, ValueError) as error:
        raise MalformedJsonError("; ".join(transform_error(error))) from error


def _write(value: object, shape: Any) -> Json:
    written: Json = _CONVERTER.unstructure(value, shape)
    return written


_CONVERTER: Final = Converter()


def _instant(name: str) -> Any:
    """Describe a member that is an instant in ms here, and a text under another name in JSON."""
    return override(
        rename=name,
        struct_hook=lambda text, _: instants.from_text(text),
        unstruct_hook=instants.to_text,
    )


# A member that came after the first templates: not written at its default.
_ADDED_LATER: Final = override(omit_if_default=True)
# Members whose JSON differs from their field.
_MEMBERS: Final[Mapping[type, dict[str, Any]]] = {
    PercentOff: {"of": _ADDED_LATER},
    Gift: {"name": _ADDED_LATER},
    Threshold: {"min_quantity": _ADDED_LATER, "counted": _ADDED_LATER},
    Scope: dict.fromkeys(("except_courses", "except_packages", "sale_prices"), _ADDED_LATER),
    Stacking: {"in_class": override(rename="class")},
    FixedValidity: {"from_at": _instant("from"), "until_at": _instant("until")},
    RelativeValidity: {"wait_seconds": _ADDED_LATER},
}
_DISCOUNTS: Final = {kind.word: kind.shape for kind in DISCOUNT_KINDS}
_VALIDITIES: Final = {"fixed": FixedValidity, "relative": RelativeValidity}
# The shapes by their `kind`. A rebate's credit is one of two of the discounts.
_UNIONS: Final[Mapping[Any, Mapping[str, type]]] = {
    Discount: _DISCOUNTS,
    AmountOff | PercentOff: {
        word: shape for word, shape in _DISCOUNTS.items() if shape in (AmountOff, PercentOff)
    },
    Validity: _VALIDITIES,
}


def _present(value: object) -> dict[str, object]:
    if not isinstance(value, Mapping):
        raise TypeError("expected an object")
    return {key: member for key, member in value.items() if member is not None}


def _exactly(kind: type) -> Callable[[object, Any], object]:
    def read(value: object, _: Any) -> object:
        if type(value) is not kind:  # isinstance would take True for an integer
            raise TypeError(f"expected {kind.__name__}")
        return value

    return read


def _dataclass_reader(shape: Any) -> Callable[[object, Any], object]:
    read = make_dict_structure_fn(shape, _CONVERTER, **_MEMBERS.get(shape, {}))
    # A field that may be None and has no default (a line's course) would else count as missing.
    nullable: dict[str, object] = {
        field.name: None
        for field in fields(shape)
        if field.default is MISSING and type(None) in get_args(field.type)
    }
    return lambda value, _: read({**nullable, **_present(value)}, shape)


def _dataclass_writer(shape: Any) -> Callable[[Any], Json]:
    write = make_dict_unstructure_fn(shape, _CONVERTER, **_MEMBERS.get(shape, {}))
    if shape is TemplateForm:
        return write  # its members are columns: each has a value, None among them
    return lambda value: {key: it for key, it in write(value).items() if it is not None}


def _collection_reader(shape: Any) -> Callable[[object, Any], object]:
    """Read a JSON list as a set or tuple. cattrs alone would take a text for a list of its letters."""
    whole: Any = get_origin(shape)
    members: Any = list[get_args(shape)[0]]  # type: ignore[misc]  # known at run time only

    def read(value: object, _: Any) -> object:
        if not isinstance(value, list):
            raise TypeError("expected a list")
        return whole(_CONVERTER.structure(value, members))

    return read


def _union_reader(shapes: Mapping[str, type]) -> Callable[[object, Any], object]:
    def read(value: object, _: Any) -> object:
        shape = shapes.get(str(_present(value).get("kind")))
        if shape is None:
            raise ValueError(f"kind is not one of {', '.join(shapes)}")
        return _CONVERTER.structure(value, shape)

    return read


def _union_writer(shapes: Mapping[str, type]) -> Callable[[Any], Json]:
    words = {shape: word for word, shape in shapes.items()}
    # `kind` first, where people look for it; cattrs' own tagged unions write it last.
    return lambda value: {"kind": words[type(value)], **_CONVERTER.unstructure(value)}


def _is_of(*origins: type) -> Callable[[Any], bool]:
    return lambda shape: get_origin(shape) in origins


# StrEnum is registered too, because an enum would else be read by the hook of its base, str.
for _scalar in (str, int, bool):
    _CONVERTER.register_structure_hook(_scalar, _exactly(_scalar))
_CONVERTER.register_structure_hook(StrEnum, lambda word, shape: shape(word))
_CONVERTER.register_structure_hook_factory(is_dataclass, _dataclass_reader)
_CONVERTER.register_unstructure_hook_factory(is_dataclass, _dataclass_writer)
_CONVERTER.register_structure_hook_factory(_is_of(frozenset, tuple), _collection_reader)
# Sorted, so that the same set is always the same text.
_CONVERTER.register_unstructure_hook_func(
    _is_of(frozenset), lambda members: sorted(map(_CONVERTER.unstructure, members))
)
_CONVERTER.register_unstructure_hook_func(_is_of(Mapping), dict)
_CONVERTER.register_structure_hook_func(
    _is_of(Mapping), lambda value, _: _CONVERTER.structure(_present(value), dict[str, str])
)
for _union, _shapes in _UNIONS.items():
    _CONVERTER.register_structure_hook(_union, _union_reader(_shapes))
    _CONVERTER.register_unstructure_hook(_union, _union_writer(_shapes))
