"""Redemptions: coupons on an order, the states that they go through, and what is frozen with them.

Made by flows/checkout/redemptions.py, stored by ledger/checkout/redemptions.py, published by the API.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from server.core.checkout.orders import MAX_ID, Order, violations
from server.core.checkout.paid_orders import OrderAccount, PaidLine, paid_coupon
from server.core.checkout.quoting.quotes import QuotedGift, QuotedLine, selection_violations
from server.core.checkout.refunds import Refund
from server.core.promotions.template_rules import (
    MAX_INSTANT,
    amount_violations,
    metadata_violations,
    text_violations,
)
from server.core.promotions.templates import Template
from server.core.violations import Violation

# NUL is refused before, with all texts that cannot be stored.
_CONTROL: Final = re.compile(r"[\x01-\x1f\x7f-\x9f]")

MAX_PAYMENT_REF: Final = 200
LEAST_LOCK_SECONDS: Final = 10
CLOCK_DIFFERENCE_MS: Final = 60_000  # between the school's clock and ours
MAX_VERSION: Final = 2**31 - 1  # fits an SQL INTEGER
LOCK_LIMIT_MS: Final = 15 * 60_000  # how long a student may take to pay, unless the setting differs


class RedemptionState(StrEnum):
    LOCKED = "locked"
    REDEEMED = "redeemed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def may_change(self) -> bool:
        """True if the order may still be paid or cancelled. A lock that ended while the student was paying
        is not the end: the payment is honoured if it can be."""
        return self in (RedemptionState.LOCKED, RedemptionState.EXPIRED)

    @property
    def may_be_locked(self) -> bool:
        """True if the order may be locked, for the first time or again: a cancelled order may, a paid one
        may not."""
        return self is not RedemptionState.REDEEMED


@dataclass(frozen=True, slots=True)
class RedeemedCoupon:
    """A coupon on the order. `line_shares` by line id, in minor units, are frozen for refunds and add up to
    `discount`."""

    coupon_id: str
    code: str
    discount: int
    line_shares: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class FrozenRebate:
    """A rebate that the payment earns, credited at once or `days` later. `line_shares` by line id add up to
    `amount`."""

    coupon_id: str
    amount: int
    days: int | None
    line_shares: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Redemption:
    """The coupons of an order and what was frozen with them at its last lock.

    `coupons` stay in order of application, also when the lock has ended. `balance` is the part of
    `discount` that the student's balance paid, `balance_shares` divides it by line id. `version` is 1 for
    the order's first lock, and one more for each different lock that replaced it. `metadata` is the last
    lock's; another one alone does not make a lock different.
    """

    id: str
    order_id: str
    student: str
    state: RedemptionState
    order: Order
    discount: int
    payable: int
    lines: tuple[QuotedLine, ...]
    coupons: tuple[RedeemedCoupon, ...]
    expires_at: int
    created_at: int
    updated_at: int
    payment_ref: str | None = None
    paid_at: int | None = None
    refunds: tuple[Refund, ...] = ()
    gifts: tuple[QuotedGift, ...] = ()
    rebates: tuple[FrozenRebate, ...] = ()
    balance: int = 0
    balance_shares: Mapping[str, int] = field(default_factory=dict)
    version: int = 1
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def paid_lines(self) -> tuple[PaidLine, ...]:
        """The lines as they were paid, before anything came back."""
        pieces = {line.id: line.quantity for line in self.order.lines}
        return tuple(
            PaidLine(line.id, line.discount + line.payable, line.payable, pieces.get(line.id, 1))
            for line in self.lines
        )

    @property
    def costs(self) -> dict[str, int]:
        """The costs to the school of each coupon's use, by coupon id: what it took off, what its rebate
        credits, or what its gift is worth."""
        costs = {each.coupon_id: each.discount for each in self.coupons}
        ids = {each.code: each.coupon_id for each in self.coupons}
        for rebate in self.rebates:
            costs[rebate.coupon_id] += rebate.amount
        for gift in self.gifts:
            costs[ids[gift.coupon]] += gift.list_price * gift.quantity
        return costs

    @property
    def refunded(self) -> int:
        """The sum that has been paid back so far."""
        return self.refunds[-1].total if self.refunds else 0

    def account(self, lines: tuple[PaidLine, ...], templates: Sequence[Template]) -> OrderAccount:
        """Return the account of the order with these lines. `templates`: of its coupons, in the order of
        application."""
        credits = {each.coupon_id: each.line_shares for each in self.rebates}
        coupons = tuple(
            paid_coupon(template, frozen.line_shares, self.order, credits.get(frozen.coupon_id))
            for frozen, template in zip(self.coupons, templates, strict=True)
        )
        return OrderAccount(lines, coupons, self.refunded)


@dataclass(frozen=True, slots=True)
class LockForm:
    """A request to lock an order. `coupons` are codes as they were typed. `expected_payable`: the total
    that the student was shown. `lock_seconds`: a shorter time to pay than is usual. `balance`: how much of
    the student's balance the order may take."""

    order_id: str
    student: str
    order: Order
    coupons: tuple[str, ...] = field(default=())
    expected_payable: int | None = None
    lock_seconds: int | None = None
    balance: int = 0
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Payment:
    """The school's statement that the order is paid. `paid_at` None: now. `paid`: the sum that the student
    paid. `expected_version`: the version of the lock that it was paid for."""

    payment_ref: str | None = None
    paid_at: int | None = None
    paid: int | None = None
    expected_version: int | None = None


