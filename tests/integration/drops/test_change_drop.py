"""Top-ups and extensions start from the numbers that the teacher saw."""

import asyncio

import pytest

from server.core import instants
from server.core.drops.claims import Outcome
from server.core.drops.drops import CloseReason, DropState
from server.core.promotions.batches import ClaimWindow, RoomQuota
from server.core.refusals import Code
from server.desk.feed.feed_messages import FeedKind
from server.flows.drops.views.drop_view import DropView
from tests.support.builders.classroom import ROOM, Classroom, granted, now_ms, refused
from tests.support.eventually import eventually

pytestmark = pytest.mark.asyncio


class TestTopUp:
    async def test_it_adds_units_for_those_who_came_too_late(self, classroom: Classroom) -> None:
        drop = await classroom.opened(quantity=1)
        await classroom.won(drop.id, "s1")
        assert await classroom.tap(drop.id, "s2") is Outcome.SOLD_OUT
        larger = granted(await classroom.drops.top_up(drop.id, ROOM, 2, 1, now_ms()))

        assert (larger.state, larger.quantity, larger.remaining) == (DropState.OPEN, 3, 2)
        assert await classroom.tap(drop.id, "s2") is Outcome.WON
        assert (await classroom.batch(drop.batch_id)).allotted == 3

    async def test_the_room_is_told_the_new_quantity(self, classroom: Classroom) -> None:
        drop = await classroom.opened()
        granted(await classroom.drops.top_up(drop.id, ROOM, 5, 10, now_ms()))
        told = (await classroom.told())[-1]

        assert (told.kind, told.drop.quantity) == (FeedKind.CHANGED, 15)

    async def test_pressed_twice_it_counts_once(self, classroom: Classroom) -> None:
        drop = await classroom.opened()
        answers = await asyncio.gather(
            *(classroom.drops.top_up(drop.id, ROOM, 5, 10, now_ms()) for _ in range(2))
        )

        (late,) = [refused(one) for one in answers if not isinstance(one, DropView)]
        assert (late.code, late.facts) == (Code.WRONG_STATE, {"quantity": 15})
        assert (await classroom.batch(drop.batch_id)).allotted == 15

    async def test_top_ups_one_after_the_other_all_have_their_units(
        self, classroom: Classroom
    ) -> None:
        drop = await classroom.opened(quantity=1)
        for quantity in (1, 2, 3):
            granted(await classroom.drops.top_up(drop.id, ROOM, 1, quantity, now_ms()))

        await classroom.won(drop.id, "s1", "s2", "s3", "s4")
        assert await classroom.tap(drop.id, "s5") is Outcome.SOLD_OUT

    async def test_more_than_the_batch_has_is_refused_and_changes_nothing(
        self, classroom: Classroom
    ) -> None:
        batch = await classroom.made_batch(quantity=12)
        drop = await classroom.opened(batch)
        answer = refused(await classroom.drops.top_up(drop.id, ROOM, 3, 10, now_ms()))

        assert (answer.code, answer.facts) == (Code.STOCK_SHORT, {"available": 2})
        assert (await classroom.view(drop.id)).quantity == 10
        assert (await classroom.batch(batch.id)).allotted == 10

    async def test_a_share_holds_for_top_ups_too(self, classroom: Classroom) -> None:
        batch = await classroom.made_batch(rooms=(RoomQuota(ROOM, 12),))
        drop = await classroom.opened(batch)
        answer = refused(await classroom.drops.top_up(drop.id, ROOM, 3, 10, now_ms()))

        assert answer.facts == {"available": 2}

    @pytest.mark.parametrize("add", [0, 1_000_000])
    async def test_no_sense_is_refused_by_its_field(self, classroom: Classroom, add: int) -> None:
        drop = await classroom.opened()
        answer = refused(await classroom.drops.top_up(drop.id, ROOM, add, 10, now_ms()))

        assert answer.code is Code.INVALID_FIELD

    async def test_a_prepared_or_closed_drop_has_nothing_to_top_up(
        self, classroom: Classroom
    ) -> None:
        drop = await classroom.opened(start="prepared")
        prepared = await classroom.drops.top_up(drop.id, ROOM, 1, 10, now_ms())
        granted(await classroom.drops.close(drop.id, ROOM, now_ms()))
        closed = await classroom.drops.top_up(drop.id, ROOM, 1, 10, now_ms())

        assert refused(prepared).code is refused(closed).code is Code.WRONG_STATE

    async def test_units_for_a_drop_that_has_just_ended_go_back_at_once(
        self, classroom: Classroom
    ) -> None:
        """The desk knows that the time is over before the ledger does."""
        drop = await classroom.opened(duration_seconds=1)
        await classroom.won(drop.id, "s1")
        await _until_over(classroom, drop)
        answer = refused(await classroom.drops.top_up(drop.id, ROOM, 5, 10, now_ms()))

        assert answer.code is Code.WRONG_STATE
        closed = await classroom.view(drop.id)
        assert (closed.state, closed.close_reason) == (DropState.CLOSED, CloseReason.ENDED)
        assert (closed.quantity, closed.claimed, closed.returned) == (15, 1, 14)
        assert (await classroom.batch(drop.batch_id)).allotted == 1
        assert await classroom.unfinished() == []


