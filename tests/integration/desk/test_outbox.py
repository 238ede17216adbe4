"""The stream of claims: what was read is kept until it is acknowledged, and nothing else is."""

import asyncio
import contextlib

import pytest

from server.core.ids import BatchId, DropId, Slot, StudentId, Unit
from server.desk import DeskUnavailableError
from server.desk.claims import outbox as outbox_module
from server.desk.claims.outbox import Outbox, OutboxEntry
from tests.support.builders.desks import SHARD, Desk
from tests.support.eventually import eventually
from tests.support.faults.interruptions import interpose

pytestmark = pytest.mark.asyncio


@pytest.fixture
def outbox(desk: Desk) -> Outbox:
    return Outbox(desk.redis, desk.prefix, "wrk_1")


@pytest.fixture
def other(desk: Desk) -> Outbox:
    return Outbox(desk.redis, desk.prefix, "wrk_2")


async def win(desk: Desk, *students: str) -> None:
    await desk.open(units=100)
    for student in students:
        await desk.tap(student)


def students(entries: list[OutboxEntry]) -> list[str]:
    return [entry.student for entry in entries]


async def test_an_entry_says_everything_about_the_win(desk: Desk, outbox: Outbox) -> None:
    await outbox.make_groups()
    await desk.open(units=7)
    answer = await desk.tap("ada", request_id="req-9")
    assert answer.held is not None
    (entry,) = await outbox.read(1)

    assert entry == OutboxEntry(
        shard=SHARD,
        entry_id=entry.entry_id,
        claim_id=answer.held.claim_id,
        drop_id=DropId("drp_1"),
        batch_id=BatchId("bat_1"),
        room="r1",
        student=StudentId("ada"),
        request_id="req-9",
        unit=Unit(1),
        slot=Slot(1),
        per_student=1,
        allotment_id="alt_drp_1",
        allotment_first=1,
        allotment_last=7,
        won_at=answer.held.won_at,
    )


async def test_what_was_won_before_there_was_a_group_is_read(desk: Desk, outbox: Outbox) -> None:
    await win(desk, "ada")
    await outbox.make_groups()
    await outbox.make_groups()

    assert students(await outbox.read(1)) == ["ada"]


async def test_two_workers_are_never_given_the_same(
    desk: Desk, outbox: Outbox, other: Outbox
) -> None:
    await outbox.make_groups()
    await win(desk, "ada")
    first = await outbox.read(1)
    await win(desk, "bob")

    assert students(first) == ["ada"]
    assert students(await other.read(1)) == ["bob"]


async def test_what_is_not_acknowledged_is_given_again_to_the_same_worker(
    desk: Desk, outbox: Outbox, other: Outbox
) -> None:
    await outbox.make_groups()
    await win(desk, "ada", "bob")
    ada, bob = await outbox.read(1)
    assert students(await outbox.read_own_pending()) == ["ada", "bob"]
    await outbox.acknowledge([ada])

    assert await outbox.read_own_pending() == [bob]
    assert await other.read_own_pending() == []


async def test_a_read_that_was_cancelled_loses_nothing(desk: Desk, outbox: Outbox) -> None:
    await outbox.make_groups()
    await desk.open()
    reading = asyncio.create_task(outbox.read(5_000))
    await desk.redis.ping()
    tapping = asyncio.create_task(desk.tap("ada"))
    reading.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await reading
    await tapping

    found = [*await outbox.read_own_pending(), *await outbox.read(1)]
    assert students(found) == ["ada"]


