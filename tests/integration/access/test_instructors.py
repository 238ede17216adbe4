"""A stopped instructor opens nothing, and what they had open is closed at once; on both databases."""

import pytest

from server.core.drops.drop_rules import DropForm, Start
from server.core.drops.drops import CloseReason, DropState
from server.core.refusals import Code, Refused
from server.flows.access.instructors import resume, stop
from server.flows.drops.stop_instructor import close_drops_of, close_drops_of_stopped
from tests.support.builders.classroom import ROOM, Classroom, granted, now_ms, refused

pytestmark = pytest.mark.asyncio

TEACHER = "teacher"  # who opens the drops of a Classroom


async def stopped(classroom: Classroom, instructor: str = TEACHER) -> None:
    state = granted(await stop(classroom.ledger, instructor, "left", "olga", now_ms()))
    assert (state.stopped, state.reason, state.changed_by) == (True, "left", "olga")


async def test_nothing_is_opened_topped_up_or_extended(classroom: Classroom) -> None:
    batch = await classroom.made_batch()
    drop = await classroom.opened(batch)
    prepared = await classroom.opened(batch, start=Start.PREPARED)
    await stopped(classroom)
    service, now = classroom.drops, now_ms()
    closes_at = drop.closes_at
    assert closes_at is not None

    for answer in (
        await service.create(ROOM, DropForm(batch.id, 10, 60), None, now),
        await service.open(prepared.id, ROOM, now),
        await service.top_up(drop.id, ROOM, 1, 10, now),
        await service.extend(drop.id, ROOM, 10, closes_at, now),
    ):
        no = refused(answer)
        assert (no.code, no.facts) == (
            Code.INSTRUCTOR_STOPPED,
            {"instructor": TEACHER, "reason": "left"},
        )
    assert (await classroom.batch(batch.id)).allotted == 10


async def test_open_and_scheduled_drops_are_closed_and_the_room_is_told(
    classroom: Classroom,
) -> None:
    batch = await classroom.made_batch()
    open_now = await classroom.opened(batch)
    scheduled = await classroom.opened(batch, opens_in_seconds=60)
    prepared = await classroom.opened(batch, start=Start.PREPARED)
    await classroom.won(open_now.id, "ann")
    await stopped(classroom)

    assert await close_drops_of(classroom.stores, [TEACHER], now_ms()) == 2
    rows = [await classroom.row(one.id) for one in (open_now, scheduled, prepared)]
    assert [row.state for row in rows] == [
        DropState.CLOSED,
        DropState.CLOSED,
        DropState.PREPARED,
    ]
    assert {row.close_reason for row in rows[:2]} == {CloseReason.STOPPED}
    assert (await classroom.batch(batch.id)).allotted == 1  # what ann has won
    closed = [one.drop.id for one in await classroom.told() if one.kind == "closed"]
    assert sorted(closed) == sorted([open_now.id, scheduled.id])


async def test_others_drops_stay_open(classroom: Classroom) -> None:
    drop = await classroom.opened()
    await stopped(classroom, "somebody-else")

    assert await close_drops_of_stopped(classroom.stores, now_ms()) == 0
    await classroom.won(drop.id, "ann")


async def test_a_worker_closes_what_was_opened_meanwhile(classroom: Classroom) -> None:
    """The process that was asked to stop has died after the commit; or the opening was written after it."""
    drop = await classroom.opened()
    await stopped(classroom)

    assert await close_drops_of_stopped(classroom.stores, now_ms()) == 1
    assert await close_drops_of_stopped(classroom.stores, now_ms()) == 0
    assert (await classroom.row(drop.id)).close_reason is CloseReason.STOPPED


async def test_who_is_resumed_opens_again(classroom: Classroom) -> None:
    await stopped(classroom)
    await stopped(classroom)  # repeatable
    state = await resume(classroom.ledger, TEACHER, "back", "olga", now_ms())
    assert not isinstance(state, Refused)
    assert (state.stopped, state.reason) == (False, "back")

    await classroom.opened()
    assert await close_drops_of_stopped(classroom.stores, now_ms()) == 0


async def test_a_resume_of_one_who_was_not_stopped_changes_nothing(classroom: Classroom) -> None:
    state = granted(await resume(classroom.ledger, TEACHER, "", "olga", now_ms()))

    assert (state.stopped, state.changed_by) == (False, "")


async def test_a_stop_says_why(classroom: Classroom) -> None:
    answer = refused(await stop(classroom.ledger, TEACHER, " ", "olga", now_ms()))

    assert answer.facts["errors"] == [{"field": "reason", "code": "too_short"}]
