"""The view that a teacher has of a drop: live numbers from the desk, certain ones from the ledger."""

from dataclasses import replace

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.drops.claims import ClaimState
from server.core.drops.drops import DropState
from server.flows.drops.views.drop_snapshot import read_drop_snapshot
from server.flows.drops.views.drop_view import DropView
from server.flows.drops.views.room_drops import room_drop
from server.flows.stores import batch_and_template, template_of
from server.ledger import tables
from server.ledger.drops import drop_results
from server.ledger.drops.drop_results import DropResults
from server.ledger.engine import Ledger
from tests.support.builders.classroom import ROOM, Classroom, granted, now_ms
from tests.support.builders.ledger_rows import NOW, add, add_claim, add_drop

pytestmark = pytest.mark.asyncio


async def test_claims_count_at_once_and_are_confirmed_later(classroom: Classroom) -> None:
    drop = await classroom.opened()
    await classroom.won(drop.id, "s1", "s2", "s3")
    before = await classroom.view(drop.id)
    await classroom.confirm(drop.id)
    after = await classroom.view(drop.id)

    assert (before.claimed, before.confirmed, before.difference) == (3, 0, 3)
    assert (after.claimed, after.confirmed, after.difference) == (3, 3, 0)
    assert (after.claimed_total, after.confirmed_total, after.remaining) == (3, 3, 7)


async def test_a_drop_is_sold_out_while_its_last_unit_is_taken(classroom: Classroom) -> None:
    drop = await classroom.opened(quantity=1)
    await classroom.won(drop.id, "s1")
    view = await classroom.view(drop.id)

    assert (view.state, view.remaining) == (DropState.SOLD_OUT, 0)


async def test_students_who_saw_the_card_and_who_are_there_are_counted(
    classroom: Classroom,
) -> None:
    drop = await classroom.opened()
    await classroom.desk.feed.report_presence(ROOM, "gwy_1", 12)
    await classroom.desk.feed.add_seen(ROOM, drop.id, ["s1", "s2"])
    view = await classroom.view(drop.id)

    assert (view.present_at_open, view.present, view.reached) == (0, 12, 2)


async def test_without_redis_the_ledger_is_shown(classroom: Classroom) -> None:
    drop = await classroom.opened()
    await classroom.won(drop.id, "s1", "s2")
    await classroom.confirm(drop.id)
    view = granted(await classroom.without_redis.get(drop.id, ROOM, now_ms()))

    assert (view.state, view.claimed, view.confirmed, view.remaining) == (DropState.OPEN, 2, 2, 8)
    assert (view.present, view.reached, view.difference) == (0, 0, 0)


@pytest.mark.parametrize(
    ("at_ms", "state"),
    [(-1, DropState.SCHEDULED), (0, DropState.OPEN), (60_000, DropState.CLOSED)],
)
async def test_without_redis_the_state_goes_by_the_callers_clock(
    classroom: Classroom, at_ms: int, state: DropState
) -> None:
    drop = await classroom.opened(opens_in_seconds=30)
    now = (drop.opens_at or 0) + at_ms
    view = granted(await classroom.without_redis.get(drop.id, ROOM, now))

    assert view.state is state


async def test_a_room_lists_its_drops_newest_first_by_pages(classroom: Classroom) -> None:
    batch = await classroom.made_batch()
    made = [await classroom.opened(batch) for _ in range(3)]
    await classroom.won(made[1].id, "s1")
    drops, now = classroom.drops, now_ms()
    first = granted(await drops.list_for_room(ROOM, 2, None, now))
    second = granted(await drops.list_for_room(ROOM, 2, first[-1].id, now))

    assert [view.id for view in (*first, *second)] == [drop.id for drop in reversed(made)]
    assert [view.claimed for view in first] == [0, 1]
    assert await drops.list_for_room("102", 2, None, now) == []


