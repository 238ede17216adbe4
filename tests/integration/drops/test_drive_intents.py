"""The work that a dead process leaves is finished or cancelled within 10 s, and its stock is accounted for.

Processes die as tests/support/faults/killed_at_hop.py lets them; the worker's clock is an argument.
"""

from collections.abc import Awaitable, Callable, Mapping

import pytest
from sqlalchemy import select

from server.core.drops.claims import Outcome
from server.core.drops.drop_rules import DropForm
from server.core.drops.drops import CloseReason, DropState
from server.core.refusals import Code, Refused
from server.desk.feed.feed_messages import FeedKind
from server.flows.drops.drop_service import DropService
from server.flows.drops.intents.drive_intents import DriveResult, close_overdue, drive_pending
from server.flows.drops.views.drop_view import DropView
from server.flows.stores import Stores
from server.ledger import tables
from server.ledger.idempotency import IdempotencyKey
from tests.support.builders.classroom import ROOM, Classroom, granted, now_ms, refused
from tests.support.builders.ledger_rows import add
from tests.support.faults.killed_at_hop import KilledError, drops_killed_at

pytestmark = pytest.mark.asyncio
LEFT_BEHIND_MS = 2_000
KEY = IdempotencyKey("teacher", "/v1/rooms/101/drops", "key-1", "hash-1")


async def dies(call: Awaitable[object]) -> None:
    with pytest.raises(KilledError):
        await call


async def drive(classroom: Classroom, after_ms: int) -> DriveResult:
    """Do what a worker does, so long after now."""
    return await drive_pending(classroom.stores, LEFT_BEHIND_MS, now_ms() + after_ms)


async def only_drop(classroom: Classroom) -> DropView:
    (drop,) = granted(await classroom.drops.list_for_room(ROOM, 10, None, now_ms()))
    return drop


HOPS_OF_OPENING = [
    ("before", "open"),
    ("after", "open"),
    ("before", "publish"),
    ("after", "publish"),
]


