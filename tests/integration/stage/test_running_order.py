"""A running order fires by itself: each entry once, whatever dies, and nothing while it is held."""

import asyncio

import pytest

from server.core.drops.cues import LATE_MS, Cue, CueKind, CueState
from server.core.drops.drops import DropState
from server.core.refusals import Refused
from server.desk.feed.feed_messages import FeedKind
from server.flows.stage import running_order as flows
from server.flows.stage.fire_cues import fire_due, remove_old
from server.flows.stage.running_order import Entry, OrderForm, RunningOrder
from tests.support.builders.classroom import ROOM, Classroom, granted, now_ms, refused

pytestmark = pytest.mark.asyncio
MINUTE = 60_000


async def _ordered(classroom: Classroom, *moments: Cue) -> list[str]:
    """Write an order of one prepared drop for each moment; return the drops."""
    ids = [(await classroom.opened(start="prepared")).id for _ in moments]
    granted(await _written(classroom, zip(ids, moments, strict=True)))
    return ids


async def _written(classroom: Classroom, entries: object) -> RunningOrder | Refused:
    listed = [Entry(*one) for one in entries]  # type: ignore[attr-defined]
    return await flows.write_order(classroom.ledger, "tina", ROOM, OrderForm(listed), now_ms())


async def _states(classroom: Classroom) -> list[CueState]:
    order = await flows.show_order(classroom.ledger, ROOM)
    return [one.state for one in order.entries]


async def test_entries_fire_by_minute_video_and_clock(classroom: Classroom) -> None:
    now = now_ms()
    await _ordered(
        classroom,
        Cue(CueKind.MINUTE, 5),
        Cue(CueKind.VIDEO, 90),
        Cue(CueKind.AT, now + 8 * MINUTE),
        Cue(CueKind.HAND),
    )
    assert await fire_due(classroom.stores, now + 5 * MINUTE) == 0  # the class has not begun
    await flows.start_class(classroom.ledger, "tina", ROOM, now)
    assert await fire_due(classroom.stores, now + 5 * MINUTE - 1) == 0
    assert await fire_due(classroom.stores, now + 5 * MINUTE) == 1
    await flows.note_position(classroom.ledger, ROOM, 89, now + 6 * MINUTE)
    assert await fire_due(classroom.stores, now + 6 * MINUTE) == 0
    await flows.note_position(classroom.ledger, ROOM, 91, now + 6 * MINUTE)
    assert await fire_due(classroom.stores, now + 6 * MINUTE) == 1
    assert await fire_due(classroom.stores, now + 8 * MINUTE) == 1
    fired, waits = CueState.FIRED, CueState.WAITING
    assert await _states(classroom) == [fired, fired, fired, waits]


async def test_ten_workers_at_once_fire_it_once(classroom: Classroom) -> None:
    now = now_ms()
    (drop_id,) = await _ordered(classroom, Cue(CueKind.AT, now + 1_000))
    await asyncio.gather(*(fire_due(classroom.stores, now + 1_000) for _ in range(10)))
    view = await classroom.view(drop_id)
    assert (view.state, view.quantity, view.openings) == (DropState.OPEN, 10, 1)
    assert (await classroom.batch(view.batch_id)).allotted == 10
    told = [one.kind for one in await classroom.told() if one.drop.id == drop_id]
    assert told == [FeedKind.OPENED]
    assert await fire_due(classroom.stores, now + 2_000) == 0


async def test_nothing_fires_while_it_is_held_and_minutes_stand_still(
    classroom: Classroom,
) -> None:
    now = now_ms()
    by_minute, by_clock = await _ordered(
        classroom, Cue(CueKind.MINUTE, 5), Cue(CueKind.AT, now + 5 * MINUTE)
    )
    await flows.start_class(classroom.ledger, "tina", ROOM, now)
    await flows.pause(classroom.ledger, "tina", ROOM, now + 4 * MINUTE)
    assert await fire_due(classroom.stores, now + 6 * MINUTE) == 0
    await flows.resume(classroom.ledger, "tina", ROOM, now + 14 * MINUTE)
    # The clock has gone on: that moment is over. The class has had four minutes.
    assert await fire_due(classroom.stores, now + 14 * MINUTE) == 0
    assert await _states(classroom) == [CueState.WAITING, CueState.MISSED]
    assert await fire_due(classroom.stores, now + 15 * MINUTE) == 1
    assert (await classroom.view(by_minute)).state is DropState.OPEN
    assert (await classroom.view(by_clock)).state is DropState.PREPARED


