"""Coupons as rows, on both databases: made of claims, found, moved."""

import pytest
from sqlalchemy.exc import IntegrityError

from server.core.coupons.coupons import CouponState
from server.core.ids import CouponId
from server.ledger import tables
from server.ledger.checkout.means import read_means
from server.ledger.coupons import coupon_moves, coupons
from server.ledger.coupons.coupon_moves import Hold
from server.ledger.coupons.coupons import NewCoupon
from server.ledger.engine import Ledger
from tests.support.builders.coupon_rows import change_coupon, confirm_claim, coupon_of, give_coupon
from tests.support.builders.ledger_rows import add
from tests.support.builders.money import NOW, a_form

pytestmark = pytest.mark.asyncio


async def test_a_claim_becomes_a_coupon_in_the_wallet(ledger: Ledger) -> None:
    row = await confirm_claim(ledger, 1)
    async with ledger.begin() as conn:
        await coupons.insert_for_claims(conn, [row])
        (coupon,) = await coupons.by_claims(conn, [row.claim_id])
    assert (coupon.id, coupon.code, coupon.student) == (row.id, row.code, "ada")
    async with ledger.read() as conn:
        (whole,) = await coupons.by_ids(conn, [coupon.id])
    assert (whole.state, whole.drop_id) == (CouponState.USABLE, row.drop_id)
    assert coupon.template.discount == a_form().discount


async def test_a_claim_that_has_its_coupon_keeps_it(ledger: Ledger) -> None:
    row, other = await confirm_claim(ledger, 1), await confirm_claim(ledger, 2, "bob")
    async with ledger.begin() as conn:
        await coupons.insert_for_claims(conn, [row])
    again = row._replace(id=CouponId("cpn_again"), code="AGAIN")
    async with ledger.begin() as conn:
        await coupons.insert_for_claims(conn, [again, other])
        found = await coupons.by_claims(conn, [row.claim_id, other.claim_id])
    assert {coupon.code for coupon in found} == {row.code, other.code}


async def test_no_claims_make_no_coupons(ledger: Ledger) -> None:
    async with ledger.begin() as conn:
        await coupons.insert_for_claims(conn, [])
        assert await coupons.by_claims(conn, []) == []


async def test_a_code_is_given_once(ledger: Ledger) -> None:
    first, second = await confirm_claim(ledger, 1), await confirm_claim(ledger, 1, "bob")
    with pytest.raises(IntegrityError):
        async with ledger.begin() as conn:
            await coupons.insert_for_claims(conn, [first, second])


async def test_only_the_students_own_codes_are_found(ledger: Ledger) -> None:
    mine, theirs = await give_coupon(ledger, 1), await give_coupon(ledger, 2, "bob")
    async with ledger.read() as conn:
        found = await coupons.by_codes(conn, "ada", [mine, theirs, "nothing"])
    assert [coupon.code for coupon in found] == [mine]


async def test_what_is_used_up_is_not_offered_for_an_order(ledger: Ledger) -> None:
    await give_coupon(ledger, 1, state="released")
    await give_coupon(ledger, 2, valid_until=NOW)
    late = await give_coupon(ledger, 3, valid_until=NOW + 9)
    soon = await give_coupon(ledger, 4, valid_until=NOW + 5)
    async with ledger.read() as conn:
        found = await read_means(conn, "ada", (), NOW, 10)
    assert [coupon.code for coupon in found.available] == [soon, late]


async def claimed(ledger: Ledger, hold_until: int | None) -> NewCoupon:
    coupon = (await confirm_claim(ledger, 1))._replace(hold_until=hold_until)
    async with ledger.begin() as conn:
        await coupons.insert_for_claims(conn, [coupon])
    return coupon


async def test_a_hold_that_is_over_releases_its_coupon(ledger: Ledger) -> None:
    coupon = await claimed(ledger, NOW)
    hold = Hold(coupon.id, coupon.claim_id, coupon.drop_id, coupon.student)
    async with ledger.begin() as conn:
        assert await coupon_moves.overdue_holds(conn, NOW, 9) == [hold]
        assert await coupon_moves.release(conn, [coupon.id], NOW) == [hold]
        assert await coupon_moves.release(conn, [coupon.id], NOW) == []
        assert await coupon_moves.overdue_holds(conn, NOW, 9) == []


async def test_a_hold_that_is_not_over_releases_nothing(ledger: Ledger) -> None:
    coupon = await claimed(ledger, NOW + 1)
    async with ledger.begin() as conn:
        assert await coupon_moves.overdue_holds(conn, NOW, 9) == []
        assert await coupon_moves.release(conn, [coupon.id], NOW) == []


async def test_a_coupon_without_a_hold_is_never_released(ledger: Ledger) -> None:
    coupon = await claimed(ledger, None)
    async with ledger.begin() as conn:
        assert await coupon_moves.release(conn, [coupon.id], NOW) == []


async def test_a_coupon_that_no_claim_gave_has_no_unit_to_give_back(ledger: Ledger) -> None:
    await give_coupon(ledger, 1, hold_until=NOW)
    async with ledger.read() as conn:
        assert await coupon_moves.overdue_holds(conn, NOW, 9) == []


async def test_locking_a_coupon_that_is_gone_is_a_broken_promise(ledger: Ledger) -> None:
    code = await give_coupon(ledger, 1)
    await change_coupon(ledger, code, state="released")
    coupon = await coupon_of(ledger, code)
    async with ledger.begin() as conn:
        await add(conn, tables.redemptions)
    with pytest.raises(RuntimeError, match="not usable"):
        async with ledger.begin() as conn:
            await coupon_moves.lock(conn, [coupon.id], "rdm_1", NOW)