class TestExtend:
    async def test_it_ends_later_everywhere(self, classroom: Classroom) -> None:
        drop = await classroom.opened()
        closes_at = drop.closes_at or 0
        longer = granted(await classroom.drops.extend(drop.id, ROOM, 30, closes_at, now_ms()))
        told = (await classroom.told())[-1]
        counts = await classroom.desk.drops.counts((await classroom.row(drop.id)).shard, drop.id)

        assert longer.closes_at == closes_at + 30_000
        assert (told.kind, told.drop.window.closes_at) == (FeedKind.CHANGED, closes_at + 30_000)
        assert counts is not None
        assert counts.window is not None
        assert counts.window.closes_at == closes_at + 30_000

    async def test_pressed_twice_it_counts_once(self, classroom: Classroom) -> None:
        drop = await classroom.opened()
        closes_at = drop.closes_at or 0
        answers = await asyncio.gather(
            *(classroom.drops.extend(drop.id, ROOM, 30, closes_at, now_ms()) for _ in range(2))
        )

        (late,) = [refused(one) for one in answers if not isinstance(one, DropView)]
        assert late.code is Code.WRONG_STATE
        assert (await classroom.view(drop.id)).closes_at == closes_at + 30_000

    async def test_who_saw_another_end_is_told_the_one_there_is(self, classroom: Classroom) -> None:
        drop = await classroom.opened()
        closes_at = drop.closes_at or 0
        answer = refused(await classroom.drops.extend(drop.id, ROOM, 30, closes_at - 1, now_ms()))

        assert answer.code is Code.WRONG_STATE
        assert answer.facts == {"closes_at": instants.to_text(closes_at)}

    async def test_it_stays_within_the_claim_window(self, classroom: Classroom) -> None:
        now = now_ms()
        batch = await classroom.made_batch(claim_window=ClaimWindow(now - 1000, now + 90_000))
        drop = await classroom.opened(batch)
        closes_at = drop.closes_at or 0
        answer = refused(await classroom.drops.extend(drop.id, ROOM, 60, closes_at, now_ms()))

        assert answer.facts["errors"] == [{"field": "seconds", "code": "too_large"}]

    async def test_a_drop_whose_time_is_over_is_not_extended(self, classroom: Classroom) -> None:
        drop = await classroom.opened(duration_seconds=1)
        await _until_over(classroom, drop)
        answer = await classroom.drops.extend(drop.id, ROOM, 30, drop.closes_at or 0, now_ms())

        assert refused(answer).code is Code.WRONG_STATE
        assert await classroom.unfinished() == []

    async def test_a_prepared_drop_has_no_end_to_move(self, classroom: Classroom) -> None:
        drop = await classroom.opened(start="prepared")
        answer = await classroom.drops.extend(drop.id, ROOM, 30, 0, now_ms())

        assert refused(answer).code is Code.WRONG_STATE


async def _until_over(classroom: Classroom, drop: DropView) -> None:
    async def is_over() -> bool:
        return (await classroom.view(drop.id)).state is DropState.CLOSED

    await eventually(is_over)
