"""A closed drop is opened again: the same drop, new units, and every limit as before (I1, I2, I6)."""

import asyncio
from dataclasses import replace

import pytest

from server.core.drops.claims import Outcome
from server.core.drops.drop_ends import DropEnd
from server.core.drops.drops import REOPENED_WITHIN_MS, CloseReason, DropState, EndsBy
from server.core.promotions.batches import Batch
from server.core.refusals import Code, Refused
from server.desk.feed.feed_messages import FeedKind
from server.flows.drops.changes.reopen_drop import ReopenForm
from server.flows.drops.intents import end_drop as ending
from server.flows.drops.views.drop_snapshot import read_drop_snapshot
from server.flows.drops.views.drop_view import DropView
from tests.support.builders.classroom import ROOM, Classroom, granted, now_ms, refused

pytestmark = pytest.mark.asyncio
MINUTE = DropEnd(EndsBy.DURATION, 60)


async def _reopen(
    classroom: Classroom, drop_id: str, units: int | None, end: DropEnd | None = MINUTE
) -> DropView | Refused:
    return await classroom.drops.reopen(drop_id, ROOM, ReopenForm(units, end), now_ms())


async def _closed(classroom: Classroom, *students: str, batch: Batch | None = None) -> DropView:
    drop = await classroom.opened(batch)
    await classroom.won(drop.id, *students)
    await classroom.confirm(drop.id)
    return granted(await classroom.drops.close(drop.id, ROOM, now_ms()))


@pytest.mark.parametrize("units", [3, 8, 20])
async def test_exactly_the_new_units_are_claimed_and_old_winners_keep_theirs(
    classroom: Classroom, units: int
) -> None:
    closed = await _closed(classroom, "s1", "s2")
    again = granted(await _reopen(classroom, closed.id, units))
    assert (again.state, again.remaining, again.claimed) == (DropState.OPEN, units, 2)
    assert (await classroom.batch(closed.batch_id)).allotted == 2 + units
    assert await classroom.tap(closed.id, "s1", "again") is Outcome.ALREADY_WON
    await classroom.won(closed.id, *(f"n{number}" for number in range(units)))
    assert await classroom.tap(closed.id, "late") is Outcome.SOLD_OUT
    await classroom.confirm(closed.id)
    ended = granted(await classroom.drops.close(closed.id, ROOM, now_ms()))
    assert (ended.claimed, ended.remaining, ended.difference) == (2 + units, 0, 0)
    assert (await classroom.batch(closed.batch_id)).allotted == 2 + units


async def test_without_a_form_it_offers_what_came_back_for_as_long_as_before(
    classroom: Classroom,
) -> None:
    closed = await _closed(classroom, "s1", "s2")
    again = granted(await _reopen(classroom, closed.id, None, None))
    assert (again.remaining, again.duration_seconds) == (8, closed.duration_seconds)
    await classroom.won(closed.id, *(f"n{number}" for number in range(8)))
    await classroom.confirm(closed.id)
    granted(await classroom.drops.close(closed.id, ROOM, now_ms()))
    nothing = refused(await _reopen(classroom, closed.id, None, None))
    assert (nothing.code, nothing.detail) == (Code.INVALID_FIELD, "quantity: missing")


async def test_the_room_is_told_of_each_opening_and_each_end(classroom: Classroom) -> None:
    closed = await _closed(classroom, "s1")
    granted(await _reopen(classroom, closed.id, 5))
    granted(await classroom.drops.close(closed.id, ROOM, now_ms()))
    granted(await _reopen(classroom, closed.id, 5))
    told = [one.kind for one in await classroom.told()]
    assert told == [FeedKind.OPENED, FeedKind.CLOSED, FeedKind.OPENED, FeedKind.CLOSED, "opened"]
    assert [one.drop.quantity for one in await classroom.told()] == [10, 10, 6, 10, 6]


