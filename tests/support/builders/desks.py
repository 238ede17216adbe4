"""The desk and the feed on a real Redis, with a fence that is armed: fixtures, and the shortest ways
to open a drop and to tap."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest_asyncio

from server.core.drops.claims import Audience
from server.core.drops.drops import Allotment, RoomDrop, Window
from server.core.ids import BatchId, DropId, StudentId
from server.desk.claims.caps import CapsMissing
from server.desk.claims.claim_answers import ClaimAnswer
from server.desk.claims.claim_desk import ClaimDesk
from server.desk.drops.drop_desk import DropDesk
from server.desk.drops.drop_state import Stamped
from server.desk.feed.feed import Feed
from server.desk.keys import SHARDS, ShardKeys
from server.desk.redis.connection import connect
from server.desk.redis.nodes import Nodes
from server.desk.shards.fence import Fence
from tests.support.servers.redis_server import RedisServer

SHARD = 3


@dataclass(frozen=True, slots=True)
class Desk:
    """All the Redis parts over one client and prefix."""

    redis: Nodes
    prefix: str
    drops: DropDesk
    claims: ClaimDesk
    feed: Feed
    fence: Fence

    def keys(self, shard: int = SHARD) -> ShardKeys:
        return ShardKeys(self.prefix, shard)

    async def arm(self) -> None:
        """Arm all shards, as the rebuild from an empty ledger does."""
        for shard in range(SHARDS):
            run_id = await self.fence.take_lease(shard)
            assert run_id is not None
            await self.fence.arm(shard, run_id, 0)

    async def open(
        self,
        drop_id: str = "drp_1",
        *,
        units: int = 3,
        batch_id: str = "bat_1",
        per_student: int = 1,
        opens_in_ms: int = 0,
        duration_ms: int = 60_000,
        has_task: bool = False,
    ) -> Stamped | None:
        """Open a drop on a desk that has all caps."""
        opened = await self.drops.open(
            shard=SHARD,
            drop_id=DropId(drop_id),
            batch_id=BatchId(batch_id),
            room="r1",
            per_student=per_student,
            allotments=[Allotment(f"alt_{drop_id}", 1, units)],
            opens_in_ms=opens_in_ms,
            duration_ms=duration_ms,
            has_task=has_task,
        )
        assert not isinstance(opened, CapsMissing)
        return opened

    async def tap(
        self,
        student: str,
        drop_id: str = "drp_1",
        *,
        request_id: str = "r1",
        batch_id: str = "bat_1",
        is_blocked: bool = False,
    ) -> ClaimAnswer:
        return await self.claims.claim(
            shard=SHARD,
            drop_id=DropId(drop_id),
            batch_id=BatchId(batch_id),
            student=StudentId(student),
            request_id=request_id,
            is_blocked=is_blocked,
        )


def make_desk(redis: Nodes, prefix: str) -> Desk:
    return Desk(
        redis,
        prefix,
        DropDesk(redis, prefix),
        ClaimDesk(redis, prefix),
        Feed(redis, prefix),
        Fence(redis, prefix, "tests"),
    )


@pytest_asyncio.fixture
async def desk(redis_server: RedisServer, key_prefix: str) -> AsyncIterator[Desk]:
    redis = connect(redis_server.url)
    made = make_desk(redis, key_prefix)
    await made.arm()
    yield made
    await made.claims.close()
    await redis.aclose()


def a_room_drop(drop_id: str = "drp_1", **columns: Any) -> RoomDrop:
    """Open for long; what matters to the test is named."""
    drop = RoomDrop(
        id=DropId(drop_id),
        room="r1",
        shard=SHARD,
        batch_id=BatchId("bat_1"),
        per_student=1,
        audience=Audience(),
        name="Ten off",
        description="",
        message="for you",
        currency="CNY",
        discount={"kind": "amount_off", "amount": 1000},
        threshold={"min_amount": 0},
        scope={"courses": [], "packages": []},
        validity={"kind": "relative", "seconds": 86400},
        mode="first",
        quantity=3,
        window=Window(1_000, 61_000),
    )
    return replace(drop, **columns)
