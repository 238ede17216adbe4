"""What one coupon is worth on an order as it stands: the only place where a discount is computed.

Called by stacking and best_choice, which put coupons one after the other, and (greatest_discount) by
campaigns, whose money is set aside before anybody has used a coupon. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, assert_never

from server.core.checkout.apportionment import line_shares
from server.core.checkout.money_rules import USUAL_RULES, DiscountBase, MoneyRules
from server.core.checkout.orders import LineKind, Order
from server.core.checkout.scopes import deducted_lines, goods_in_scope
from server.core.money import half_up
from server.core.promotions.templates import (
    AmountOff,
    Counted,
    Deducts,
    Discount,
    Gift,
    ItemsFree,
    PercentOf,
    PercentOff,
    Rebate,
    Template,
)


@dataclass(frozen=True, slots=True)
class Totals:
    """An order between two coupons, line by line: `net` is what it costs after those before, `credited`
    what the rebates before give back of that later.
    """

    net: tuple[int, ...]
    credited: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PricingContext:
    """What stays the same for every coupon: the order, the school's rules, and, line by line, the
    undiscounted amounts and what must be paid in any case. `uses`: how often the student has used each
    template so far, by its id.
    """

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
            tuple(min(line.floor_price or 0, line.amount) for line in order.lines),
            uses or {},
        )

    def undiscounted(self) -> Totals:
        """The order without any coupon."""
        return Totals(self.amounts, (0,) * len(self.amounts))


@dataclass(frozen=True, slots=True)
class Terms:
    """A template read for one order. `goods`: the lines its threshold counts, `pieces` how many they
    are; `lines`: those it comes off; `free`: of items_free, for each of those how many pieces are free, of
    how many. `uses_left`: how many coupons of this version the student may still use; None where it has
    no limit.
    """

    template: Template
    goods: tuple[int, ...]
    lines: tuple[int, ...]
    pieces: int
    free: tuple[tuple[int, int], ...]
    uses_left: int | None = None


class Saving(NamedTuple):
    """`now` comes off the bill; `later` is what a rebate credits, or a gift's list price."""

    now: int
    later: int


class Shortfall(NamedTuple):
    """What is missing to the threshold: minor units, and pieces."""

    amount: int
    pieces: int


NO_SAVING: Final = Saving(0, 0)
NO_SHORTFALL: Final = Shortfall(0, 0)


@dataclass(frozen=True, slots=True)
class Step:
    """One coupon applied. `shares` has one amount for each line of the order: of `saving.now`, or of a
    rebate's `saving.later`. `base` is what it was computed on.
    """

    totals: Totals
    saving: Saving
    base: int
    line_shares: tuple[int, ...]


def read_terms(pricing: PricingContext, template: Template) -> Terms:
    order = pricing.order
    goods = goods_in_scope(order, template.scope)
    lines = deducted_lines(order, goods, template.form.deducts)
    pieces = sum(order.lines[at].quantity for at in goods)
    free = _free_pieces(order, template.discount, lines)
    return Terms(template, goods, lines, pieces, free, uses_left(template, pricing.uses))


def with_line(pricing: PricingContext, terms: Terms) -> Terms:
    """The terms on an order that has one line more, its last, which is a course in their scope."""
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
    """See Terms. Below zero where payments that came late were honoured beyond the limit."""
    limit = template.uses_per_student
    return None if limit is None else limit - uses.get(template.id, 0)


def shortfall(pricing: PricingContext, terms: Terms, totals: Totals) -> Shortfall:
    """(0, 0) where the threshold is reached; equal to it is enough. It counts goods in scope: before any
    discount, or as they stand on this bill.
    """
    threshold = terms.template.threshold
    counted = pricing.amounts if threshold.counted is Counted.BEFORE else totals.net
    amount = sum([counted[at] for at in terms.goods])
    pieces = max(threshold.min_quantity, _least_pieces(terms.template.discount))
    return Shortfall(max(0, threshold.min_amount - amount), max(0, pieces - terms.pieces))


def has_effect(terms: Terms, saving: Saving) -> bool:
    """No coupon is spent on nothing. A gift is something, whatever its price."""
    return saving.now > 0 or saving.later > 0 or isinstance(terms.template.discount, Gift)


def saving_on(pricing: PricingContext, terms: Terms, totals: Totals) -> Saving:
    """What it saves on this bill, threshold aside. Never more where the bill is lower."""
    match terms.template.discount:
        case Gift(_, list_price, quantity):
            return Saving(0, list_price * quantity)
        case Rebate(credit):
            return Saving(0, _amount(terms, credit, _paid_part(terms, totals)))
        case AmountOff() | PercentOff() | ItemsFree() as reduction:
            return Saving(_amount(terms, reduction, _part(pricing, terms, totals)), 0)
        case _:
            assert_never(terms.template.discount)