async def test_what_a_dead_worker_held_is_taken_over(
    desk: Desk, outbox: Outbox, other: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    await outbox.make_groups()
    await win(desk, "ada", "bob")
    ada, _ = await outbox.read(1)
    await outbox.acknowledge([ada])
    monkeypatch.setattr(outbox_module, "CLAIM_IDLE_MS", 0)

    assert students(await other.take_over()) == ["bob"]
    assert students(await other.read_own_pending()) == ["bob"]
    assert await outbox.read_own_pending() == []


async def consumers(desk: Desk) -> set[str]:
    found = await desk.redis.xinfo_consumers(desk.keys().outbox, outbox_module.GROUP)
    return {one["name"].decode() for one in found}


async def test_a_dead_worker_is_forgotten_and_a_living_one_is_not(
    desk: Desk, outbox: Outbox, other: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis before 7.2 has not heard of a reader for whom there was nothing, so there always is."""
    monkeypatch.setattr(outbox_module, "DEAD_CONSUMER_MS", 300)
    await outbox.make_groups()
    await desk.open(units=1_000)
    more = (f"s{number}" for number in range(1_000))

    async def works(one: Outbox) -> None:
        await desk.tap(next(more))
        await one.acknowledge(await one.read(1))

    await works(outbox)

    async def is_alone() -> bool:
        await works(other)
        await other.remove_dead_consumers()
        return await consumers(desk) == {"wrk_2"}

    await eventually(is_alone)


async def test_who_holds_something_is_not_forgotten_before_it_was_taken_over(
    desk: Desk, outbox: Outbox, other: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_module, "DEAD_CONSUMER_MS", 0)
    monkeypatch.setattr(outbox_module, "CLAIM_IDLE_MS", 0)
    await outbox.make_groups()
    await win(desk, "ada")
    await outbox.read(1)
    await other.remove_dead_consumers()
    await outbox.leave_group()

    assert await consumers(desk) == {"wrk_1"}
    assert students(await other.take_over()) == ["ada"]
    await outbox.leave_group()
    assert await consumers(desk) == {"wrk_2"}


async def test_control_to_take_out_who_holds_something_loses_it(
    desk: Desk, outbox: Outbox, other: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_module, "CLAIM_IDLE_MS", 0)
    await outbox.make_groups()
    await win(desk, "ada")
    await outbox.read(1)
    await desk.redis.xgroup_delconsumer(desk.keys().outbox, outbox_module.GROUP, "wrk_1")

    assert [*await other.take_over(), *await other.read(1)] == []


async def test_what_a_worker_has_just_been_given_is_left_to_it(
    desk: Desk, outbox: Outbox, other: Outbox
) -> None:
    await outbox.make_groups()
    await win(desk, "ada")
    await outbox.read(1)

    assert await other.take_over() == []


async def test_a_rebuild_sees_everything_acknowledged_or_not(desk: Desk, outbox: Outbox) -> None:
    await outbox.make_groups()
    await win(desk, "ada", "bob")
    await outbox.acknowledge((await outbox.read(1))[:1])
    await win(desk, "cyd")

    assert students(await outbox.read_all(SHARD)) == ["ada", "bob", "cyd"]
    assert await outbox.read_all(SHARD + 1) == []


async def test_without_a_group_the_desk_is_unavailable(outbox: Outbox) -> None:
    with pytest.raises(DeskUnavailableError, match="NOGROUP"):
        await outbox.read(1)


class TestTrim:
    async def test_the_acknowledged_are_forgotten_but_for_the_last(
        self, desk: Desk, outbox: Outbox
    ) -> None:
        await outbox.make_groups()
        await win(desk, "ada", "bob", "cyd")
        await outbox.acknowledge(await outbox.read(1))
        await outbox.trim()

        assert students(await outbox.read_all(SHARD)) == ["cyd"]

    async def test_the_pending_stay_and_all_behind_them(self, desk: Desk, outbox: Outbox) -> None:
        await outbox.make_groups()
        await win(desk, "ada", "bob", "cyd")
        ada, _, cyd = await outbox.read(1)
        await outbox.acknowledge([ada, cyd])
        await outbox.trim()

        assert students(await outbox.read_all(SHARD)) == ["bob", "cyd"]
        assert students(await outbox.read_own_pending()) == ["bob"]

    async def test_the_undelivered_stay(self, desk: Desk, outbox: Outbox) -> None:
        await outbox.make_groups()
        await win(desk, "ada", "bob")
        await outbox.trim()

        assert students(await outbox.read(1)) == ["ada", "bob"]

    async def test_what_is_delivered_while_it_looks_stays(
        self, desk: Desk, outbox: Outbox, other: Outbox
    ) -> None:
        """Whichever of its two looks comes first."""
        await outbox.make_groups()
        await win(desk, "ada")
        await outbox.acknowledge(await outbox.read(1))
        await win(desk, "bob", "cyd")

        delivered: list[OutboxEntry] = []

        async def deliver(stream: bytes, *_: object) -> None:
            if stream == desk.keys().outbox.encode() and not delivered:
                delivered.extend(await other.read(1))

        interpose(desk.redis, "xpending", after=deliver)
        interpose(desk.redis, "xinfo_groups", after=deliver)
        await outbox.trim()

        assert students(await other.read_own_pending()) == ["bob", "cyd"]


async def test_the_backlog_counts_what_is_pending_and_what_is_undelivered(
    desk: Desk, outbox: Outbox
) -> None:
    await outbox.make_groups()
    assert await outbox.backlog() == outbox_module.Backlog(0, 0)

    await win(desk, "ada", "bob", "cyd")
    waiting = await outbox.backlog()
    ada, *_ = await outbox.read(1)
    await win(desk, "dan")
    await outbox.acknowledge([ada])
    later = await outbox.backlog()

    assert (waiting.entries, later.entries) == (3, 3)
    assert waiting.oldest_age_ms >= 0
