"""Events of a coupon tell all that a mirror needs."""

from server.core.coupons import coupon_events
from server.core.coupons.coupon_events import ChangedCoupon, ConfirmedCoupon
from server.core.coupons.coupon_states import CouponEvent
from server.core.coupons.coupons import CouponState
from server.core.event_types import EventType

CONFIRMED = ConfirmedCoupon("cpn_1", "AB12", "ann", "bat_1", "tpl_1", 2, 1_000, 2_000, None, "list")
CHANGED = ChangedCoupon("cpn_1", "AB12", "ann", "bat_1", "drp_1", "claim")


def test_a_coupon_that_lies_in_a_wallet() -> None:
    event = coupon_events.confirmed(CONFIRMED, 1_500)
    assert (event.type, event.at, event.subject, event.student) == (
        EventType.COUPON_CONFIRMED,
        1_500,
        "cpn_1",
        "ann",
    )
    assert event.data == {
        "coupon_id": "cpn_1",
        "code": "AB12",
        "batch_id": "bat_1",
        "template_id": "tpl_1",
        "template_version": 2,
        "source": "list",
        "state": "usable",
        "valid_from": "1970-01-01T00:00:01.000Z",
        "valid_until": "1970-01-01T00:00:02.000Z",
    }


def test_what_only_a_claim_has_is_there_only_for_a_claim() -> None:
    claimed = CONFIRMED._replace(source="claim", drop_id="drp_1", room="r", hold_until=1_800)
    data = coupon_events.confirmed(claimed, 1_500).data
    assert (data["drop_id"], data["room"]) == ("drp_1", "r")
    assert data["hold_until"] == "1970-01-01T00:00:01.800Z"


def test_a_voided_coupon_is_a_revoked_one_to_its_student() -> None:
    event = coupon_events.moved(CHANGED, CouponEvent.VOIDED, CouponState.VOIDED, 5)
    assert event.type is EventType.COUPON_REVOKED
    assert (event.data["state"], event.data["reason"]) == ("revoked", "voided")


def test_a_released_coupon_says_why() -> None:
    event = coupon_events.moved(CHANGED, CouponEvent.HOLD_ENDED, CouponState.RELEASED, 5)
    assert event.type is EventType.COUPON_RELEASED
    assert (event.data["state"], event.data["reason"]) == ("released", "hold_ended")


def test_moves_with_an_order_are_told_by_the_order() -> None:
    assert not coupon_events.is_told(CouponEvent.LOCKED)
    assert coupon_events.is_told(CouponEvent.HOLD_ENDED)


def test_an_expired_coupon_says_since_when() -> None:
    event = coupon_events.expired(CHANGED._replace(drop_id=None), 2_000, 2_000)
    assert event.data == {
        "coupon_id": "cpn_1",
        "code": "AB12",
        "batch_id": "bat_1",
        "source": "claim",
        "state": "expired",
        "valid_until": "1970-01-01T00:00:02.000Z",
    }