def apply(pricing: PricingContext, terms: Terms, totals: Totals) -> Step:
    """The bill after it. A line's share is its part of what the lines cost on the bill as it stands, or,
    where a discount is decided line by line or piece by piece, what the line itself asked for.
    """
    saving = saving_on(pricing, terms, totals)
    match terms.template.discount:
        case Gift():
            return Step(totals, saving, 0, (0,) * len(pricing.amounts))
        case Rebate(credit):
            part = _paid_part(terms, totals)
            parts = _spread(
                pricing, terms, _parts(pricing.rules, terms, credit, part, saving.later)
            )
            after = Totals(totals.net, tuple(map(int.__add__, totals.credited, parts)))
            return Step(after, saving, sum(part.base), parts)
        case AmountOff() | PercentOff() | ItemsFree() as reduction:
            part = _part(pricing, terms, totals)
            parts = _spread(
                pricing, terms, _parts(pricing.rules, terms, reduction, part, saving.now)
            )
            after = Totals(tuple(map(int.__sub__, totals.net, parts)), totals.credited)
            return Step(after, saving, sum(part.base), parts)
        case _:
            assert_never(terms.template.discount)


def greatest_discount(discount: Discount) -> int | None:
    """What one coupon costs its school at most, in minor units of its currency: a gift by its list price, a
    rebate by what it credits. None where nothing bounds it: a percentage without `max_amount`, free pieces.
    """
    match discount:
        case AmountOff(amount):
            return amount
        case PercentOff(_, max_amount):
            return max_amount
        case ItemsFree():
            return None
        case Gift(_, list_price, quantity):
            return list_price * quantity
        case Rebate(credit):
            return greatest_discount(credit)
        case _:
            assert_never(discount)


_Reduction = AmountOff | PercentOff | ItemsFree


class _Part(NamedTuple):
    """The lines of a coupon on a bill: what its discount is computed on, what they cost, and how much
    lower they may get.
    """

    base: list[int]
    net: list[int]
    rooms: list[int]


def _part(pricing: PricingContext, terms: Terms, totals: Totals) -> _Part:
    net = [totals.net[at] for at in terms.lines]
    rooms = [totals.net[at] - pricing.floors[at] for at in terms.lines]
    if pricing.rules.base is DiscountBase.RUNNING:
        return _Part(net, net, rooms)
    return _Part([pricing.amounts[at] for at in terms.lines], net, rooms)


def _paid_part(terms: Terms, totals: Totals) -> _Part:
    """A rebate is computed on what is paid, and all of them together give back no more than that."""
    net = [totals.net[at] for at in terms.lines]
    return _Part(net, net, [totals.net[at] - totals.credited[at] for at in terms.lines])


def _amount(terms: Terms, reduction: _Reduction, part: _Part) -> int:
    """What it asks for, at most its cap, and no more than there is room. A percentage of the total is
    rounded once, one of the lines for each line.
    """
    match reduction:
        case AmountOff(amount):
            requested = amount
        case PercentOff(percent, max_amount, of):
            if of is PercentOf.TOTAL:
                requested = half_up(sum(part.base) * percent, 100)
            else:
                requested = sum(_requested_by_line(terms, reduction, part))
            requested = requested if max_amount is None else min(requested, max_amount)
        case ItemsFree():
            requested = sum(_requested_by_line(terms, reduction, part))
        case _:
            assert_never(reduction)
    return min(requested, sum(part.rooms))


def _requested_by_line(terms: Terms, reduction: PercentOff | ItemsFree, part: _Part) -> list[int]:
    """What each line asks for, where that is decided line by line."""
    if isinstance(reduction, PercentOff):
        return [half_up(base * reduction.percent, 100) for base in part.base]
    return [
        base * free // quantity
        for base, (free, quantity) in zip(part.base, terms.free, strict=True)
    ]


def _parts(
    rules: MoneyRules, terms: Terms, reduction: _Reduction, part: _Part, amount: int
) -> list[int]:
    """The shares of its lines: as each asked for, where all of it is given and fits; what a cap or a
    floor price takes from one is shared among the others.
    """
    is_of_total = isinstance(reduction, PercentOff) and reduction.of is PercentOf.TOTAL
    if isinstance(reduction, AmountOff) or is_of_total:
        return line_shares(amount, part.net, part.rooms, rules.apportionment)
    requested = _requested_by_line(terms, reduction, part)
    if sum(requested) == amount and all(map(int.__le__, requested, part.rooms)):
        return requested
    return line_shares(amount, requested, part.rooms, rules.apportionment)


def _spread(pricing: PricingContext, terms: Terms, parts: Sequence[int]) -> tuple[int, ...]:
    """From the coupon's lines to all of the order's."""
    spread = [0] * len(pricing.amounts)
    for at, part in zip(terms.lines, parts, strict=True):
        spread[at] = part
    return tuple(spread)


def _free_pieces(
    order: Order, discount: Discount, lines: tuple[int, ...]
) -> tuple[tuple[int, int], ...]:
    """For each of these lines how many pieces are free, of how many: the cheapest ones by the order's
    unit price, of equal prices those of the first line. Empty where the discount frees no pieces.
    """
    if not isinstance(discount, ItemsFree):
        return ()
    left, free = discount.free_items, dict.fromkeys(lines, 0)
    for at in sorted(lines, key=lambda at: order.lines[at].unit_price):
        is_goods = order.lines[at].kind is LineKind.COURSE
        free[at] = min(left, order.lines[at].quantity) if is_goods else 0
        left -= free[at]
    return tuple((free[at], order.lines[at].quantity) for at in lines)


def _least_pieces(discount: Discount) -> int:
    return discount.from_items if isinstance(discount, ItemsFree) else 0
