"""What an order costs with given coupons: which apply, what each saves, and why the others cannot.

Called by the quote flow, and by the redemption flow inside its transaction, so that a total shown
and a total locked come from one rule. Changes nothing; wallet and clock are arguments.

One coupon goes on one order. The quote still speaks of a list in order of application: the first
ticked coupon is applied first, and whoever comes second cannot be combined with it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, assert_never

from server.core import codes
from server.core.apportionment import shares
from server.core.coupons import Coupon, CouponState
from server.core.money import half_up
from server.core.orders import LineKind, Order, OrderLine
from server.core.template_rules import text_violations
from server.core.templates import (
    AmountOff,
    Discount,
    Gift,
    ItemsFree,
    PercentOff,
    Rebate,
    Scope,
)
from server.core.violations import Violation

MAX_TICKED: Final = 20
MAX_TYPED: Final = 64  # a code is at most 30 characters; people add spaces


class Reason(StrEnum):
    """Why a coupon cannot be used. `unknown` is one answer for codes that do not exist and codes of
    others, or guessing would find out which do.
    """

    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    LOCKED = "locked"
    REDEEMED = "redeemed"
    RELEASED = "released"
    REVOKED = "revoked"
    BELOW_THRESHOLD = "below_threshold"
    OUT_OF_SCOPE = "out_of_scope"
    WRONG_CURRENCY = "wrong_currency"
    NOT_COMBINABLE = "not_combinable"
    STOPPED = "stopped"
    UNKNOWN = "unknown"


class Tick(StrEnum):
    """Said instead of a list of codes: whichever saves most."""

    BEST = "best"


@dataclass(frozen=True, slots=True)
class Offer:
    """What a coupon would save alone. `amounts` has what each line of the order counts for it: 0
    where the line is out of its scope.
    """

    coupon: Coupon
    discount: int
    amounts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Applied:
    """A coupon on the order. `shares` has one amount per line of the order, in its order."""

    coupon: Coupon
    discount: int
    shares: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Unusable:
    """`short_by`: what is missing to the threshold, in minor units."""

    code: str
    reason: Reason
    short_by: int | None = None


@dataclass(frozen=True, slots=True)
class Usable:
    """`discount`: what it saves alone. `adds`: what it saves on top of what is ticked."""

    code: str
    name: str
    discount: int
    adds: int
    use_by: int


@dataclass(frozen=True, slots=True)
class QuotedLine:
    id: str
    discount: int
    payable: int


@dataclass(frozen=True, slots=True)
class Best:
    """`exact`: no other choice from this wallet saves more; false where not all of it was seen."""

    codes: tuple[str, ...]
    discount: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Quote:
    """`applied` is in order of application. Shares, line by line, add up to `discount` (I7)."""

    subtotal: int
    discount: int
    payable: int
    lines: tuple[QuotedLine, ...]
    applied: tuple[Applied, ...]
    best: Best
    usable: tuple[Usable, ...]
    unusable: tuple[Unusable, ...]


def quote(
    order: Order,
    wallet: Sequence[Coupon],
    ticked: Sequence[str] | Tick,
    now: int,
    *,
    whole_wallet: bool = True,
    stopped: Collection[str] = (),
) -> Quote:
    """`wallet` holds the student's own coupons, the ticked ones among them; `ticked` is read as it
    was typed. `stopped`: batches whose coupons may not be used now. Needs an order that obeys its rules
    (orders.violations).
    """
    judged = {coupon.code: judge(order, coupon, now, stopped) for coupon in wallet}
    offers = sorted((found for found in judged.values() if isinstance(found, Offer)), key=_rank)
    best = _best(offers, whole_wallet)
    applied, refused = _stack(best.codes if isinstance(ticked, Tick) else ticked, judged)
    unusable = [*refused, *(found for found in judged.values() if isinstance(found, Unusable))]
    unusable_codes = {found.code for found in unusable}
    return Quote(
        subtotal=order.subtotal,
        discount=sum(each.discount for each in applied),
        payable=order.subtotal - sum(each.discount for each in applied),
        lines=_lines(order, applied),
        applied=applied,
        best=best,
        usable=tuple(
            _usable(offer, applied) for offer in offers if offer.coupon.code not in unusable_codes
        ),
        unusable=tuple(dict.fromkeys(unusable)),
    )


def ticked_violations(ticked: Sequence[str] | Tick) -> Iterator[Violation]:
    """What is wrong with a request's `coupons`, whether they exist aside."""
    if isinstance(ticked, Tick):
        return
    if len(ticked) > MAX_TICKED:
        yield Violation("coupons", "too_many")
    for index, code in enumerate(ticked):
        yield from text_violations(f"coupons.{index}", code, MAX_TYPED)


