"""Told `won`, and the desk has forgotten it: the student goes on reading that until it is true again, or
reads an apology that is counted; and after a load everybody sees what they have."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest
import pytest_asyncio

from server.core.drops.claims import ClaimState
from server.core.ids import StudentId
from server.desk.claims.claim_desk import RETRY, Tap
from server.desk.redis.connection import connect
from server.gateway.cadence import Cadence
from tests.support.builders.classroom import ROOM, granted, now_ms
from tests.support.gateways import Client, RunningGateway, a_token, serve_gateway
from tests.support.worker_rig import WorkerRig, at_work

pytestmark = pytest.mark.asyncio


@dataclass(frozen=True, slots=True)
class Lesson:
    """A gateway beside the pieces of a worker, on a Redis of their own, and a ledger."""

    rig: WorkerRig
    gateway: RunningGateway

    async def flushed(self) -> None:
        """Emptied while it runs: the same process, and nothing in it."""
        await self.rig.desk.redis.flushall()

    async def rebuilt(self) -> None:
        await self.rig.outbox.make_groups()
        await self.rig.rebuild_all()

    async def enters(self, client: Client, student: str) -> dict[str, object]:
        await client.send(type="hello", token=a_token(student, room=ROOM))
        return await client.next("welcome")

    async def states(self, drop_id: str) -> dict[str, str]:
        """Return student -> state of the claim in the ledger."""
        return {row.student: row.state for row in await self.rig.rows(drop_id)}


@pytest_asyncio.fixture
async def lesson(flushable_rig: WorkerRig) -> AsyncIterator[Lesson]:
    cadence = Cadence(desk_epochs_s=0.05, unconfirmed_s=0.2)
    path = flushable_rig.desk.redis.connection_pool.connection_kwargs["path"]
    listener = connect(f"unix://{path}")
    async with serve_gateway(flushable_rig.desk, listener, cadence=cadence) as running:
        yield Lesson(flushable_rig, running)
    await listener.aclose()


async def claims_in_welcomes(client: Client, wanted: list[tuple[str, str]]) -> None:
    """Reads until a welcome has just these claims, by drop and state."""
    while True:
        welcome = await client.next("welcome")
        if sorted((c["drop_id"], c["state"]) for c in welcome["claims"]) == sorted(wanted):
            return


async def test_a_win_that_redis_forgot_is_won_again_and_its_student_hears_nothing_else(
    lesson: Lesson,
) -> None:
    rig = lesson.rig
    drop = await rig.classroom.opened(quantity=3)
    async with lesson.gateway.socket(ROOM) as client:
        await lesson.enters(client, "ada")
        assert (await client.claim(drop.id))["outcome"] == "won"
        await lesson.flushed()
        assert (await client.claim(drop.id, "r1"))["outcome"] == "retry"
        await lesson.rebuilt()

        await claims_in_welcomes(client, [(drop.id, "won")])
        await rig.confirm(drop.id)
        assert (await client.next("claim_confirmed"))["drop_id"] == drop.id
    assert await rig.live(drop.id) == {"ada": 1}


async def test_whoever_comes_while_nothing_is_known_is_told_what_they_were_told(
    lesson: Lesson,
) -> None:
    """The gateway that sent `won` has it still."""
    drop = await lesson.rig.classroom.opened(quantity=3)
    async with lesson.gateway.socket(ROOM) as client, lesson.gateway.socket(ROOM) as other:
        await lesson.enters(client, "ada")
        await client.claim(drop.id)
        row = await lesson.rig.classroom.row(drop.id)
        await lesson.rig.fence.shut(row.shard)
        await lesson.rig.desk.redis.delete(lesson.rig.desk.keys(row.shard).holders(drop.id))
        welcome = await lesson.enters(other, "ada")

        claims = welcome["claims"]
        assert isinstance(claims, list)
        assert [(c["drop_id"], c["state"]) for c in claims] == [(drop.id, "won")]


async def test_one_that_nothing_is_left_for_reads_an_apology_and_is_counted(
    lesson: Lesson,
) -> None:
    rig = lesson.rig
    drop = await rig.classroom.opened(quantity=1)
    revoked: list[None] = []
    rig.persister._on_revoked = lambda: revoked.append(None)
    async with lesson.gateway.socket(ROOM) as client:
        await lesson.enters(client, "ada")
        assert (await client.claim(drop.id))["outcome"] == "won"
        await lesson.flushed()
        desk = lesson.gateway.parts.claim_desk
        desk.submit = _not_yet("ada", desk.submit)  # type: ignore[method-assign,assignment]
        await lesson.rebuilt()
        await rig.classroom.won(drop.id, "bob")  # was quicker
        del desk.submit

        told = await client.next("claim_revoked")
        assert (told["drop_id"], told["reason"]) == (drop.id, "nothing_left")
        for _ in range(2):
            await rig.confirm(drop.id)  # a redelivery counts nobody twice
        assert await lesson.states(drop.id) == {"ada": "revoked", "bob": "live"}
        assert len(revoked) == 1
        view = await rig.classroom.view(drop.id)
        assert (view.revoked, view.confirmed, view.confirmed_total) == (1, 1, 1)
        async with lesson.gateway.socket(ROOM) as again:
            claims = (await lesson.enters(again, "ada"))["claims"]
            assert isinstance(claims, list)
            assert [c["state"] for c in claims] == ["revoked"]


def _not_yet(student: str, submit: Callable[[Tap], None]) -> Callable[[Tap], None]:
    """A gateway that has not come round to this student's yet."""

    def chosen(tap: Tap) -> None:
        if tap.student == student:
            tap.answered(RETRY)
        else:
            submit(tap)

    return chosen