async def test_a_listed_drop_is_the_one_that_is_shown(classroom: Classroom) -> None:
    drop = await classroom.opened()
    await classroom.won(drop.id, "s1")

    assert granted(await classroom.drops.list_for_room(ROOM, 1, None, now_ms())) == [
        await classroom.view(drop.id)
    ]


async def test_what_the_room_is_told_needs_a_window(classroom: Classroom) -> None:
    batch = await classroom.made_batch()
    drop = await classroom.opened(batch, start="prepared")
    template = await classroom.made_template()
    with pytest.raises(ValueError, match="has not been opened"):
        room_drop(await classroom.row(drop.id), template, batch)


async def test_a_drop_that_must_be_there_and_is_not_is_a_fault(ledger: Ledger) -> None:
    with pytest.raises(LookupError):
        await read_drop_snapshot(ledger, "drp_0")


async def test_a_batch_that_must_be_there_and_is_not_is_a_fault(ledger: Ledger) -> None:
    async with ledger.begin() as conn:
        await add_drop(conn)
        batch, _ = await batch_and_template(conn, "bat_1")
        with pytest.raises(LookupError):
            await batch_and_template(conn, "bat_0")
        with pytest.raises(LookupError):
            await template_of(conn, replace(batch, template_version=9))


class TestClaims:
    async def test_confirmed_claims_come_newest_win_first(self, classroom: Classroom) -> None:
        drop = await classroom.opened()
        await classroom.won(drop.id, "s1", "s2", "s3")
        await classroom.confirm(drop.id)
        listed = granted(await classroom.drops.claims(drop.id, ROOM, None, 10, None))

        assert {claim.student for claim in listed} == {"s1", "s2", "s3"}
        assert {claim.state for claim in listed} == {ClaimState.CONFIRMED}
        assert [c.won_at for c in listed] == sorted((c.won_at for c in listed), reverse=True)
        assert all(claim.confirmed_at for claim in listed)

    async def test_pages_hold_every_claim_once(self, classroom: Classroom) -> None:
        drop = await classroom.opened()
        students = [f"s{number}" for number in range(5)]
        await classroom.won(drop.id, *students)
        await classroom.confirm(drop.id)
        seen: list[str] = []
        after = None
        for _ in range(3):
            page = granted(await classroom.drops.claims(drop.id, ROOM, None, 2, after))
            seen += [claim.student for claim in page]
            after = page[-1].id

        assert sorted(seen) == students

    async def test_one_students_claim_shows_before_it_is_confirmed(
        self, classroom: Classroom
    ) -> None:
        drop = await classroom.opened()
        await classroom.won(drop.id, "s1", "s2")
        (won,) = granted(await classroom.drops.claims(drop.id, ROOM, "s1", 10, None))
        await classroom.confirm(drop.id)
        (confirmed,) = granted(await classroom.drops.claims(drop.id, ROOM, "s1", 10, None))

        assert (won.student, won.state, won.confirmed_at) == ("s1", ClaimState.WON, None)
        assert (confirmed.id, confirmed.state) == (won.id, ClaimState.CONFIRMED)

    async def test_a_student_who_has_nothing_is_not_listed(self, classroom: Classroom) -> None:
        drop = await classroom.opened()

        assert await classroom.drops.claims(drop.id, ROOM, "s1", 10, None) == []

    async def test_without_redis_what_is_confirmed_is_listed(self, classroom: Classroom) -> None:
        drop = await classroom.opened()
        await classroom.won(drop.id, "s1")
        await classroom.confirm(drop.id)
        away = classroom.without_redis

        assert len(granted(await away.claims(drop.id, ROOM, "s1", 10, None))) == 1
        assert await away.claims(drop.id, ROOM, "s2", 10, None) == []


