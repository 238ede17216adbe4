"""Drops that end by the clock, or by hand; and prepared drops that are changed and deleted."""

import itertools

import pytest

from server.core.drops.claims import Audience, Outcome
from server.core.drops.drop_ends import DropEnd
from server.core.drops.drops import CloseReason, DropState, EndsBy
from server.core.refusals import Code
from server.flows.drops.changes.edit_drop import DropChanges
from server.flows.drops.intents.drive_intents import close_overdue, close_sold_out
from tests.support.builders.classroom import ROOM, Classroom, granted, now_ms, refused
from tests.support.eventually import eventually

pytestmark = pytest.mark.asyncio
BY_HAND = DropEnd(EndsBy.HAND)


async def test_a_drop_ends_at_a_time_of_the_clock(classroom: Classroom) -> None:
    at = now_ms() + 700
    drop = await classroom.opened(ends=DropEnd(EndsBy.CLOCK, at=at))
    assert drop.closes_at == at
    await classroom.won(drop.id, "s1")

    numbers = itertools.count()

    async def is_over() -> bool:
        return await classroom.tap(drop.id, f"n{next(numbers)}") is Outcome.CLOSED

    await eventually(is_over)
    await close_overdue(classroom.stores, now_ms())
    assert (await classroom.row(drop.id)).state is DropState.CLOSED


async def test_a_drop_that_would_end_before_it_opens_is_refused(classroom: Classroom) -> None:
    batch = await classroom.made_batch()
    with pytest.raises(AssertionError, match=r"closes\.at"):
        await classroom.opened(batch, ends=DropEnd(EndsBy.CLOCK, at=now_ms() - 1))
    assert (await classroom.batch(batch.id)).allotted == 0


async def test_an_open_end_lasts_until_it_is_closed(classroom: Classroom) -> None:
    drop = await classroom.opened(ends=BY_HAND)
    assert (drop.state, drop.closes_at) == (DropState.OPEN, None)
    told = (await classroom.told())[0].drop
    assert told.window.told_end is None
    later = refused(await classroom.drops.extend(drop.id, ROOM, 60, now_ms(), now_ms()))
    assert later.code is Code.WRONG_STATE
    await close_overdue(classroom.stores, now_ms() + 29 * 24 * 3600 * 1000)
    await close_sold_out(classroom.stores, now_ms())
    assert (await classroom.view(drop.id)).state is DropState.OPEN
    closed = granted(await classroom.drops.close(drop.id, ROOM, now_ms()))
    assert closed.close_reason is CloseReason.STOPPED


async def test_an_open_end_ends_when_all_is_gone(classroom: Classroom) -> None:
    drop = await classroom.opened(quantity=2, ends=BY_HAND)
    await classroom.won(drop.id, "s1", "s2")
    assert await close_sold_out(classroom.stores, now_ms()) == 1
    assert (await classroom.view(drop.id)).close_reason is CloseReason.SOLD_OUT
    assert (await classroom.batch(drop.batch_id)).allotted == 2


async def test_an_open_end_whose_units_can_come_back_goes_on(classroom: Classroom) -> None:
    batch = await classroom.made_batch(hold_seconds=60)
    drop = await classroom.opened(batch, quantity=1, ends=BY_HAND)
    await classroom.won(drop.id, "s1")
    assert await close_sold_out(classroom.stores, now_ms()) == 0
    assert (await classroom.view(drop.id)).state is DropState.SOLD_OUT


async def test_a_top_up_that_comes_first_keeps_an_open_end_open(classroom: Classroom) -> None:
    """The worker has counted nothing left, and closes a moment later: the desk looks again."""
    drop = await classroom.opened(quantity=1, ends=BY_HAND)
    await classroom.won(drop.id, "s1")
    granted(await classroom.drops.top_up(drop.id, ROOM, 1, 1, now_ms()))
    row = await classroom.row(drop.id)
    sold_out = await classroom.desk.drops.close(
        row.shard, drop.id, only_if_over=False, only_if_sold_out=True
    )
    assert sold_out is None


async def test_a_prepared_drop_is_changed_and_opens_as_it_was_changed(classroom: Classroom) -> None:
    drop = await classroom.opened(start="prepared")
    changes = DropChanges(
        quantity=4, end=BY_HAND, message="now!", audience=Audience(students=frozenset(["amy"]))
    )
    changed = granted(await classroom.drops.edit(drop.id, ROOM, changes, now_ms()))
    assert (changed.quantity, changed.message, changed.state) == (4, "now!", DropState.PREPARED)
    opened = granted(await classroom.drops.open(drop.id, ROOM, now_ms()))
    assert (opened.remaining, opened.closes_at) == (4, None)
    refusal = refused(await classroom.drops.edit(drop.id, ROOM, changes, now_ms()))
    assert refusal.code is Code.WRONG_STATE


async def test_a_change_that_is_wrong_changes_nothing(classroom: Classroom) -> None:
    drop = await classroom.opened(start="prepared")
    past = DropEnd(EndsBy.CLOCK, at=now_ms() - 1)
    for changes in (DropChanges(quantity=0), DropChanges(end=past), DropChanges(at=1)):
        answer = refused(await classroom.drops.edit(drop.id, ROOM, changes, now_ms()))
        assert answer.code is Code.INVALID_FIELD
    assert (await classroom.view(drop.id)).quantity == drop.quantity


async def test_a_prepared_drop_is_deleted_and_gone(classroom: Classroom) -> None:
    drop = await classroom.opened(start="prepared", at=now_ms() + 60_000)
    assert drop.cue is not None
    granted(await classroom.drops.remove(drop.id, ROOM, now_ms()))
    gone = refused(await classroom.drops.get(drop.id, ROOM, now_ms()))
    assert gone.code is Code.NOT_FOUND
    opened = await classroom.opened()
    kept = refused(await classroom.drops.remove(opened.id, ROOM, now_ms()))
    assert kept.code is Code.WRONG_STATE