def judge(
    order: Order, coupon: Coupon, now: int, stopped: Collection[str] = ()
) -> Offer | Unusable:
    """One coupon alone on this order: what it saves, or the first reason why not."""
    reason = _reason_now(coupon, now)
    if reason is None and coupon.batch_id in stopped:
        reason = Reason.STOPPED
    if reason is None and coupon.template.currency != order.currency:
        reason = Reason.WRONG_CURRENCY
    if reason is not None:
        return Unusable(coupon.code, reason)
    in_scope = [_is_in_scope(line, coupon.template.scope) for line in order.lines]
    if not any(in_scope):
        return Unusable(coupon.code, Reason.OUT_OF_SCOPE)
    amounts = tuple(
        line.amount if inside else 0 for line, inside in zip(order.lines, in_scope, strict=True)
    )
    short_by = _least_amount(coupon) - sum(amounts)
    if short_by > 0:
        return Unusable(coupon.code, Reason.BELOW_THRESHOLD, short_by)
    return Offer(coupon, _discount(coupon.template.discount, sum(amounts)), amounts)


_STATE_REASONS: Mapping[CouponState, Reason] = {
    CouponState.LOCKED: Reason.LOCKED,
    CouponState.REDEEMED: Reason.REDEEMED,
    CouponState.RELEASED: Reason.RELEASED,
    CouponState.REVOKED: Reason.REVOKED,
    CouponState.EXPIRED: Reason.EXPIRED,
}


def _reason_now(coupon: Coupon, now: int) -> Reason | None:
    reason = _STATE_REASONS.get(coupon.seen_at(now))
    if reason is None and now < coupon.valid_from:
        return Reason.NOT_YET_VALID
    return reason


def _is_in_scope(line: OrderLine, scope: Scope) -> bool:
    if line.kind is not LineKind.COURSE:
        return False
    if not scope.courses and not scope.packages:
        return True
    return line.course in scope.courses or not scope.packages.isdisjoint(line.packages)


def _least_amount(coupon: Coupon) -> int:
    """The threshold, counted before any discount on the lines in scope (equal passes), but never
    so little that nothing comes off: no coupon is spent on a saving of 0.
    """
    match coupon.template.discount:
        case AmountOff():
            least = 1
        case PercentOff(percent):
            least = -(-50 // percent)  # the first amount whose percentage rounds up to 1
        case ItemsFree() | Gift() | Rebate():
            least = 0
        case _:
            assert_never(coupon.template.discount)
    return max(coupon.template.threshold.min_amount, least)


def _discount(discount: Discount, amount: int) -> int:
    """Percentages are taken of the whole in scope and rounded once, not line by line."""
    match discount:
        case AmountOff(off):
            return min(off, amount)
        case PercentOff(percent, max_amount):
            off = half_up(amount * percent, 100)
            return off if max_amount is None else min(off, max_amount)
        case ItemsFree() | Gift() | Rebate():
            return 0
        case _:
            assert_never(discount)


def _rank(offer: Offer) -> tuple[int, int, str]:
    """First the one that saves most; of equal ones the one that is lost first, then by code."""
    return (-offer.discount, offer.coupon.use_by, offer.coupon.code)


def _best(ranked: Sequence[Offer], exact: bool) -> Best:
    if not ranked:
        return Best((), 0, exact)
    return Best((ranked[0].coupon.code,), ranked[0].discount, exact)


def _stack(
    ticked: Sequence[str], judged: Mapping[str, Offer | Unusable]
) -> tuple[tuple[Applied, ...], list[Unusable]]:
    """Puts the ticked coupons on the order one after the other. An unknown code is told as it was
    typed, a known one as it is stored.
    """
    applied: list[Applied] = []
    refused: list[Unusable] = []
    for code, typed in {codes.normalise(typed): typed for typed in ticked}.items():
        found = judged.get(code, Unusable(typed, Reason.UNKNOWN))
        if isinstance(found, Unusable):
            refused.append(found)
        elif applied:
            refused.append(Unusable(code, Reason.NOT_COMBINABLE))
        else:
            parts = shares(found.discount, found.amounts)
            applied.append(Applied(found.coupon, found.discount, tuple(parts)))
    return tuple(applied), refused


def _usable(offer: Offer, applied: Sequence[Applied]) -> Usable:
    coupon = offer.coupon
    adds = 0 if applied else offer.discount
    return Usable(coupon.code, coupon.template.name, offer.discount, adds, coupon.use_by)


def _lines(order: Order, applied: Sequence[Applied]) -> tuple[QuotedLine, ...]:
    discounts = [sum(each.shares[index] for each in applied) for index in range(len(order.lines))]
    return tuple(
        QuotedLine(line.id, discount, line.amount - discount)
        for line, discount in zip(order.lines, discounts, strict=True)
    )
