"""A Redis that answers and will not write: full, unable to save, a replica, busy. Taps are told to come
back, nothing is half done, a worker goes on when it ends, and `/readyz` says which it is."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from redis.exceptions import RedisError

from server.commands.process.dependency_health import DependencyHealth
from server.core.drops.claims import Outcome
from server.core.ids import StudentId
from server.desk import DeskUnavailableError
from server.desk.metrics_store import MetricsStore
from server.desk.redis.connection import connect
from server.ledger.engine import Ledger
from server.observability.health import Health
from tests.support.eventually import eventually
from tests.support.servers.redis_server import RedisServer
from tests.support.worker_rig import WorkerRig, at_work, desk_state, is_confirmed, rig_of, taps

pytestmark = pytest.mark.asyncio

GIVE_UP_S = 15
Refusing = Callable[[RedisServer, Redis], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def memory_full(_server: RedisServer, redis: Redis) -> AsyncIterator[None]:
    await redis.config_set("maxmemory", 1)
    yield
    await redis.config_set("maxmemory", 0)


@asynccontextmanager
async def cannot_save(server: RedisServer, redis: Redis) -> AsyncIterator[None]:
    """A folder stands where its snapshot should go."""
    (server.directory / "dump.rdb" / "in-the-way").mkdir(parents=True)
    await redis.config_set("save", "3600 1")
    await redis.bgsave()
    await eventually(lambda: _last_save(redis, "err"), GIVE_UP_S)
    yield
    shutil.rmtree(server.directory / "dump.rdb")
    await redis.bgsave()
    await eventually(lambda: _last_save(redis, "ok"), GIVE_UP_S)
    await redis.config_set("save", "")


async def _last_save(redis: Redis, status: str) -> bool:
    info = await redis.info("persistence")
    return bool(info["rdb_last_bgsave_status"] == status)


@asynccontextmanager
async def replica(_server: RedisServer, redis: Redis) -> AsyncIterator[None]:
    await redis.execute_command("REPLICAOF", "127.0.0.1", "1")  # type: ignore[no-untyped-call]
    yield
    await redis.execute_command("REPLICAOF", "NO", "ONE")  # type: ignore[no-untyped-call]


@asynccontextmanager
async def silent_replica(server: RedisServer, redis: Redis) -> AsyncIterator[None]:
    await redis.config_set("replica-serve-stale-data", "no")
    async with replica(server, redis):
        yield


@asynccontextmanager
async def busy(server: RedisServer, redis: Redis) -> AsyncIterator[None]:
    await redis.config_set("busy-reply-threshold", 20)
    client = connect(server.url)
    endless = asyncio.ensure_future(client.eval("while true do end", 0))
    await eventually(lambda: _is_busy(redis), GIVE_UP_S)
    yield
    await redis.script_kill()
    with pytest.raises(RedisError):
        await endless
    await client.aclose()


async def _is_busy(redis: Redis) -> bool:
    try:
        await redis.ping()
    except RedisError as error:
        return str(error).startswith("BUSY ")
    return False


@dataclass(frozen=True, slots=True)
class Refusal:
    lasts: Refusing
    words: str


REFUSALS = {
    "OOM": Refusal(memory_full, "memory is full (maxmemory)"),
    "MISCONF": Refusal(cannot_save, "takes no writes: it cannot save to its disk"),
    "READONLY": Refusal(replica, "read-only: it is a replica"),
    "MASTERDOWN": Refusal(silent_replica, "a replica without its master"),
    "BUSY": Refusal(busy, "busy with a script"),
}


@dataclass(frozen=True, slots=True)
class Post:
    rig: WorkerRig
    neighbours: DependencyHealth
    server: RedisServer
    redis: Redis
    refusal: Refusal

    def returns_refusal(self) -> AbstractAsyncContextManager[None]:
        return self.refusal.lasts(self.server, self.redis)

    async def redis_is(self) -> tuple[bool, str]:
        await self.neighbours.check_redis()
        _, answer = await self.neighbours.health.readyz()
        parts: Any = answer["parts"]
        return parts["redis"]["ok"], parts["redis"].get("detail", "")


@pytest_asyncio.fixture(params=REFUSALS)
async def post(
    request: pytest.FixtureRequest,
    flushable_redis: RedisServer,
    migrated_sqlite_file: Path,
    key_prefix: str,
    tmp_path: Path,
) -> AsyncIterator[Post]:
    shutil.copy(migrated_sqlite_file, tmp_path / "ledger.db")
    ledger = Ledger.connect(f"sqlite:///{tmp_path / 'ledger.db'}")
    redis = connect(flushable_redis.url)
    async with rig_of(flushable_redis, ledger, key_prefix) as rig:
        board = MetricsStore(rig.desk.redis, key_prefix)
        neighbours = DependencyHealth(rig.desk.redis, rig.fence, board, ledger, Health())
        yield Post(rig, neighbours, flushable_redis, redis, REFUSALS[request.param])
    await redis.aclose()
    await ledger.close()


async def test_taps_are_told_to_come_back_and_nothing_is_half_done(post: Post) -> None:
    rig = post.rig
    drop = await rig.classroom.opened()
    await rig.classroom.won(drop.id, "ada", "bob")
    await rig.confirm(drop.id)
    row = await rig.classroom.row(drop.id)
    (held,) = (await rig.desk.drops.claims_of([(row.shard, drop.id, ["ada"])]))[0]
    assert held is not None
    # A unit that came back is what a win takes first, by a call that a full server still allows.
    assert await rig.desk.drops.release(row.shard, drop.id, {StudentId("ada"): held.claim_id})
    before = await desk_state(rig, drop.id)

    async with post.returns_refusal():
        assert await post.redis_is() == (False, post.refusal.words)
        assert await taps(rig, drop.id, "cid", "dan") == dict.fromkeys(
            ("cid", "dan"), Outcome.RETRY
        )
        with pytest.raises(DeskUnavailableError, match=re.escape(post.refusal.words)):
            await rig.desk.drops.close(row.shard, drop.id, only_if_over=False)

    assert await post.redis_is() == (True, "")
    assert await desk_state(rig, drop.id) == before
    await rig.rebuild_all()  # one that was a replica has another history: its fence is shut
    assert set((await taps(rig, drop.id, "cid", "dan")).values()) == {Outcome.WON}


async def wins(rig: WorkerRig, drop_id: str, student: str) -> bool:
    """Return whether the tap wins: at once, or once the desk of a former replica is rebuilt."""
    return await rig.classroom.tap(drop_id, student) is Outcome.WON


@pytest.mark.parametrize("post", ["OOM", "READONLY"], indirect=True)
async def test_a_worker_goes_on_where_it_was(post: Post) -> None:
    rig = post.rig
    drop = await rig.classroom.opened()
    await rig.classroom.won(drop.id, "ada")
    async with AsyncExitStack() as returns_refusal:
        await returns_refusal.enter_async_context(post.returns_refusal())
        async with at_work(rig):
            assert await rig.classroom.tap(drop.id, "bob") is Outcome.RETRY
            await returns_refusal.aclose()
            await eventually(lambda: wins(rig, drop.id, "bob"), GIVE_UP_S)
            await eventually(lambda: is_confirmed(rig, drop.id, "ada", "bob"), GIVE_UP_S)
    assert await rig.live(drop.id) == {"ada": 1, "bob": 2}
    assert await rig.dead_letters() == []