async def test_while_the_desk_is_shut_nothing_is_taken_back(lesson: Lesson) -> None:
    rig = lesson.rig
    drop = await rig.classroom.opened(quantity=1)
    async with lesson.gateway.socket(ROOM) as client:
        await lesson.enters(client, "ada")
        await client.claim(drop.id)
        await lesson.flushed()
        for _ in range(3):
            assert (await client.claim(drop.id, "r1"))["outcome"] == "retry"
        await lesson.rebuilt()
        await claims_in_welcomes(client, [(drop.id, "won")])


async def test_what_is_confirmed_is_shown_again_after_the_load_on_every_shard(
    lesson: Lesson,
) -> None:
    """The feed is new before the desk is: a welcome in between knows of nothing."""
    rig = lesson.rig
    drops = [await rig.classroom.opened(quantity=2) for _ in range(3)]
    async with lesson.gateway.socket(ROOM) as client:
        await lesson.enters(client, "ada")
        for drop in drops:
            await client.claim(drop.id)
            await rig.confirm(drop.id)
        await lesson.flushed()
        room = lesson.gateway.gateway.rooms.get(ROOM)
        assert room is not None
        await lesson.gateway.follower.heal(room)
        await claims_in_welcomes(client, [])
        await lesson.rebuilt()
        await claims_in_welcomes(client, [(drop.id, "confirmed") for drop in drops])


async def test_a_claim_that_a_worker_still_had_makes_good_what_was_taken_back(
    lesson: Lesson,
) -> None:
    """It read it before Redis was emptied, and wrote it after the desk had given it up."""
    rig = lesson.rig
    drop = await rig.classroom.opened(quantity=1)
    await rig.classroom.won(drop.id, "ada")
    row = await rig.classroom.row(drop.id)
    entries = await rig.outbox.read_all(row.shard)
    ((told,),) = await rig.desk.drops.claims_of([(row.shard, drop.id, ["ada"])])
    assert told is not None
    await lesson.flushed()
    await lesson.rebuilt()
    await rig.desk.drops.give_up(row.shard, drop.id, {StudentId("ada"): told})
    await rig.persister.persist(entries, now_ms())
    assert await rig.fence.shut_shards() == [row.shard]
    await lesson.rebuilt()

    ((held,),) = await rig.desk.drops.claims_of([(row.shard, drop.id, ["ada"])])
    assert held is not None
    assert held.state is ClaimState.CONFIRMED
    await rig.confirm(drop.id)  # with what the desk had given up
    assert await lesson.states(drop.id) == {"ada": "live"}


async def test_a_stream_that_is_gone_is_seen_and_its_wins_are_won_again(lesson: Lesson) -> None:
    """Only the outbox of one shard: the desk still sells, and nobody could confirm."""
    rig = lesson.rig
    drop = await rig.classroom.opened(quantity=3)
    row = await rig.classroom.row(drop.id)
    async with lesson.gateway.socket(ROOM) as client:
        await lesson.enters(client, "ada")
        assert (await client.claim(drop.id))["outcome"] == "won"
        await rig.desk.redis.delete(rig.desk.keys(row.shard).outbox)
        async with at_work(rig):
            assert (await client.next("claim_confirmed"))["drop_id"] == drop.id
    assert set(await rig.live(drop.id)) == {"ada"}


async def test_a_closed_drop_gives_no_unit_twice_to_one_who_comes_back_for_it(
    lesson: Lesson,
) -> None:
    """Its units have gone back to the batch."""
    rig = lesson.rig
    drop = await rig.classroom.opened(quantity=2)
    async with lesson.gateway.socket(ROOM) as client:
        await lesson.enters(client, "ada")
        await client.claim(drop.id)
        await lesson.flushed()
        desk = lesson.gateway.parts.claim_desk
        desk.submit = _not_yet("ada", desk.submit)  # type: ignore[method-assign,assignment]
        await lesson.rebuilt()
        granted(await rig.classroom.drops.close(drop.id, ROOM, now_ms()))
        del desk.submit
        assert (await client.next("claim_revoked"))["drop_id"] == drop.id
        await rig.confirm(drop.id)
    row = await rig.classroom.row(drop.id)
    assert (row.returned, await rig.live(drop.id)) == (2, {})
