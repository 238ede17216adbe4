"""A desk and a feed on a Redis Cluster: keys of many nodes in one call, nodes that are lost or changed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from functools import partial
from time import monotonic

import pytest
import pytest_asyncio

from server.core.drops.claims import Outcome
from server.core.ids import StudentId
from server.desk import DeskUnavailableError
from server.desk.claims.claim_desk import ClaimDesk
from server.desk.claims.outbox import Outbox
from server.desk.claims.replicated_claims import ReplicatedClaimDesk
from server.desk.feed.cluster_subscription import subscription_of
from server.desk.feed.feed_messages import FeedKind
from server.desk.keys import SHARDS, RoomKeys
from server.desk.redis.connection import COMMAND_SECONDS, connect
from server.desk.redis.replicas import replicas_following
from server.desk.shards.desk_audit import DeskAudit
from server.desk.student_eraser import FileState, StudentEraser
from server.ledger.drops.drop_row import DropRow
from server.ledger.engine import Ledger
from tests.races.books import Books
from tests.support.builders.desks import SHARD, Desk, a_room_drop, make_desk
from tests.support.eventually import eventually
from tests.support.servers.redis_cluster import PRIMARIES, ClusterNode, RedisCluster
from tests.support.worker_rig import WorkerRig, at_work, everybody, is_confirmed, rig_of

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(120)]

GIVE_UP_S = 40.0
ROOMS = [f"room-{number}" for number in range(12)]
UNITS = 30


@pytest_asyncio.fixture
async def cluster_desk(redis_cluster: RedisCluster, key_prefix: str) -> AsyncIterator[Desk]:
    redis = connect(redis_cluster.url)
    made = make_desk(redis, key_prefix)
    await made.arm()
    yield made
    await made.claims.close()
    await redis.aclose()


@pytest_asyncio.fixture
async def cluster_rig(
    redis_cluster: RedisCluster, ledger: Ledger, key_prefix: str
) -> AsyncIterator[WorkerRig]:
    async with rig_of(redis_cluster, ledger, key_prefix) as rig:
        yield rig


@pytest.fixture
def breakable(redis_cluster: RedisCluster) -> Iterator[RedisCluster]:
    """The cluster of all tests, made whole again after the test."""
    yield redis_cluster
    redis_cluster.heal()


class TestKeysOfManyNodes:
    async def test_shards_are_on_several_nodes(
        self, redis_cluster: RedisCluster, cluster_desk: Desk
    ) -> None:
        owners = {
            redis_cluster.primary_of(cluster_desk.keys(shard).fence).port for shard in range(SHARDS)
        }
        assert len(owners) == PRIMARIES

    async def test_reads_of_many_keys_keep_their_order(self, cluster_desk: Desk) -> None:
        for number, room in enumerate(ROOMS):
            await cluster_desk.feed.report_presence(room, "gwy_1", number)
        await cluster_desk.open(units=7)

        wanted = [(shard, "drp_1") for shard in range(SHARDS)]
        counts = await cluster_desk.drops.counts_of_many(wanted)

        assert await cluster_desk.feed.present_in(ROOMS) == list(range(len(ROOMS)))
        assert [one.quantity if one else None for one in counts] == [
            7 if shard == SHARD else None for shard in range(SHARDS)
        ]
        assert await cluster_desk.drops.epochs() == [0] * SHARDS
        assert await cluster_desk.drops.counts_of_many([]) == []

    async def test_every_primary_is_looked_at(self, cluster_desk: Desk) -> None:
        await cluster_desk.open("drp_a")
        await cluster_desk.open("drp_b")
        audit = DeskAudit(cluster_desk.redis, cluster_desk.prefix)

        found = {drop async for drop in audit.drops()}

        assert found == {(SHARD, "drp_a"), (SHARD, "drp_b")}
        assert all([(await audit.fence(shard)).is_armed for shard in range(SHARDS)])
        await cluster_desk.fence.check_writable()
        assert await replicas_following(cluster_desk.redis) == 1

    async def test_a_student_is_erased_on_every_node(self, cluster_desk: Desk) -> None:
        for room in ROOMS:
            await cluster_desk.feed.add_seen(room, "drp_1", ["ann", "bob"])
        eraser = StudentEraser(cluster_desk.redis, cluster_desk.prefix)

        erasure = await eraser.erase("ann", "gone_1")

        assert erasure.changed == len(ROOMS)
        seen = [await cluster_desk.feed.read_seen(room, "drp_1") for room in ROOMS]
        assert seen == [{"gone_1", "bob"}] * len(ROOMS)
        assert await eraser.rewrite_files() is FileState.REWRITTEN

    async def test_an_outbox_is_read_waited_for_and_acknowledged(self, cluster_desk: Desk) -> None:
        outbox = Outbox(cluster_desk.redis, cluster_desk.prefix, "wrk_1")
        await outbox.make_groups()
        await cluster_desk.open()
        reading = asyncio.create_task(outbox.read(10_000))
        await cluster_desk.tap("ann")

        entries = await reading

        assert [entry.student for entry in entries] == ["ann"]
        assert await outbox.read(0) == []
        assert await outbox.read_own_pending() == entries
        assert (await outbox.backlog()).entries == 1
        await outbox.acknowledge(entries)
        await outbox.trim()
        assert (await outbox.backlog()).entries == 0
        assert await outbox.shards_without_group() == []


@dataclass(slots=True)
class Rush:
    """Students who tap, again and again with the same request id, until they have an answer."""

    rig: WorkerRig
    row: DropRow
    claims: ClaimDesk
    told: dict[str, Outcome] = field(default_factory=dict)
    retries: int = 0

    async def tap(self, student: str) -> bool:
        answer = await self.claims.claim(
            shard=self.row.shard,
            drop_id=self.row.id,
            batch_id=self.row.batch_id,
            student=StudentId(student),
            request_id="r1",
        )
        if answer.outcome is Outcome.RETRY:
            self.retries += 1
            return False
        self.told[student] = answer.outcome
        return True

    async def all_tap(self, students: list[str]) -> None:
        async with asyncio.TaskGroup() as group:
            for student in students:
                group.create_task(eventually(partial(self.tap, student), GIVE_UP_S))

    @property
    def winners(self) -> list[str]:
        return [student for student, outcome in self.told.items() if outcome is Outcome.WON]


@pytest_asyncio.fixture
async def rush(cluster_rig: WorkerRig, redis_cluster: RedisCluster) -> AsyncIterator[Rush]:
    """The rush for a drop of UNITS; a win waits for a replica."""
    drop = await cluster_rig.classroom.opened(quantity=UNITS, duration_seconds=600)
    own = connect(redis_cluster.url)
    claims = ReplicatedClaimDesk(own, cluster_rig.desk.prefix, 1)
    yield Rush(cluster_rig, await cluster_rig.classroom.row(drop.id), claims)
    await claims.close()
    await own.aclose()


async def assert_all_is_kept(rush: Rush) -> None:
    """Check that whoever was told `won` has a coupon, and no unit has two students."""
    rig, drop_id = rush.rig, rush.row.id
    await eventually(lambda: is_confirmed(rig, drop_id, *rush.winners), GIVE_UP_S)
    assert sorted(await rig.live(drop_id)) == sorted(rush.winners)
    await Books(rig.ledger, rig.desk.redis, rig.desk.prefix).settle(drop_id)


class TestLostPrimaries:
    async def test_a_primary_that_dies_during_claims_loses_no_win_and_sells_no_unit_twice(
        self, breakable: RedisCluster, rush: Rush
    ) -> None:
        students = everybody(2 * UNITS)
        victim = breakable.primary_of(rush.rig.desk.keys(rush.row.shard).fence)
        async with at_work(rush.rig):
            await rush.all_tap(students[:10])
            before = rush.winners
            victim.kill9()
            await rush.all_tap(students[10:])
            await rush.all_tap(before)

            assert len(rush.winners) == UNITS
            assert set(before) <= set(rush.winners)
            assert rush.retries > 0
            await assert_all_is_kept(rush)

    async def test_wins_of_other_nodes_are_read_while_one_is_away(
        self, breakable: RedisCluster, cluster_desk: Desk
    ) -> None:
        outbox = Outbox(cluster_desk.redis, cluster_desk.prefix, "wrk_1")
        await outbox.make_groups()
        await cluster_desk.open()
        await cluster_desk.tap("ann")
        here = breakable.primary_of(cluster_desk.keys().fence)
        another = next(node for node in breakable.primaries() if node is not here)

        another.freeze()
        try:
            entries = await outbox.read(100)
        finally:
            another.thaw()

        assert [entry.student for entry in entries] == ["ann"]

    async def test_without_a_primary_the_answer_is_retry_in_time(
        self, breakable: RedisCluster, cluster_desk: Desk
    ) -> None:
        await cluster_desk.open()
        victim = breakable.primary_of(cluster_desk.keys().fence)
        breakable.replica_of(victim).kill9()
        victim.kill9()
        others = [node for node in breakable.nodes if not node.is_dead]
        await eventually(lambda: all(_is_down(node) for node in others), GIVE_UP_S)
        begun = monotonic()

        answers = [(await cluster_desk.tap(name)).outcome for name in ("ann", "bob")]
        for room in ROOMS:
            with pytest.raises(DeskUnavailableError):
                await cluster_desk.feed.state(room)

        assert answers == [Outcome.RETRY] * 2
        assert monotonic() - begun < COMMAND_SECONDS * (2 + len(ROOMS))


def _is_down(node: ClusterNode) -> bool:
    return node.info()["cluster_state"] == "fail"


class TestMovedSlots:
    async def test_claims_go_on_at_the_node_that_takes_the_slot_over(
        self, breakable: RedisCluster, rush: Rush
    ) -> None:
        students = everybody(2 * UNITS)
        fence = rush.rig.desk.keys(rush.row.shard).fence
        async with at_work(rush.rig):
            await rush.all_tap(students[:10])
            tapping = asyncio.create_task(rush.all_tap(students[10:]))
            await asyncio.to_thread(breakable.move_slot, fence)
            await tapping

            assert len(rush.winners) == UNITS
            await assert_all_is_kept(rush)

    async def test_a_key_on_its_way_is_asked_for_where_it_is(
        self, breakable: RedisCluster, cluster_desk: Desk
    ) -> None:
        redis, keys = cluster_desk.redis, RoomKeys(cluster_desk.prefix, "moving")
        for number in range(4):
            await redis.set(keys.board(f"drp_{number}"), number)
        loop, found = asyncio.get_running_loop(), list[list[object]]()

        async def read() -> None:
            names = [keys.board(f"drp_{number}") for number in range(4)]
            found.append([await redis.get(name) for name in names])
            async with redis.pipeline(transaction=False) as pipe:
                for name in names:
                    pipe.get(name)
                found.append(await pipe.execute())

        def half_way() -> None:
            asyncio.run_coroutine_threadsafe(read(), loop).result(10)

        await asyncio.to_thread(breakable.move_slot, keys.feed, half_way)
        await read()

        assert found == [[b"0", b"1", b"2", b"3"]] * 4


@dataclass(slots=True)
class Heard:
    """A listener that keeps what it is told."""

    messages: list[str] = field(default_factory=list)
    reconnects: int = 0

    def on_message(self, room: str, _payload: bytes, /) -> None:
        self.messages.append(room)

    def on_reconnect(self) -> None:
        self.reconnects += 1


@dataclass(frozen=True, slots=True)
class Ear:
    desk: Desk
    heard: Heard

    async def hears(self, room: str) -> bool:
        """Publish to the room, and return whether it is heard."""
        count = len(self.heard.messages)
        try:
            drop = a_room_drop(f"drp_{count}", room=room)
            await self.desk.feed.publish(f"int_{monotonic()}", FeedKind.OPENED, drop)
            await eventually(lambda: room in self.heard.messages[count:], 1)
        except (AssertionError, DeskUnavailableError):
            return False
        return True


@pytest_asyncio.fixture
async def ear(cluster_desk: Desk, redis_cluster: RedisCluster) -> AsyncIterator[Ear]:
    """A subscription of all ROOMS, which are on every node."""
    listener, heard = connect(redis_cluster.url), Heard()
    subscription = subscription_of(listener, cluster_desk.prefix, "gwy_1")
    for room in ROOMS[::2]:
        await subscription.add_room(room)
    running = asyncio.create_task(subscription.run(heard))
    await eventually(lambda: heard.reconnects >= PRIMARIES, GIVE_UP_S)
    for room in ROOMS[1::2]:
        await subscription.add_room(room)
    yield Ear(cluster_desk, heard)
    running.cancel()
    await asyncio.wait([running])
    await listener.aclose()


class TestFeeds:
    async def test_rooms_of_every_node_are_heard_at_once(self, ear: Ear) -> None:
        for room in ROOMS:
            assert await ear.hears(room)

    async def test_a_feed_comes_back_after_its_primary_was_killed(
        self, breakable: RedisCluster, ear: Ear
    ) -> None:
        before = ear.heard.reconnects
        breakable.primary_of(RoomKeys(ear.desk.prefix, ROOMS[0]).feed).kill9()

        for room in ROOMS:
            await eventually(partial(ear.hears, room), GIVE_UP_S)
        assert ear.heard.reconnects > before

    async def test_a_feed_follows_its_slot(self, breakable: RedisCluster, ear: Ear) -> None:
        before = ear.heard.reconnects
        keys = RoomKeys(ear.desk.prefix, ROOMS[0])
        await asyncio.to_thread(breakable.move_slot, keys.feed)

        await eventually(lambda: ear.hears(ROOMS[0]), GIVE_UP_S)
        assert ear.heard.reconnects > before
        for room in ROOMS[1:]:
            assert await ear.hears(room)
