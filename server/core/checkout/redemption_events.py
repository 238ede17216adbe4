"""The events that tell a school of its orders. Each names the coupons that it moved, and their state after.

Called by the flows of checkout, in the transaction that changes the order.
"""

from collections.abc import Iterable
from typing import NamedTuple

from server.core import instants
from server.core.checkout.redemptions import Redemption
from server.core.checkout.refunds import Refund
from server.core.coupons.coupons import CouponState
from server.core.event_types import Event, EventType


class MovedOn(NamedTuple):
    """A coupon that an order has moved, and its state since, as its student sees it."""

    id: str
    code: str
    state: str


def locked(redemption: Redemption, freed: Iterable[MovedOn]) -> Event:
    """Return the event of a lock; `freed` are coupons of the lock that it replaced."""
    named = {each.coupon_id for each in redemption.coupons}
    coupons = [MovedOn(e.coupon_id, e.code, CouponState.LOCKED) for e in redemption.coupons]
    coupons += [each for each in freed if each.id not in named]
    more: dict[str, object] = {
        "version": redemption.version,
        "expires_at": instants.to_text(redemption.expires_at),
    }
    return _event(EventType.REDEMPTION_LOCKED, redemption, coupons, more)


def redeemed(redemption: Redemption) -> Event:
    """Return the event of a payment."""
    coupons = [MovedOn(e.coupon_id, e.code, CouponState.REDEEMED) for e in redemption.coupons]
    more: dict[str, object] = {
        "version": redemption.version,
        "payment_ref": redemption.payment_ref,
        "paid_at": None if redemption.paid_at is None else instants.to_text(redemption.paid_at),
    }
    return _event(EventType.REDEMPTION_REDEEMED, redemption, coupons, more)


def ended(type_: EventType, redemption: Redemption, moved: Iterable[MovedOn]) -> Event:
    """Return the event of a lock that was cancelled or is out of time; `moved` left the order with it."""
    return _event(type_, redemption, moved, {"version": redemption.version})


def refunded(redemption: Redemption, refund: Refund) -> Event:
    """Return the event of a refund. `amount` is what is paid back, and `total` with all refunds before."""
    ids = {each.code: each.coupon_id for each in redemption.coupons}
    data: dict[str, object] = {
        "order_id": redemption.order_id,
        "currency": redemption.order.currency,
        "refund_id": refund.refund_id,
        "amount": refund.refunded,
        "charged_back": refund.charged_back,
        "total": refund.total,
        "balance": refund.balance,
        "lines": [
            {"id": line.id, "refunded": line.refunded, "quantity": line.quantity}
            for line in refund.lines
        ],
        "coupons": [
            {"id": ids[code], "code": code, "state": state} for code, state in refund.coupons
        ],
    }
    return Event(
        EventType.REDEMPTION_REFUNDED,
        refund.created_at,
        redemption.id,
        data,
        redemption.student,
    )


def _event(
    type_: EventType,
    redemption: Redemption,
    coupons: Iterable[MovedOn],
    more: dict[str, object],
) -> Event:
    data: dict[str, object] = {
        "order_id": redemption.order_id,
        "currency": redemption.order.currency,
        "subtotal": redemption.order.subtotal,
        "discount": redemption.discount,
        "payable": redemption.payable,
        "coupons": [each._asdict() for each in coupons],
        **more,
    }
    return Event(type_, redemption.updated_at, redemption.id, data, redemption.student)
