"""The parts of a worker over a class that goes on, and functions that look at their effects.

`rig` runs the test on both databases with the shared Redis; `flushable_rig` has a Redis of its own, which
the test may kill, empty or set back (`faults/interruptions.py`).
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pytest_asyncio
from sqlalchemy import select

from server.core.drops.claims import ClaimState, Outcome
from server.core.ids import ClaimId, DropId, Slot, StudentId, Unit
from server.desk.claims.outbox import Outbox, OutboxEntry
from server.desk.feed.feed import Feed
from server.desk.keys import SHARDS, RoomKeys
from server.desk.redis.connection import connect, database_of
from server.desk.shards.fence import Fence
from server.flows.consistency.rebuild.rebuild_desk import DeskRebuilder
from server.flows.drops.claims.persist_claims import ClaimPersister, PersistResult
from server.flows.stores import Stores
from server.ids import new_claim_stem
from server.ledger import tables
from server.ledger.drops import claims, drops
from server.ledger.drops.claims import ClaimRow
from server.ledger.engine import Ledger
from server.observability.metrics import Metrics
from server.worker.cadence import Cadence
from server.worker.claims_loop import ClaimsLoop
from server.worker.jobs.job import WorkerParts
from server.worker.worker import Worker
from tests.support.builders.classroom import ROOM, Classroom, now_ms
from tests.support.builders.desks import Desk, make_desk
from tests.support.faults.interruptions import hang_up
from tests.support.servers.redis_cluster import RedisCluster
from tests.support.servers.redis_server import RedisServer
from tests.support.servers.replication import Pair


@dataclass(frozen=True, slots=True)
class WorkerRig:
    """The parts of one worker, and the class whose claims it persists."""

    classroom: Classroom
    name: str
    feed: Feed
    fence: Fence
    outbox: Outbox
    persister: ClaimPersister
    rebuilder: DeskRebuilder
    loop: ClaimsLoop

    @property
    def ledger(self) -> Ledger:
        return self.classroom.ledger

    @property
    def desk(self) -> Desk:
        return self.classroom.desk

    @property
    def stores(self) -> Stores:
        return Stores(self.ledger, self.desk.drops, self.feed)

    @property
    def worker(self) -> Worker:
        parts = WorkerParts(
            stores=self.stores,
            outbox=self.outbox,
            fence=self.fence,
            lanes=[self.loop],
            rebuilder=self.rebuilder,
            metrics=self.loop.metrics,
            cadence=self.loop.cadence,
        )
        return Worker(parts)

    def with_cadence(self, cadence: Cadence) -> "WorkerRig":
        """Return the same rig with other waits."""
        return replace(self, loop=replace(self.loop, cadence=cadence))

    def another(self, name: str, ledger: Ledger | None = None) -> "WorkerRig":
        """Make a second worker beside this one."""
        return make_rig(ledger or self.ledger, self.desk, name)

    async def record(self, shard: int) -> PersistResult:
        """Persist everything that the outbox has, as a redelivery would bring it again."""
        return await self.persister.persist(await self.outbox.read_all(shard), now_ms())

    async def confirm(self, drop_id: str) -> None:
        """Confirm everybody who has won of this drop."""
        await self.record((await self.classroom.row(drop_id)).shard)

    async def rebuild_all(self) -> None:
        for shard in await self.fence.shut_shards():
            assert await self.rebuilder.rebuild(shard, now_ms())

    async def rows(self, drop_id: str) -> list[ClaimRow]:
        async with self.ledger.read() as conn:
            return await claims.of_drop(conn, drop_id)

    async def live(self, drop_id: str) -> dict[str, int]:
        """Return student -> unit, of the claims that count."""
        return {row.student: row.unit for row in await self.rows(drop_id) if row.state == "live"}

    async def codes(self, drop_id: str) -> dict[str, str]:
        """Return student -> code of the coupon."""
        query = select(tables.coupons.c.student, tables.coupons.c.code).where(
            tables.coupons.c.drop_id == drop_id
        )
        async with self.ledger.read() as conn:
            return {student: code for student, code in await conn.execute(query)}

    async def dead_letters(self) -> list[str]:
        async with self.ledger.read() as conn:
            return list(await conn.scalars(select(tables.dead_letters.c.claim_id)))

    async def unacknowledged(self) -> int:
        return (await self.outbox.backlog()).entries

    async def entry(self, drop_id: str, student: str, unit: int, /, **changes: Any) -> OutboxEntry:
        """Return the outbox entry that the desk writes when it sells this unit to this student."""
        row = await self.classroom.row(drop_id)
        async with self.ledger.read() as conn:
            allotment, *_ = await drops.allotments_of(conn, drop_id)
        made = OutboxEntry(
            shard=row.shard,
            entry_id="0-1",
            claim_id=ClaimId(new_claim_stem()),
            drop_id=DropId(drop_id),
            batch_id=row.batch_id,
            room=row.room,
            student=StudentId(student),
            request_id="r1",
            unit=Unit(unit),
            slot=Slot(1),
            per_student=row.per_student,
            allotment_id=allotment.id,
            allotment_first=allotment.first,
            allotment_last=allotment.last,
            won_at=now_ms(),
        )
        return made._replace(**changes)

    async def slip_in(self, entry: OutboxEntry) -> None:
        """Add an entry to the outbox without the script that keeps it consistent."""
        words = (str(getattr(entry, name)) for name in _AS_WRITTEN)
        await self.desk.redis.xadd(self.desk.keys(entry.shard).outbox, {"win": "|".join(words)})


_AS_WRITTEN = OutboxEntry._fields[2:15]  # what claim.lua writes, in its order


def make_rig(ledger: Ledger, desk: Desk, name: str = "wrk_1") -> WorkerRig:
    feed, fence = Feed(desk.redis, desk.prefix), Fence(desk.redis, desk.prefix, name)
    outbox = Outbox(desk.redis, desk.prefix, name)
    persister = ClaimPersister(ledger, fence, feed)
    return WorkerRig(
        Classroom(ledger, desk),
        name,
        feed,
        fence,
        outbox,
        persister,
        DeskRebuilder(ledger, fence, feed, outbox, persister),
        ClaimsLoop(outbox, persister, Metrics()),
    )


@pytest_asyncio.fixture
async def rig(classroom: Classroom) -> WorkerRig:
    made = make_rig(classroom.ledger, classroom.desk)
    await made.outbox.make_groups()
    return made


@asynccontextmanager
async def rig_of(
    server: RedisServer | Pair | RedisCluster, ledger: Ledger, prefix: str
) -> AsyncIterator[WorkerRig]:
    """Make a rig whose desk is rebuilt from the ledger, as by a worker that starts."""
    redis = connect(server.url)
    desk = make_desk(redis, prefix)
    made = make_rig(ledger, desk)
    await made.rebuild_all()
    yield made
    await desk.claims.close()
    await redis.aclose()


@pytest_asyncio.fixture
async def flushable_rig(
    flushable_redis: RedisServer, ledger: Ledger, key_prefix: str
) -> AsyncIterator[WorkerRig]:
    async with rig_of(flushable_redis, ledger, key_prefix) as made:
        yield made


async def lost(rig: WorkerRig, server: RedisServer) -> None:
    """Let Redis come back empty."""
    server.forget()
    await hang_up(rig.desk)


async def restarted(rig: WorkerRig, server: RedisServer) -> None:
    """Let Redis come back with everything that it ever acknowledged."""
    server.kill9()
    server.restart()
    await hang_up(rig.desk)


@asynccontextmanager
async def at_work(*rigs: WorkerRig) -> AsyncIterator[None]:
    """Run whole workers until the block ends."""
    tasks = [asyncio.create_task(rig.worker.run()) for rig in rigs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(error, asyncio.CancelledError) for error in ended), ended


async def is_confirmed(rig: WorkerRig, drop_id: str, *students: str) -> bool:
    row = await rig.classroom.row(drop_id)
    (found,) = await rig.desk.drops.claims_of([(row.shard, drop_id, students)])
    return all(held is not None and held.state is ClaimState.CONFIRMED for held in found)


# --- what can be seen -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DeskState:
    """A drop as the desk has it, without what only makes calls repeatable and what no rebuild can know."""

    fields: Mapping[str, object]
    holders: Mapping[str, str]
    free: tuple[int, ...]
    slots: Mapping[str, str]


async def desk_state(rig: WorkerRig, drop_id: str) -> DeskState:
    row = await rig.classroom.row(drop_id)
    keys = rig.desk.keys(row.shard)
    redis: Any = rig.desk.redis  # its answers are bytes
    fields = _text(await redis.hgetall(keys.drop(drop_id)))
    fields.pop("extended_by", None)
    fields.pop("taps", None)  # the ledger has those that won only
    allotments = orjson.loads(fields.pop("allotments", "[]"))
    return DeskState(
        {**fields, "allotments": allotments},
        _text(await redis.hgetall(keys.holders(drop_id))),
        tuple(int(unit) for unit in await redis.zrange(keys.free(drop_id), 0, -1)),
        {
            student: slots
            for student, slots in _text(await redis.hgetall(keys.caps(row.batch_id))).items()
            if student  # the field '' names the load of the desk
        },
    )


def _text(found: Mapping[bytes, bytes]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in found.items()}


_LAST = b"last"


@dataclass(frozen=True, slots=True)
class RoomListener:
    """A subscription of a room's channel."""

    pubsub: Any
    redis: Any
    channel: str

    async def next(self, kind: str) -> list[list[Any]]:
        """Return the claims of the next message of that kind."""
        while True:
            message = await self.pubsub.get_message(timeout=5)
            assert message is not None, f"nothing of the kind {kind} was said within 5 s"
            if message["type"] == "smessage":
                said = orjson.loads(message["data"])
                if said["kind"] == kind:
                    claims_said: list[list[Any]] = said["claims"]
                    return claims_said

    async def everything(self, kind: str) -> list[list[Any]]:
        """Return the claims of all messages of that kind that were published before this call."""
        found: list[list[Any]] = []
        await self.redis.spublish(self.channel, _LAST)  # a channel keeps its order
        while True:
            message = await self.pubsub.get_message(timeout=5)
            assert message is not None, "the last message did not come within 5 s"
            if message["type"] == "smessage":
                if message["data"] == _LAST:
                    return found
                said = orjson.loads(message["data"])
                found += said["claims"] if said["kind"] == kind else []


@asynccontextmanager
async def listening(desk: Desk, room: str = ROOM) -> AsyncIterator[RoomListener]:
    pubsub = desk.redis.pubsub()
    database = database_of(desk.redis)
    channel = RoomKeys(desk.prefix, room, database).channel
    await pubsub.ssubscribe(channel)
    taken = await pubsub.get_message(timeout=5)
    assert taken is not None
    yield RoomListener(pubsub, desk.redis, channel)
    await pubsub.aclose()  # type: ignore[no-untyped-call]


async def taps(rig: WorkerRig, drop_id: str, *students: str) -> dict[str, Outcome]:
    return {student: await rig.classroom.tap(drop_id, student) for student in students}


def everybody(count: int, start: int = 1) -> list[str]:
    return [f"s{number}" for number in range(start, start + count)]


ALL_SHARDS = tuple(range(SHARDS))
