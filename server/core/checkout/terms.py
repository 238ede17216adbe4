"""Terms: a template read for one order, which lines it counts and which lines it comes off.

Read once for each template and order by eligibility and hints; discounts computes with them. Lines are
positions in the order.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from server.core.checkout.money_rules import USUAL_RULES, MoneyRules
from server.core.checkout.orders import LineKind, Order
from server.core.checkout.scopes import deducted_lines, goods_in_scope
from server.core.promotions.templates import (
    AmountOff,
    Deducts,
    Discount,
    Gift,
    ItemsFree,
    PercentOff,
    Rebate,
    Template,
)


@dataclass(frozen=True, slots=True)
class Totals:
    """The state of an order between two coupons, line by line. `net`: what the line costs after the coupons
    before. `credited`: what the rebates before give back of it later."""

    net: tuple[int, ...]
    credited: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PricingContext:
    """The facts that are the same for every coupon of an order: the order, the school's rules, and, line by
    line, the undiscounted amounts and the floors that no discount goes below. `uses`: how often the student
    has used each template so far, by its id."""

    order: Order
    rules: MoneyRules
    amounts: tuple[int, ...]
    floors: tuple[int, ...]
    uses: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls, order: Order, rules: MoneyRules = USUAL_RULES, uses: Mapping[str, int] | None = None
    ) -> "PricingContext":
        return cls(
            order,
            rules,
            tuple(line.amount for line in order.lines),
            # A floor above the line's own price would forbid what the school itself charges.
            tuple(min(line.floor_price or 0, line.amount) for line in order.lines),
            uses or {},
        )

    def undiscounted(self) -> Totals:
        """Return the totals of the order without any coupon."""
        return Totals(self.amounts, (0,) * len(self.amounts))


@dataclass(frozen=True, slots=True)
class Terms:
    """A template read for one order. `goods`: the lines that its threshold counts, with `pieces` in all.
    `lines`: the lines that it comes off. `free`: of items_free, for each of `lines` how many pieces are
    free, of how many. `uses_left`: how many coupons of this version the student may still use; None without
    a limit."""

    template: Template
    goods: tuple[int, ...]
    lines: tuple[int, ...]
    pieces: int
    free: tuple[tuple[int, int], ...]
    uses_left: int | None = None


def read_terms(pricing: PricingContext, template: Template) -> Terms:
    """Read a template for the order."""
    order = pricing.order
    goods = goods_in_scope(order, template.scope)
    lines = deducted_lines(order, goods, template.form.deducts)
    pieces = sum(order.lines[at].quantity for at in goods)
    free = _free_pieces(order, template.discount, lines)
    return Terms(template, goods, lines, pieces, free, uses_left(template, pricing.uses))


def with_line(pricing: PricingContext, terms: Terms) -> Terms:
    """Return the terms on an order that has one line more: its last, a course in their scope."""
    line = len(pricing.amounts) - 1
    comes_off = Deducts.GOODS in terms.template.form.deducts
    lines = (*terms.lines, line) if comes_off else terms.lines
    return replace(
        terms,
        goods=(*terms.goods, line),
        lines=lines,
        pieces=terms.pieces + pricing.order.lines[line].quantity,
        free=_free_pieces(pricing.order, terms.template.discount, lines),
    )


def uses_left(template: Template, uses: Mapping[str, int]) -> int | None:
    """Return how many coupons of the template the student may still use; None without a limit. It is
    negative if payments that came late were honoured beyond the limit."""
    limit = template.uses_per_student
    return None if limit is None else limit - uses.get(template.id, 0)


def min_pieces(discount: Discount) -> int:
    """Return how many pieces in scope the discount itself needs, threshold aside."""
    match discount:
        case ItemsFree(from_items):
            return from_items
        case AmountOff() | PercentOff() | Gift() | Rebate():
            return 0
        case _:
            assert_never(discount)


def _free_pieces(
    order: Order, discount: Discount, lines: tuple[int, ...]
) -> tuple[tuple[int, int], ...]:
    """Return for each of these lines how many pieces are free, of how many. The cheapest pieces by unit
    price are free, of equal prices those of the first line. Empty if the discount frees no pieces."""
    if not isinstance(discount, ItemsFree):
        return ()
    left, free = discount.free_items, dict.fromkeys(lines, 0)
    for at in sorted(lines, key=lambda at: order.lines[at].unit_price):
        is_goods = order.lines[at].kind is LineKind.COURSE  # shipping or a fee has no pieces
        free[at] = min(left, order.lines[at].quantity) if is_goods else 0
        left -= free[at]
    return tuple((free[at], order.lines[at].quantity) for at in lines)