async def test_it_can_be_topped_up_and_extended_like_any_other(classroom: Classroom) -> None:
    closed = await _closed(classroom, "s1")
    again = granted(await _reopen(classroom, closed.id, 2))
    more = granted(await classroom.drops.top_up(closed.id, ROOM, 3, again.quantity, now_ms()))
    assert (more.remaining, more.claimed) == (5, 1)
    await classroom.won(closed.id, *(f"n{number}" for number in range(5)))
    assert await classroom.tap(closed.id, "late") is Outcome.SOLD_OUT


async def test_what_cannot_be_opened_again(classroom: Classroom) -> None:
    drop = await classroom.opened()
    assert refused(await _reopen(classroom, drop.id, 1)).code is Code.WRONG_STATE
    prepared = await classroom.opened(start="prepared")
    granted(await classroom.drops.close(prepared.id, ROOM, now_ms()))
    assert refused(await _reopen(classroom, prepared.id, 1)).code is Code.WRONG_STATE
    granted(await classroom.drops.close(drop.id, ROOM, now_ms()))
    assert refused(await _reopen(classroom, drop.id, 101)).code is Code.STOCK_SHORT
    assert refused(await _reopen(classroom, drop.id, 0)).code is Code.INVALID_FIELD
    late = now_ms() + REOPENED_WITHIN_MS + 1_000
    form = ReopenForm(1, MINUTE)
    assert refused(await classroom.drops.reopen(drop.id, ROOM, form, late)).code is Code.WRONG_STATE
    assert (await classroom.batch(drop.batch_id)).allotted == 0


async def test_two_presses_open_it_once(classroom: Classroom) -> None:
    closed = await _closed(classroom, "s1")
    answers = await asyncio.gather(*(_reopen(classroom, closed.id, 5) for _ in range(3)))
    assert sum(not isinstance(one, Refused) for one in answers) == 1
    view = await classroom.view(closed.id)
    assert (view.remaining, view.openings) == (5, 2)
    assert (await classroom.batch(closed.batch_id)).allotted == 6


@pytest.mark.parametrize("is_guarded", [True, False], ids=["", "control"])
async def test_a_process_that_was_suspended_in_the_first_close_ends_no_later_opening(
    classroom: Classroom, monkeypatch: pytest.MonkeyPatch, is_guarded: bool
) -> None:
    """The control is the same close without the number of the opening: it takes the open drop's units."""
    drop = await classroom.opened()
    stale = await read_drop_snapshot(classroom.ledger, drop.id)
    closing = await classroom.desk.drops.close(stale.row.shard, drop.id, only_if_over=False)
    assert closing is not None
    granted(await classroom.drops.close(drop.id, ROOM, now_ms()))
    granted(await _reopen(classroom, drop.id, 5))
    row = stale.row if is_guarded else replace(stale.row, openings=2)
    closed = replace(row, closed_at=closing.closed_at, close_reason=CloseReason.ENDED)
    async with classroom.ledger.begin() as conn:
        await ending._write_end(conn, closed, closing, now_ms())
    left = (await classroom.batch(drop.batch_id)).allotted
    assert (left == 5) is is_guarded
    if is_guarded:
        assert not await ending.end_drop(classroom.stores, stale, CloseReason.STOPPED, now_ms())
        await classroom.won(drop.id, "s1", "s2", "s3", "s4", "s5")


async def test_reopen_against_close_ends_in_one_state_with_all_units_accounted_for(
    classroom: Classroom,
) -> None:
    closed = await _closed(classroom, "s1", "s2")
    for _ in range(5):
        await asyncio.gather(
            _reopen(classroom, closed.id, 4),
            classroom.drops.close(closed.id, ROOM, now_ms()),
            _reopen(classroom, closed.id, 4),
        )
    final = granted(await classroom.drops.close(closed.id, ROOM, now_ms()))
    assert (final.state, final.claimed, final.remaining) == (DropState.CLOSED, 2, 0)
    assert (await classroom.batch(closed.batch_id)).allotted == 2
    assert await classroom.unfinished() == []