class TestOpening:
    @pytest.mark.parametrize(("when", "hop"), HOPS_OF_OPENING)
    async def test_a_worker_finishes_it(self, classroom: Classroom, when: str, hop: str) -> None:
        batch = await classroom.made_batch()
        await self._dies(classroom, batch.id, when, hop)
        driven = await drive(classroom, 2_000)
        drop = await only_drop(classroom)

        assert driven == DriveResult(done=1, waiting=0)
        assert (drop.state, drop.remaining) == (DropState.OPEN, 10)
        assert (await classroom.batch(batch.id)).allotted == 10
        assert [told.kind for told in await classroom.told()] == [FeedKind.OPENED]
        assert await classroom.tap(drop.id, "s1") is Outcome.WON
        assert await classroom.unfinished() == []

    @pytest.mark.parametrize(("when", "hop"), HOPS_OF_OPENING)
    async def test_after_10_s_it_is_given_up_and_its_stock_is_back(
        self, classroom: Classroom, when: str, hop: str
    ) -> None:
        batch = await classroom.made_batch()
        await self._dies(classroom, batch.id, when, hop)
        driven = await drive(classroom, 10_000)
        drop = await only_drop(classroom)

        assert driven == DriveResult(done=1, waiting=0)
        assert (drop.state, drop.close_reason) == (DropState.CLOSED, CloseReason.CANCELLED)
        assert (drop.returned, drop.remaining) == (10, 0)
        assert (await classroom.batch(batch.id)).allotted == 0
        assert await classroom.tap(drop.id, "s1") in (Outcome.CLOSED, Outcome.NOT_OPEN)
        assert await classroom.unfinished() == []

    async def test_a_room_that_was_told_is_told_that_it_is_over(self, classroom: Classroom) -> None:
        batch = await classroom.made_batch()
        await self._dies(classroom, batch.id, "after", "publish")
        await drive(classroom, 10_000)

        assert [told.kind for told in await classroom.told()] == [FeedKind.OPENED, FeedKind.CLOSED]

    async def test_a_room_that_was_not_told_of_the_desk_is_told_nothing(
        self, classroom: Classroom
    ) -> None:
        batch = await classroom.made_batch()
        await self._dies(classroom, batch.id, "before", "open")
        await drive(classroom, 10_000)

        assert await classroom.told() == []

    async def test_a_room_that_was_told_nothing_shows_nothing_to_who_joins(
        self, classroom: Classroom
    ) -> None:
        """Otherwise a student who joins now would see a card that nobody else has."""
        batch = await classroom.made_batch()
        await self._dies(classroom, batch.id, "after", "open")
        await drive(classroom, 10_000)

        assert await classroom.told() == []
        assert (await classroom.desk.feed.state(ROOM)).drops == ()

    async def test_who_won_before_it_was_given_up_keeps_it(self, classroom: Classroom) -> None:
        batch = await classroom.made_batch()
        await self._dies(classroom, batch.id, "after", "publish")
        drop = await only_drop(classroom)
        await classroom.won(drop.id, "s1")
        await drive(classroom, 10_000)
        await classroom.confirm(drop.id)
        closed = await classroom.view(drop.id)

        assert (closed.claimed, closed.confirmed, closed.returned) == (1, 1, 9)
        assert (await classroom.batch(batch.id)).allotted == 1

    async def test_it_is_left_alone_while_its_own_process_may_be_at_it(
        self, classroom: Classroom
    ) -> None:
        batch = await classroom.made_batch()
        await self._dies(classroom, batch.id, "before", "open")

        assert await drive(classroom, 1_000) == DriveResult(done=0, waiting=0)

    async def test_a_process_that_comes_too_late_finds_it_given_up(
        self, classroom: Classroom
    ) -> None:
        batch = await classroom.made_batch()
        await self._dies(classroom, batch.id, "before", "open")
        drop = await only_drop(classroom)
        row = await classroom.row(drop.id)
        await classroom.desk.drops.close(row.shard, drop.id, only_if_over=False)
        answer = await self._again(classroom, batch.id)

        assert refused(answer).code is Code.UNAVAILABLE
        assert (await classroom.view(drop.id)).close_reason is CloseReason.CANCELLED
        assert (await classroom.batch(batch.id)).allotted == 0

    @pytest.mark.parametrize(("when", "hop"), HOPS_OF_OPENING)
    async def test_the_same_request_again_drives_it_on(
        self, classroom: Classroom, when: str, hop: str
    ) -> None:
        batch = await classroom.made_batch()
        await self._dies(classroom, batch.id, when, hop)
        drop = granted(await self._again(classroom, batch.id))

        assert drop.state is DropState.OPEN
        assert (await classroom.batch(batch.id)).allotted == 10
        assert await classroom.unfinished() == []

    async def test_a_request_repeated_late_leaves_it_to_the_workers(
        self, classroom: Classroom
    ) -> None:
        """No opening is driven by an api when a worker may give it up."""
        batch = await classroom.made_batch()
        await self._dies(classroom, batch.id, "before", "open")
        form, later = DropForm(batch.id, 10, 60), now_ms() + 8_001
        answer = await classroom.drops.create(ROOM, form, KEY, later)

        assert refused(answer).code is Code.UNAVAILABLE
        assert await classroom.told() == []

    @pytest.mark.parametrize("after_ms", [2_000, 10_000])
    async def test_an_opening_that_somebody_else_has_finished_stays_open(
        self, classroom: Classroom, after_ms: int
    ) -> None:
        """Two drive it; one is slow and finds only the intent."""
        drop = await classroom.opened()
        async with classroom.ledger.begin() as conn:
            await add(conn, tables.intents, drop_id=drop.id, created_at=now_ms())
        driven = await drive(classroom, after_ms)

        assert driven == DriveResult(done=1, waiting=0)
        assert (await classroom.view(drop.id)).state is DropState.OPEN
        assert await classroom.unfinished() == []

    async def test_a_prepared_drop_is_finished_as_well(self, classroom: Classroom) -> None:
        prepared = await classroom.opened(start="prepared")
        api = drops_killed_at(classroom, "after", "open")
        await dies(api.open(prepared.id, ROOM, now_ms()))
        drop = granted(await classroom.drops.open(prepared.id, ROOM, now_ms()))

        assert drop.state is DropState.OPEN
        assert (await classroom.batch(drop.batch_id)).allotted == 10

    async def test_while_it_is_being_opened_nothing_else_is_done_with_it(
        self, classroom: Classroom
    ) -> None:
        batch = await classroom.made_batch()
        await self._dies(classroom, batch.id, "before", "open")
        drop, drops, now = await only_drop(classroom), classroom.drops, now_ms()

        assert drop.state is DropState.SCHEDULED
        assert refused(await drops.close(drop.id, ROOM, now)).code is Code.IN_PROGRESS
        assert refused(await drops.top_up(drop.id, ROOM, 1, 10, now)).code is Code.IN_PROGRESS
        assert refused(await drops.extend(drop.id, ROOM, 1, 0, now)).code is Code.IN_PROGRESS

    async def _dies(self, classroom: Classroom, batch_id: str, when: str, hop: str) -> None:
        form, api = DropForm(batch_id, 10, 60), drops_killed_at(classroom, when, hop)
        await dies(api.create(ROOM, form, KEY, now_ms()))

    async def _again(self, classroom: Classroom, batch_id: str) -> DropView | Refused:
        form = DropForm(batch_id, 10, 60)
        return await classroom.drops.create(ROOM, form, KEY, now_ms())


