"""Discounts: what one coupon takes off an order as it stands. The only place where a discount is computed.

Called by stacking and best_choice, which apply coupons one after the other. `greatest_discount` is for
campaigns, which set money aside before any coupon is used.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, assert_never

from server.core.checkout.apportionment import line_shares
from server.core.checkout.money_rules import DiscountBase, MoneyRules
from server.core.checkout.terms import PricingContext, Terms, Totals, min_pieces
from server.core.money import half_up
from server.core.promotions.templates import (
    AmountOff,
    Counted,
    Discount,
    Gift,
    ItemsFree,
    PercentOf,
    PercentOff,
    Rebate,
)


class Saving(NamedTuple):
    """`now` is taken off the order; `later` is what a rebate credits, or the list price of a gift."""

    now: int
    later: int


class Shortfall(NamedTuple):
    """The part that is missing to the threshold: minor units, and pieces."""

    amount: int
    pieces: int


NO_SAVING: Final = Saving(0, 0)
NO_SHORTFALL: Final = Shortfall(0, 0)


@dataclass(frozen=True, slots=True)
class Step:
    """One coupon applied. `line_shares` has one amount for each line of the order; they add up to
    `saving.now`, or, of a rebate, to `saving.later`. `base` is the amount that the discount was computed
    on."""

    totals: Totals
    saving: Saving
    base: int
    line_shares: tuple[int, ...]


def shortfall(pricing: PricingContext, terms: Terms, totals: Totals) -> Shortfall:
    """Return what is missing to the threshold; (0, 0) if it is reached. A total equal to it is enough.

    The threshold counts goods in scope, before any discount or as they stand in `totals`.
    """
    threshold = terms.template.threshold
    counted = pricing.amounts if threshold.counted is Counted.BEFORE else totals.net
    amount = sum([counted[at] for at in terms.goods])  # a list is faster than a generator here
    pieces = max(threshold.min_quantity, min_pieces(terms.template.discount))
    return Shortfall(max(0, threshold.min_amount - amount), max(0, pieces - terms.pieces))


def has_effect(terms: Terms, saving: Saving) -> bool:
    """Return whether the coupon does anything: no coupon is used up for nothing. A gift has an effect
    whatever its price."""
    return saving.now > 0 or saving.later > 0 or isinstance(terms.template.discount, Gift)


def saving_on(pricing: PricingContext, terms: Terms, totals: Totals) -> Saving:
    """Return what the coupon saves on these totals, threshold aside. It never saves more on lower totals;
    best_choice relies on that."""
    match terms.template.discount:
        case Gift() as gift:
            return Saving(0, gift.worth)
        case Rebate(credit):
            return Saving(0, _discount_amount(terms, credit, _rebate_lines(terms, totals)))
        case AmountOff() | PercentOff() | ItemsFree() as reduction:
            return Saving(
                _discount_amount(terms, reduction, _coupon_lines(pricing, terms, totals)), 0
            )
        case _:
            assert_never(terms.template.discount)


def apply(pricing: PricingContext, terms: Terms, totals: Totals) -> Step:
    """Return the totals after the coupon, and what each line got of its saving.

    A line's share is in proportion to what the lines cost in `totals`, or, if a discount is decided line by
    line or piece by piece, what the line itself requested.
    """
    saving = saving_on(pricing, terms, totals)
    match terms.template.discount:
        case Gift():
            return Step(totals, saving, 0, (0,) * len(pricing.amounts))
        case Rebate(credit):
            coupon_lines = _rebate_lines(terms, totals)
            by_line = _over_order(
                pricing,
                terms,
                _shares_of_lines(pricing.rules, terms, credit, coupon_lines, saving.later),
            )
            after = Totals(totals.net, tuple(map(int.__add__, totals.credited, by_line)))
            return Step(after, saving, sum(coupon_lines.base), by_line)
        case AmountOff() | PercentOff() | ItemsFree() as reduction:
            coupon_lines = _coupon_lines(pricing, terms, totals)
            by_line = _over_order(
                pricing,
                terms,
                _shares_of_lines(pricing.rules, terms, reduction, coupon_lines, saving.now),
            )
            after = Totals(tuple(map(int.__sub__, totals.net, by_line)), totals.credited)
            return Step(after, saving, sum(coupon_lines.base), by_line)
        case _:
            assert_never(terms.template.discount)


def greatest_discount(discount: Discount) -> int | None:
    """Return what one coupon costs its school at most, in minor units of its currency: a gift by its list
    price, a rebate by what it credits. None if nothing bounds it: a percentage without `max_amount`, free
    pieces."""
    match discount:
        case AmountOff(amount):
            return amount
        case PercentOff(_, max_amount):
            return max_amount
        case ItemsFree():
            return None
        case Gift():
            return discount.worth
        case Rebate(credit):
            return greatest_discount(credit)
        case _:
            assert_never(discount)


_Reduction = AmountOff | PercentOff | ItemsFree


class _CouponLines(NamedTuple):
    """The lines of a coupon in some totals: what its discount is computed on, what they cost, and by how
    much each may still be lowered (`limits`)."""

    base: list[int]
    net: list[int]
    limits: list[int]


def _coupon_lines(pricing: PricingContext, terms: Terms, totals: Totals) -> _CouponLines:
    net = [totals.net[at] for at in terms.lines]
    limits = [totals.net[at] - pricing.floors[at] for at in terms.lines]
    if pricing.rules.base is DiscountBase.RUNNING:
        return _CouponLines(net, net, limits)
    return _CouponLines([pricing.amounts[at] for at in terms.lines], net, limits)


def _rebate_lines(terms: Terms, totals: Totals) -> _CouponLines:
    """Return the lines of a rebate. It is computed on what is paid, and all rebates together give back no
    more than that."""
    net = [totals.net[at] for at in terms.lines]
    return _CouponLines(net, net, [totals.net[at] - totals.credited[at] for at in terms.lines])


def _discount_amount(terms: Terms, reduction: _Reduction, coupon_lines: _CouponLines) -> int:
    """Return the discount: what the coupon requests, at most its cap and the sum of the lines' limits. A
    percentage of the total is rounded once, a percentage of the lines for each line."""
    match reduction:
        case AmountOff(amount):
            requested = amount
        case PercentOff(percent, max_amount, of):
            if of is PercentOf.TOTAL:
                requested = half_up(sum(coupon_lines.base) * percent, 100)
            else:
                requested = sum(_requested_by_line(terms, reduction, coupon_lines))
            requested = requested if max_amount is None else min(requested, max_amount)
        case ItemsFree():
            requested = sum(_requested_by_line(terms, reduction, coupon_lines))
        case _:
            assert_never(reduction)
    return min(requested, sum(coupon_lines.limits))


def _requested_by_line(
    terms: Terms, reduction: PercentOff | ItemsFree, coupon_lines: _CouponLines
) -> list[int]:
    """Return what each line requests, for discounts that are decided line by line."""
    if isinstance(reduction, PercentOff):
        return [half_up(base * reduction.percent, 100) for base in coupon_lines.base]
    # Rounded down: a free piece never takes more than its part of what the line costs.
    return [
        base * free // quantity
        for base, (free, quantity) in zip(coupon_lines.base, terms.free, strict=True)
    ]


def _shares_of_lines(
    rules: MoneyRules, terms: Terms, reduction: _Reduction, coupon_lines: _CouponLines, amount: int
) -> list[int]:
    """Return the shares of the coupon's lines.

    A line gets what it requested if all lines can. What a cap or a floor price takes from one line is
    apportioned among the others.
    """
    # One amount for all lines goes by what the lines cost; one decided line by line stays on its lines.
    is_of_total = isinstance(reduction, PercentOff) and reduction.of is PercentOf.TOTAL
    if isinstance(reduction, AmountOff) or is_of_total:
        return line_shares(amount, coupon_lines.net, coupon_lines.limits, rules.apportionment)
    requested = _requested_by_line(terms, reduction, coupon_lines)
    # Equal to the amount: neither the cap nor a floor price has taken anything from any line.
    if sum(requested) == amount and all(map(int.__le__, requested, coupon_lines.limits)):
        return requested
    return line_shares(amount, requested, coupon_lines.limits, rules.apportionment)


def _over_order(pricing: PricingContext, terms: Terms, by_line: Sequence[int]) -> tuple[int, ...]:
    """Return one amount for each line of the order, from one for each of the coupon's lines."""
    spread = [0] * len(pricing.amounts)
    for at, coupon_lines in zip(terms.lines, by_line, strict=True):
        spread[at] = coupon_lines
    return tuple(spread)
