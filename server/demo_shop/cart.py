"""Turn a cart into priced lines, into the order that Classdrop gets, and into what the page shows.

Called by `checkout`. Pure functions. Every price comes from the catalogue.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Final

from server.demo_shop.bodies import CartLine
from server.demo_shop.catalogue import (
    BY_ID,
    CURRENCY,
    SHIPPING_ID,
    SHIPPING_NAME,
    SHIPPING_PRICE,
    Course,
    Words,
)
from server.demo_shop.refusal import Json, Refusal, bad_field

_CLASSDROP_FIELDS: Final = (
    "id",
    "kind",
    "course",
    "packages",
    "unit_price",
    "list_price",
    "quantity",
)


def price_cart(cart: Sequence[CartLine]) -> list[Json] | Refusal:
    """Return the lines in the cart's order, with shipping last where something is shipped."""
    if len({line.course for line in cart}) < len(cart):
        return bad_field("lines", "same_course_twice")
    for index, line in enumerate(cart):
        if line.course not in BY_ID:
            return bad_field(f"lines.{index}.course", "unknown")
    lines = [_line(BY_ID[each.course], each.quantity) for each in cart]
    if any(BY_ID[each.course].is_shipped for each in cart):
        lines.append(_shipping())
    return lines


def order_request(lines: Sequence[Json]) -> Json:
    """Return the order as Classdrop's API takes it, without names."""
    return {
        "currency": CURRENCY,
        "lines": [{key: line[key] for key in _CLASSDROP_FIELDS if key in line} for line in lines],
    }


def with_discounts(lines: Sequence[Json], answered: object) -> list[Json]:
    """Return each line with its part of the discount and what is left to pay, as Classdrop returned them."""
    by_id = {part["id"]: part for part in as_list(answered)}
    return [{**line, **_share(line, by_id.get(str(line["id"]), {}))} for line in lines]


def with_gift_names(gifts: object) -> list[Json]:
    """Return the gifts with a name: that of the template, else that of the catalogue."""
    return [{**gift, "name": _gift_name(gift)} for gift in as_list(gifts)]


def total(lines: Sequence[Json]) -> int:
    return sum(_int(line["amount"]) for line in lines)


def list_total(lines: Sequence[Json]) -> int:
    return sum(_int(line["list_price"]) * _int(line["quantity"]) for line in lines)


def as_list(value: object) -> list[Json]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _gift_name(gift: Json) -> Json:
    name, course = gift.get("name"), BY_ID.get(str(gift["course"]))
    if not name and course is not None:
        return asdict(course.name)
    word = str(name or gift["course"])
    return asdict(Words(word, word))


def _line(course: Course, quantity: int) -> Json:
    return {
        "id": course.id,
        "kind": "course",
        "course": course.id,
        "packages": list(course.packages),
        "name": asdict(course.name),
        "unit_price": course.price,
        "list_price": course.list_price,
        "quantity": quantity,
        "amount": course.price * quantity,
    }


def _shipping() -> Json:
    return {
        "id": SHIPPING_ID,
        "kind": "shipping",
        "name": asdict(SHIPPING_NAME),
        "unit_price": SHIPPING_PRICE,
        "list_price": SHIPPING_PRICE,
        "quantity": 1,
        "amount": SHIPPING_PRICE,
    }


def _share(line: Json, part: Mapping[str, object]) -> Json:
    return {"discount": part.get("discount", 0), "payable": part.get("payable", line["amount"])}


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0