class TestRedisAway:
    async def test_an_opening_is_unavailable_and_finished_when_redis_is_back(
        self, classroom: Classroom
    ) -> None:
        batch = await classroom.made_batch()
        form = DropForm(batch.id, 10, 60)
        answer = await classroom.without_redis.create(ROOM, form, KEY, now_ms())
        await drive(classroom, 2_000)

        assert refused(answer).code is Code.UNAVAILABLE
        assert (await only_drop(classroom)).state is DropState.OPEN

    async def test_a_worker_notes_why_it_waits(self, classroom: Classroom) -> None:
        batch = await classroom.made_batch()
        form = DropForm(batch.id, 10, 60)
        away = classroom.without_redis
        await away.create(ROOM, form, KEY, now_ms())
        stores = _places_of(away)
        driven = await drive_pending(stores, LEFT_BEHIND_MS, now_ms() + 2_000)

        assert driven == DriveResult(done=0, waiting=1)
        query = select(tables.intents.c.attempts, tables.intents.c.last_error)
        async with classroom.ledger.read() as conn:
            attempts, error = (await conn.execute(query)).one()
        assert (attempts, bool(error)) == (1, True)

    async def test_overdue_drops_wait_for_the_desk(self, classroom: Classroom) -> None:
        drop = await classroom.opened(duration_seconds=1)
        later = (drop.closes_at or 0) + 1
        stores = _places_of(classroom.without_redis)

        assert await close_overdue(stores, later) == DriveResult(done=0, waiting=1)

    async def test_a_fence_that_is_shut_is_a_desk_that_is_away(self, classroom: Classroom) -> None:
        batch = await classroom.made_batch()
        await classroom.desk.fence.shut(batch.shard)
        form = DropForm(batch.id, 10, 60)
        answer = await classroom.drops.create(ROOM, form, KEY, now_ms())

        assert refused(answer).code is Code.UNAVAILABLE


Press = Callable[[DropService, DropView], Awaitable[DropView | Refused]]


class TestChanges:
    PRESSES: Mapping[str, Press] = {
        "add_units": lambda drops, drop: drops.top_up(drop.id, ROOM, 5, 10, now_ms()),
        "extend": lambda drops, drop: drops.extend(
            drop.id, ROOM, 30, drop.closes_at or 0, now_ms()
        ),
        "close": lambda drops, drop: drops.close(drop.id, ROOM, now_ms()),
    }

    @pytest.mark.parametrize("when", ["before", "after"])
    @pytest.mark.parametrize("at", ["desk", "publish"])
    @pytest.mark.parametrize("button", PRESSES)
    async def test_a_worker_does_what_was_pressed(
        self, classroom: Classroom, button: str, at: str, when: str
    ) -> None:
        drop = await classroom.opened()
        await classroom.won(drop.id, "s1")
        api = drops_killed_at(classroom, when, button if at == "desk" else at)
        await dies(self.PRESSES[button](api, drop))
        driven = await drive(classroom, 2_000)
        after = await classroom.view(drop.id)

        assert driven == DriveResult(done=1, waiting=0)
        assert after.quantity == after.remaining + after.claimed + after.returned
        assert after.quantity == (15 if button == "add_units" else 10)
        assert after.closes_at == (drop.closes_at or 0) + (30_000 if button == "extend" else 0)
        assert (after.state is DropState.CLOSED) == (button == "close")
        batch = await classroom.batch(drop.batch_id)
        assert batch.allotted == after.quantity - after.returned
        assert len(await classroom.told()) == 2
        assert await classroom.unfinished() == []

    async def test_of_two_top_ups_left_behind_no_unit_is_missing(
        self, classroom: Classroom
    ) -> None:
        """The second reaches the desk while nobody has told it of the first."""
        drop = await classroom.opened(quantity=1)
        api = drops_killed_at(classroom, "before", "add_units")
        await dies(api.top_up(drop.id, ROOM, 1, 1, now_ms()))
        granted(await classroom.drops.top_up(drop.id, ROOM, 1, 2, now_ms()))

        await classroom.won(drop.id, "s1", "s2", "s3")
        assert await classroom.tap(drop.id, "s4") is Outcome.SOLD_OUT

    async def test_a_top_up_for_a_drop_stopped_on_the_desk_ends_it_as_stopped(
        self, classroom: Classroom
    ) -> None:
        drop = await classroom.opened()
        api = drops_killed_at(classroom, "after", "close")
        await dies(api.close(drop.id, ROOM, now_ms()))
        answer = await classroom.drops.top_up(drop.id, ROOM, 5, 10, now_ms())
        closed = await classroom.view(drop.id)

        assert refused(answer).code is Code.WRONG_STATE
        assert (closed.close_reason, closed.returned) == (CloseReason.STOPPED, 15)
        assert (await classroom.batch(drop.batch_id)).allotted == 0
        assert await drive(classroom, 2_000) == DriveResult(done=1, waiting=0)


async def test_an_intent_that_breaks_its_worker_lets_others_pass(classroom: Classroom) -> None:
    first, second = await classroom.made_batch(), await classroom.made_batch()
    for batch, key in ((first, "k1"), (second, "k2")):
        api = drops_killed_at(classroom, "before", "open")
        kept = IdempotencyKey("teacher", "/v1/rooms/101/drops", key, "hash-1")
        await dies(api.create(ROOM, DropForm(batch.id, 10, 60), kept, now_ms()))
    broken = _places_of(drops_killed_at(classroom, "before", "open"))
    with pytest.raises(KilledError):
        await drive_pending(broken, LEFT_BEHIND_MS, now_ms() + 2_000)

    query = select(tables.intents.c.attempts).order_by(tables.intents.c.id)
    async with classroom.ledger.read() as conn:
        assert list((await conn.execute(query)).scalars()) == [1, 0]


def _places_of(drops: DropService) -> Stores:
    return drops._stores