class TestResults:
    """The formulas of the sums of money."""

    async def test_nothing_came_of_a_drop_nobody_claimed(self, uncommitted_ledger: Ledger) -> None:
        async with uncommitted_ledger.read() as conn:
            found = await drop_results.of_drops(conn, ["drp_0"])

        assert found == {"drp_0": DropResults()}

    async def test_totals_do_not_fall_when_units_come_back(self, ledger: Ledger) -> None:
        async with ledger.begin() as conn:
            await add_drop(conn)
            for number, state in enumerate(("live", "released", "revoked"), start=1):
                await add_claim(conn, number, state=state)
            found = (await drop_results.of_drops(conn, ["drp_1"]))["drp_1"]

        assert (found.confirmed, found.confirmed_total) == (1, 3)

    async def test_an_order_counts_once_and_each_coupon_for_what_it_took_off(
        self, ledger: Ledger
    ) -> None:
        async with ledger.begin() as conn:
            await add_drop(conn)
            await _order(conn, 1, discounts=(700, 300), payable=4000)
            await _order(conn, 3, discounts=(500,), payable=2500)
            found = (await drop_results.of_drops(conn, ["drp_1"]))["drp_1"]

        assert (found.redeemed, found.redeemed_total) == (3, 3)
        assert (found.gmv, found.discount_total) == (6500, 1500)

    async def test_an_order_that_is_only_locked_has_earned_nothing(self, ledger: Ledger) -> None:
        async with ledger.begin() as conn:
            await add_drop(conn)
            await _order(conn, 1, discounts=(700,), payable=4300, state="locked")
            found = (await drop_results.of_drops(conn, ["drp_1"]))["drp_1"]

        assert found == DropResults(confirmed=1, confirmed_total=1, held=1)

    async def test_a_coupon_that_came_back_stays_in_the_total(self, ledger: Ledger) -> None:
        async with ledger.begin() as conn:
            await add_drop(conn)
            await _order(conn, 1, discounts=(700,), payable=4300)
            await conn.execute(update(tables.coupons).values(state="usable", redemption_id=None))
            found = (await drop_results.of_drops(conn, ["drp_1"]))["drp_1"]

        assert (found.redeemed, found.redeemed_total, found.gmv) == (0, 1, 0)


async def _order(
    conn: AsyncConnection,
    first: int,
    *,
    discounts: tuple[int, ...],
    payable: int,
    state: str = "redeemed",
) -> None:
    """Claims and coupons from number `first` on, all on one order."""
    order = {"id": f"rdm_{first}", "order_id": f"order-{first}", "state": state}
    discount = sum(discounts)
    sums = {"subtotal": payable + discount, "discount": discount, "payable": payable}
    await add(conn, tables.redemptions, **order, **sums)
    for number, taken_off in enumerate(discounts, start=first):
        await add_claim(conn, number)
        coupon = {"id": f"cpn_{number}", "code": f"CODE-{number}", "claim_id": f"clm_{number}"}
        redeemed_at = NOW if state == "redeemed" else None
        used = {"state": state, "redemption_id": order["id"], "redeemed_at": redeemed_at}
        await add(conn, tables.coupons, **coupon, **used)
        part = {"redemption_id": order["id"], "coupon_id": coupon["id"], "position": number}
        await add(conn, tables.redemption_coupons, **part, discount=taken_off)


async def test_the_view_always_adds_up(classroom: Classroom) -> None:
    """I6 as the teacher sees it, after every step of a drop's life."""
    drop, views = await classroom.opened(start="prepared"), list[DropView]()

    async def look(view: object) -> None:
        assert isinstance(view, DropView)
        views.append(view)

    drops = classroom.drops
    await look(drop)
    await look(await drops.open(drop.id, ROOM, now_ms()))
    await classroom.won(drop.id, "s1", "s2")
    await look(await classroom.view(drop.id))
    await look(await drops.top_up(drop.id, ROOM, 5, 10, now_ms()))
    await classroom.confirm(drop.id)
    await look(await classroom.view(drop.id))
    await look(await drops.close(drop.id, ROOM, now_ms()))

    assert [v.quantity - v.remaining - v.claimed - v.returned for v in views] == [0] * 6