@dataclass(frozen=True, slots=True)
class CancelledLock:
    """A lock that was cancelled before its order was locked again."""

    version: int
    cancelled_at: int
    payable: int


def replacing(before: Redemption, after: Redemption) -> Redemption:
    """Return `after` with its version. The same lock requested again, because its response was lost, has
    the same version: a payment for either is right. A lock that follows a cancelled one is always a new
    version."""
    is_same = before.state.may_change and all(
        getattr(before, name) == getattr(after, name) for name in _LOCKED_FIELDS
    )
    return replace(after, version=before.version if is_same else before.version + 1)


# What a student agreed to pay for. Dates and ids differ between two requests for the same lock.
_LOCKED_FIELDS: Final = (
    *("order", "discount", "payable", "lines", "coupons", "gifts", "rebates"),
    *("balance", "balance_shares"),
)


def is_paid_as_locked(redemption: Redemption, payment: Payment) -> bool:
    """Return whether the payment is for the lock that the order has.

    A payment that names neither sum nor version is for the first lock, the only one that its caller can be
    sure of. Of a paid order only what is named is compared, so that a confirmation may be repeated.
    """
    if payment.paid not in (None, redemption.payable):
        return False
    if payment.expected_version is not None:
        return payment.expected_version == redemption.version
    is_named = payment.paid is not None or redemption.state is RedemptionState.REDEEMED
    return is_named or redemption.version == 1


def lock_violations(form: LockForm, lock_limit_ms: int = LOCK_LIMIT_MS) -> list[Violation]:
    """Return everything that is wrong with the form; empty if it is good. `lock_limit_ms` is the longest
    that a lock may last."""
    longest = max(lock_limit_ms // 1000, LEAST_LOCK_SECONDS)
    requested = LEAST_LOCK_SECONDS if form.lock_seconds is None else form.lock_seconds
    return [
        *amount_violations("lock_seconds", requested, LEAST_LOCK_SECONDS, longest),
        *_order_id_violations(form.order_id),
        *text_violations("student", form.student, MAX_ID),
        *violations(form.order),
        *selection_violations(form.coupons),
        *amount_violations("balance", form.balance, 0),
        *metadata_violations("metadata", form.metadata),
    ]


def _order_id_violations(order_id: str) -> Iterator[Violation]:
    """Yield what keeps a call from naming the order in its path.

    An order id is the school's own, of any characters. But clients take `.` and `..` in a path as a way up,
    escaped or not, and some servers between a client and this one drop control characters.
    """
    yield from text_violations("order_id", order_id, MAX_ID)
    if order_id in (".", ".."):
        yield Violation("order_id", "bad_format")
    elif _CONTROL.search(order_id):
        yield Violation("order_id", "bad_character")


def payment_violations(payment: Payment) -> Iterator[Violation]:
    if payment.payment_ref is not None:
        yield from text_violations("payment_ref", payment.payment_ref, MAX_PAYMENT_REF)
    if payment.paid_at is not None:
        yield from amount_violations("paid_at", payment.paid_at, 0, MAX_INSTANT)
    if payment.paid is not None:
        yield from amount_violations("paid", payment.paid, 0)
    if payment.expected_version is not None:
        yield from amount_violations("expected_version", payment.expected_version, 1, MAX_VERSION)


def time_violations(payment: Payment, redemption: Redemption, now: int) -> Iterator[Violation]:
    """Yield what is wrong with the payment's time: it lies between the order's first lock and now, by
    clocks that differ by a minute at most."""
    if payment.paid_at is None:
        return
    if payment.paid_at < redemption.created_at - CLOCK_DIFFERENCE_MS:
        yield Violation("paid_at", "before_lock")
    if payment.paid_at > now + CLOCK_DIFFERENCE_MS:
        yield Violation("paid_at", "in_future")
