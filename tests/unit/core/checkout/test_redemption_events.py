"""Events of an order tell the coupons that it moved, with their states since."""

from dataclasses import replace

from server.core.checkout import redemption_events
from server.core.checkout.redemption_events import MovedOn
from server.core.checkout.redemptions import Redemption, RedemptionState
from server.core.checkout.refunds import Refund
from server.core.event_types import EventType
from tests.unit.core.checkout.test_redemptions import a_paid_order

ORDER: Redemption = replace(
    a_paid_order(), state=RedemptionState.LOCKED, version=2, paid_at=None, updated_at=9
)
NAMED = [(each.coupon_id, each.code) for each in ORDER.coupons]


def test_a_lock_names_its_coupons_and_those_that_it_freed() -> None:
    first_id, first_code = NAMED[0]
    freed = [MovedOn(first_id, first_code, "usable"), MovedOn("cpn_old", "OLD", "usable")]
    event = redemption_events.locked(ORDER, freed)

    assert (event.type, event.at, event.subject) == (EventType.REDEMPTION_LOCKED, 9, ORDER.id)
    assert event.student == ORDER.student
    assert event.data["coupons"] == [
        *({"id": id_, "code": code, "state": "locked"} for id_, code in NAMED),
        {"id": "cpn_old", "code": "OLD", "state": "usable"},
    ]
    assert (event.data["version"], event.data["payable"]) == (2, ORDER.payable)


def test_a_payment_redeems_its_coupons() -> None:
    unpaid = redemption_events.redeemed(ORDER)
    paid = redemption_events.redeemed(replace(ORDER, paid_at=1_000, payment_ref="p1"))

    assert unpaid.data["paid_at"] is None
    assert (paid.data["paid_at"], paid.data["payment_ref"]) == ("1970-01-01T00:00:01.000Z", "p1")
    assert paid.data["coupons"] == [
        {"id": id_, "code": code, "state": "redeemed"} for id_, code in NAMED
    ]


def test_an_end_names_what_it_moved() -> None:
    moved = [MovedOn("cpn_1", "A", "usable")]
    event = redemption_events.ended(EventType.REDEMPTION_CANCELLED, ORDER, moved)
    assert event.type is EventType.REDEMPTION_CANCELLED
    assert event.data["coupons"] == [{"id": "cpn_1", "code": "A", "state": "usable"}]


def test_a_refund_says_what_is_paid_back_and_where_its_coupons_are() -> None:
    id_, code = NAMED[0]
    refund = Refund("r1", 500, 0, 700, (), ((code, "usable"),), (), created_at=11, balance=3)
    event = redemption_events.refunded(ORDER, refund)

    assert (event.at, event.data["refund_id"], event.data["amount"]) == (11, "r1", 500)
    assert (event.data["total"], event.data["balance"]) == (700, 3)
    assert event.data["coupons"] == [{"id": id_, "code": code, "state": "usable"}]
