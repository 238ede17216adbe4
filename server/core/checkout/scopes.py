"""Scopes: the lines of an order that a coupon is about.

Called by discounts and paid_orders. A coupon has two sets of lines, those that its threshold counts and
those that its discount comes off: a coupon for free shipping from 100 yuan counts the courses and comes off
the shipping line.
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
    """Return the positions of the course lines that the scope lets in. Thresholds count these and no other
    line."""
    return tuple(at for at, line in enumerate(order.lines) if _is_in_scope(line, scope))


def deducted_lines(
    order: Order, goods: tuple[int, ...], deducts: frozenset[Deducts]
) -> tuple[int, ...]:
    """Return the positions of the lines that a discount comes off: the goods in scope, and every line of
    the other kinds in `deducts`, in the order of the lines."""
    counted = set(goods)
    return tuple(
        at
        for at, line in enumerate(order.lines)
        if _DEDUCTED_AS[line.kind] in deducts
        and (line.kind is not LineKind.COURSE or at in counted)
    )


def is_about(goods: tuple[int, ...], deducted: tuple[int, ...], scope: Scope) -> bool:
    """Return whether the order has anything for a coupon of this scope. A scope that is limited to some
    courses needs one of them on the order, even if the discount comes off the shipping."""
    return bool(deducted) and (bool(goods) or scope == EVERYTHING)


def _is_in_scope(line: OrderLine, scope: Scope) -> bool:
    """Return whether the scope lets the line in. Exceptions win over everything else."""
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
