"""The transitions of a coupon, and where its unit is meanwhile."""

import pytest

from server.core.coupons.coupon_states import (
    TRANSITIONS,
    UNIT_USES,
    CouponEvent,
    UnitUse,
    state_after,
)
from server.core.coupons.coupons import CouponState

ENDS = [CouponState.RELEASED, CouponState.REVOKED, CouponState.VOIDED]


@pytest.mark.parametrize("end", ENDS)
def test_nothing_leads_out_of_an_end(end: CouponState) -> None:
    assert not [each for each in TRANSITIONS if each.source is end]


def test_every_state_but_the_ends_can_be_left() -> None:
    assert {each.source for each in TRANSITIONS} == set(CouponState) - set(ENDS)


def test_every_state_can_be_reached() -> None:
    assert {each.target for each in TRANSITIONS} == set(CouponState)


def test_every_event_happens_somewhere() -> None:
    assert {each.event for each in TRANSITIONS} == set(CouponEvent)


def test_an_event_leads_to_one_state_only() -> None:
    pairs = [(each.source, each.event) for each in TRANSITIONS]
    assert len(set(pairs)) == len(pairs)


def test_expired_is_no_stored_state() -> None:
    stored = [s for s in CouponState if s is not CouponState.EXPIRED]
    targets = {target for s in stored for e in CouponEvent if (target := _target(s, e))}
    assert targets == set(stored)


def test_what_may_happen_to_an_expired_coupon_is_written_as_a_move_of_a_usable_one() -> None:
    moved = state_after(CouponState.USABLE, CouponEvent.HOLD_ENDED)
    assert moved is CouponState.RELEASED


def test_a_move_that_is_not_in_the_table_raises() -> None:
    with pytest.raises(ValueError, match="a coupon that is released is never paid"):
        state_after(CouponState.RELEASED, CouponEvent.PAID)


def test_every_state_says_where_its_unit_is() -> None:
    assert UNIT_USES.keys() == set(CouponState)


def test_only_released_and_revoked_coupons_free_their_unit() -> None:
    freed = {state for state, use in UNIT_USES.items() if use is UnitUse.FREE}
    assert freed == {CouponState.RELEASED, CouponState.REVOKED}


def _target(stored: CouponState, event: CouponEvent) -> CouponState | None:
    try:
        return state_after(stored, event)
    except ValueError:
        return None
