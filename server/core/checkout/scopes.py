"""Which lines of an order a coupon is about: what it comes off, and what its threshold counts.

Asked by discounts. Two questions, and two answers: a coupon for free shipping from 100 yuan comes off
the shipping line and counts the courses.
"""

from collections.abc import Mapping
from typing import Final

from server.core.checkout.orders import LineKind, Order, OrderLine
from server.core.promotions.templates import Deducts, Scope

EVERYTHING: Final = Scope()

_DEDUCTED_AS: Final[Mapping[LineKind, Deducts]] = {
    LineKind.COURSE: Deducts.GOODS,
    LineKind.SHIPPING: Deducts.SHIPPING,
    LineKind.TAX: Deducts.TAX,
    LineKind.FEE: Deducts.FEE,
}


def goods_in_scope(order: Order, scope: Scope) -> tuple[int, ...]:
    """The places of the courses that the scope lets in; thresholds count these and no other line."""
    return tuple(at for at, line in enumerate(order.lines) if _is_in_scope(line, scope))


def deducted_lines(
    order: Order, goods: tuple[int, ...], deducts: frozenset[Deducts]
) -> tuple[int, ...]:
    """The places of the lines a discount comes off: the goods in scope, and every line of the other
    kinds it names, in the order of the lines.
    """
    counted = set(goods)
    return tuple(
        at
        for at, line in enumerate(order.lines)
        if _DEDUCTED_AS[line.kind] in deducts
        and (line.kind is not LineKind.COURSE or at in counted)
    )


def is_about(goods: tuple[int, ...], deducted: tuple[int, ...], scope: Scope) -> bool:
    """Whether the order has anything for a coupon of this scope. Who limits it to some courses wants
    one of them on the order, also where the discount comes off the shipping.
    """
    return bool(deducted) and (bool(goods) or scope == EVERYTHING)


def _is_in_scope(line: OrderLine, scope: Scope) -> bool:
    """What is excepted is out, whatever else it belongs to."""
    if line.kind is not LineKind.COURSE or _is_excepted(line, scope):
        return False
    if not scope.courses and not scope.packages:
        return True
    return line.course in scope.courses or not scope.packages.isdisjoint(line.packages)


def _is_excepted(line: OrderLine, scope: Scope) -> bool:
    if line.course in scope.except_courses or not scope.except_packages.isdisjoint(line.packages):
        return True
    return (
        not scope.sale_prices and line.list_price is not None and line.list_price > line.unit_price
    )