async def test_after_an_outage_it_fires_late_or_says_that_it_was_missed(
    classroom: Classroom,
) -> None:
    now = now_ms()
    late, missed = await _ordered(
        classroom, Cue(CueKind.AT, now + LATE_MS + 60_000), Cue(CueKind.AT, now + 60_000)
    )
    assert await fire_due(classroom.stores, now + 2 * LATE_MS + 60_000) == 1
    assert (await classroom.view(late)).state is DropState.OPEN
    assert (await classroom.view(missed)).state is DropState.PREPARED
    assert await _states(classroom) == [CueState.FIRED, CueState.MISSED]


async def test_an_entry_that_cannot_open_says_why_and_the_others_go_on(
    classroom: Classroom,
) -> None:
    now = now_ms()
    batch = await classroom.made_batch(quantity=5)
    short = (await classroom.opened(batch, start="prepared")).id
    fine = (await classroom.opened(start="prepared")).id
    moment = Cue(CueKind.AT, now + 1_000)
    granted(await _written(classroom, [(short, moment), (fine, moment)]))
    assert await fire_due(classroom.stores, now + 1_000) == 1
    order = await flows.show_order(classroom.ledger, ROOM)
    assert [(one.state, one.reason) for one in order.entries] == [
        (CueState.REFUSED, "stock_short"),
        (CueState.FIRED, None),
    ]


async def test_hold_against_fire_has_one_winner(classroom: Classroom) -> None:
    for _ in range(4):
        now = now_ms()
        (drop_id,) = await _ordered(classroom, Cue(CueKind.AT, now + 1_000))
        await asyncio.gather(
            flows.pause(classroom.ledger, "tina", ROOM, now),
            fire_due(classroom.stores, now + 1_000),
        )
        state = (await classroom.view(drop_id)).state
        # Held first: it stays prepared for good, until somebody resumes.
        assert await fire_due(classroom.stores, now + 1_000) == 0
        assert (await classroom.view(drop_id)).state is state
        await flows.resume(classroom.ledger, "tina", ROOM, now)


async def test_a_wrong_order_changes_nothing(classroom: Classroom) -> None:
    now = now_ms()
    (known,) = await _ordered(classroom, Cue(CueKind.MINUTE, 5))
    opened = (await classroom.opened()).id
    for entries in (
        [("drp_9", Cue(CueKind.HAND))],
        [(opened, Cue(CueKind.HAND))],
        [(known, Cue(CueKind.MINUTE, 5)), (known, Cue(CueKind.HAND))],
        [(known, Cue(CueKind.AT, now - 1))],
        [(known, Cue(CueKind.HAND))] * 101,
    ):
        assert refused(await _written(classroom, entries)).code == "invalid_field"
    order = await flows.show_order(classroom.ledger, ROOM)
    assert [one.cue for one in order.entries] == [Cue(CueKind.MINUTE, 5)]


async def test_an_order_is_written_anew_and_what_has_fired_stays_fired(
    classroom: Classroom,
) -> None:
    now = now_ms()
    first, second = await _ordered(classroom, Cue(CueKind.AT, now + 1_000), Cue(CueKind.MINUTE, 5))
    await fire_due(classroom.stores, now + 1_000)
    entries = [(second, Cue(CueKind.HAND)), (first, Cue(CueKind.AT, now + 1_000))]
    granted(await _written(classroom, entries))
    order = await flows.show_order(classroom.ledger, ROOM)
    assert [(one.drop_id, one.state) for one in order.entries] == [
        (second, CueState.WAITING),
        (first, CueState.FIRED),
    ]


async def test_a_drop_with_a_time_is_in_the_order_and_fires(classroom: Classroom) -> None:
    now = now_ms()
    drop = await classroom.opened(at=now + 5_000)
    assert drop.state is DropState.PREPARED
    assert await fire_due(classroom.stores, now + 4_999) == 0
    assert await fire_due(classroom.stores, now + 5_000) == 1


async def test_old_entries_of_closed_drops_are_deleted(classroom: Classroom) -> None:
    now = now_ms()
    (drop_id,) = await _ordered(classroom, Cue(CueKind.AT, now + 1_000))
    await fire_due(classroom.stores, now + 1_000)
    granted(await classroom.drops.close(drop_id, ROOM, now))
    await remove_old(classroom.ledger, now)
    assert len(await _states(classroom)) == 1
    await remove_old(classroom.ledger, now + 31 * 24 * 60 * MINUTE)
    assert await _states(classroom) == []
