"""The ways in which a drop ends; its units are all accounted for afterwards (I6)."""

import asyncio

import pytest

from server.core.drops.claims import Outcome
from server.core.drops.drops import CloseReason, DropState
from server.core.promotions.batches import Batch, RoomQuota
from server.desk.feed.feed_messages import FeedKind
from server.flows.drops.intents.drive_intents import DriveResult, close_overdue
from server.flows.drops.views.drop_view import DropView
from tests.support.builders.classroom import ROOM, Classroom, granted, now_ms
from tests.support.eventually import eventually

pytestmark = pytest.mark.asyncio


async def test_what_nobody_claimed_goes_back_to_batch_and_share(classroom: Classroom) -> None:
    batch = await classroom.made_batch(rooms=(RoomQuota(ROOM, 40),))
    drop = await classroom.opened(batch)
    await classroom.won(drop.id, "s1", "s2")
    closed = granted(await classroom.drops.close(drop.id, ROOM, now_ms()))

    assert (closed.state, closed.close_reason) == (DropState.CLOSED, CloseReason.STOPPED)
    assert (closed.quantity, closed.claimed, closed.returned, closed.remaining) == (10, 2, 8, 0)
    after = await classroom.batch(batch.id)
    assert (after.allotted, after.droppable_in(ROOM)) == (2, 38)


async def test_nobody_wins_after_the_answer(classroom: Classroom) -> None:
    drop = await classroom.opened()
    granted(await classroom.drops.close(drop.id, ROOM, now_ms()))

    assert await classroom.tap(drop.id, "s1") is Outcome.CLOSED


async def test_the_room_is_told_once_however_often_it_is_closed(classroom: Classroom) -> None:
    drop = await classroom.opened()
    answers = await asyncio.gather(
        *(classroom.drops.close(drop.id, ROOM, now_ms()) for _ in range(3))
    )
    later = granted(await classroom.drops.close(drop.id, ROOM, now_ms()))

    assert {granted(one).closed_at for one in answers} == {later.closed_at}
    closed = [told for told in await classroom.told() if told.kind is FeedKind.CLOSED]
    assert [told.drop.close_reason for told in closed] == [CloseReason.STOPPED]
    assert (await classroom.batch(drop.batch_id)).allotted == 0
    assert await classroom.unfinished() == []


@pytest.mark.parametrize("kind", [FeedKind.OPENED, FeedKind.CHANGED])
async def test_what_is_published_too_late_does_not_bring_it_back(
    classroom: Classroom, kind: FeedKind
) -> None:
    """An api process or a rebuild that read the ledger before the end publishes after it."""
    drop = await classroom.opened()
    granted(await classroom.drops.close(drop.id, ROOM, now_ms()))
    as_it_was = (await classroom.told())[0].drop
    await classroom.desk.feed.publish("late", kind, as_it_was)

    (shown,) = (await classroom.desk.feed.state(ROOM)).drops
    assert shown.close_reason is CloseReason.STOPPED
    assert len(await classroom.told()) == 2


async def test_a_prepared_drop_is_called_off_in_silence(classroom: Classroom) -> None:
    drop = await classroom.opened(start="prepared")
    closed = granted(await classroom.drops.close(drop.id, ROOM, now_ms()))

    assert (closed.state, closed.returned, closed.remaining) == (DropState.CLOSED, 10, 0)
    assert (await classroom.batch(drop.batch_id)).allotted == 0
    assert await classroom.told() == []


async def test_top_ups_go_back_too(classroom: Classroom) -> None:
    drop = await classroom.opened()
    granted(await classroom.drops.top_up(drop.id, ROOM, 5, 10, now_ms()))
    await classroom.won(drop.id, "s1")
    closed = granted(await classroom.drops.close(drop.id, ROOM, now_ms()))

    assert (closed.quantity, closed.claimed, closed.returned) == (15, 1, 14)


async def test_claims_on_their_way_to_the_ledger_keep_their_units(classroom: Classroom) -> None:
    drop = await classroom.opened()
    await classroom.won(drop.id, "s1", "s2", "s3")
    granted(await classroom.drops.close(drop.id, ROOM, now_ms()))
    await classroom.confirm(drop.id)
    closed = await classroom.view(drop.id)

    assert (closed.confirmed, closed.claimed, closed.returned) == (3, 3, 7)
    assert (await classroom.batch(drop.batch_id)).allotted == 3


class TestTimeOver:
    async def test_a_drop_ends_by_itself(self, classroom: Classroom) -> None:
        drop = await self._over(classroom, await classroom.made_batch())
        driven = await close_overdue(classroom.stores, now_ms())
        closed = await classroom.view(drop.id)

        assert driven == DriveResult(done=1, waiting=0)
        assert (closed.state, closed.close_reason) == (DropState.CLOSED, CloseReason.ENDED)
        assert (closed.closed_at, closed.returned) == (drop.closes_at, 9)
        assert (await classroom.told())[-1].drop.close_reason is CloseReason.ENDED
        assert (await classroom.batch(drop.batch_id)).allotted == 1

    async def test_it_is_ended_once_by_many_workers(self, classroom: Classroom) -> None:
        drop = await self._over(classroom, await classroom.made_batch())
        await asyncio.gather(*(close_overdue(classroom.stores, now_ms()) for _ in range(3)))

        assert (await classroom.batch(drop.batch_id)).allotted == 1
        assert len(await classroom.told()) == 2

    async def test_sold_out_is_the_reason_where_no_unit_could_come_back(
        self, classroom: Classroom
    ) -> None:
        drop = await self._over(classroom, await classroom.made_batch(), quantity=1)
        await close_overdue(classroom.stores, now_ms())

        assert (await classroom.view(drop.id)).close_reason is CloseReason.SOLD_OUT

    async def test_with_holds_a_unit_could_have_come_back(self, classroom: Classroom) -> None:
        batch = await classroom.made_batch(hold_seconds=60)
        drop = await self._over(classroom, batch, quantity=1)
        await close_overdue(classroom.stores, now_ms())

        assert (await classroom.view(drop.id)).close_reason is CloseReason.ENDED

    async def test_a_drop_is_not_over_before_the_desk_says_so(self, classroom: Classroom) -> None:
        """A worker whose clock is ahead."""
        drop = await classroom.opened()
        driven = await close_overdue(classroom.stores, now_ms() + 3_600_000)

        assert driven == DriveResult(done=0, waiting=1)
        assert (await classroom.view(drop.id)).state is DropState.OPEN

    async def test_without_overdue_drops_there_is_nothing_to_do(self, classroom: Classroom) -> None:
        await classroom.opened()

        assert await close_overdue(classroom.stores, now_ms()) == DriveResult(done=0, waiting=0)

    async def _over(self, classroom: Classroom, batch: Batch, quantity: int = 10) -> DropView:
        """Return a drop that lasted a second, in which s1 has won."""
        drop = await classroom.opened(batch, duration_seconds=1, quantity=quantity)
        await classroom.won(drop.id, "s1")

        async def is_over() -> bool:
            return (await classroom.view(drop.id)).state is DropState.CLOSED

        await eventually(is_over)
        return drop
