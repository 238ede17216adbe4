"""The fence of a desk that is being rebuilt: who rebuilds, and that nothing is sold before it is done."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import select

from server.core.drops.claims import Outcome
from server.core.drops.drops import Allotment
from server.core.ids import ClaimId, Slot, StudentId
from server.desk import DeskUnavailableError
from server.desk.claims.caps import CapName
from server.desk.shards import fence as fence_module
from server.desk.shards.fence import Fence, LeaseLostError
from server.ledger import tables
from server.ledger.database_errors import LedgerUnavailableError
from tests.support.builders.classroom import now_ms
from tests.support.builders.desks import SHARD, Desk
from tests.support.eventually import eventually
from tests.support.faults.interruptions import (
    CrashError,
    crash,
    interpose,
    ledger_nowhere,
    once,
)
from tests.support.servers.redis_server import RedisServer
from tests.support.worker_rig import ALL_SHARDS, WorkerRig, desk_state, lost, restarted

pytestmark = pytest.mark.asyncio


async def epoch(rig: WorkerRig, shard: int) -> int:
    async with rig.ledger.read() as conn:
        query = select(tables.desks.c.epoch).where(tables.desks.c.shard == shard)
        found: int = (await conn.scalars(query)).one()
    return found


class TestFence:
    async def test_it_stays_shut_until_it_is_armed(
        self, flushable_rig: WorkerRig, flushable_redis: RedisServer
    ) -> None:
        rig, rooms = flushable_rig, flushable_rig.classroom
        drop = await rooms.opened()
        shard = (await rooms.row(drop.id)).shard
        await lost(rig, flushable_redis)
        seen: list[Outcome] = []

        async def tap(*_: object) -> None:
            seen.append(await rooms.tap(drop.id, "s1"))

        for call in ("take_lease", "load_drop", "load_caps"):
            interpose(rig.fence, call, after=tap)
        interpose(rig.fence, "arm", before=tap)
        assert await rig.rebuilder.rebuild(shard, now_ms())

        assert set(seen) == {Outcome.RETRY}
        assert len(seen) >= 3
        assert await rooms.tap(drop.id, "s1") is Outcome.WON

    async def test_every_script_that_writes_the_desk_refuses_meanwhile(self, desk: Desk) -> None:
        await desk.open()
        await desk.fence.shut(SHARD)
        for call in (
            desk.open("drp_2"),
            desk.drops.close(SHARD, "drp_1", only_if_over=False),
            desk.drops.add_units(SHARD, "drp_1", Allotment("alt_2", 4, 5)),
            desk.drops.extend(SHARD, "drp_1", "int_1", 1, 1),
            desk.drops.release(SHARD, "drp_1", {StudentId("ada"): ClaimId("clm_1")}),
            desk.fence.confirm(SHARD, []),
        ):
            with pytest.raises(DeskUnavailableError):
                await call

    async def test_each_rebuild_raises_the_epoch(self, rig: WorkerRig) -> None:
        before = await epoch(rig, 5)
        await rig.fence.shut(5)
        await rig.rebuild_all()

        assert await epoch(rig, 5) == before + 1

    async def test_a_redis_that_is_replaced_while_it_is_loaded_is_not_armed(
        self, flushable_rig: WorkerRig, flushable_redis: RedisServer
    ) -> None:
        rig = flushable_rig
        drop = await rig.classroom.opened()
        shard = (await rig.classroom.row(drop.id)).shard
        await lost(rig, flushable_redis)

        async def replace_it(*_: object) -> None:
            await restarted(rig, flushable_redis)

        interpose(rig.fence, "arm", before=once(replace_it))
        assert not await rig.rebuilder.rebuild(shard, now_ms())
        assert shard in await rig.fence.shut_shards()

        assert await rig.rebuilder.rebuild(shard, now_ms())
        assert await rig.classroom.tap(drop.id, "s1") is Outcome.WON

    async def test_a_ledger_that_is_away_leaves_it_shut(self, rig: WorkerRig) -> None:
        drop = await rig.classroom.opened()
        shard = (await rig.classroom.row(drop.id)).shard
        await rig.fence.shut(shard)
        without = replace(rig.rebuilder, ledger=ledger_nowhere())
        with pytest.raises(LedgerUnavailableError):
            await without.rebuild(shard, now_ms())
        assert await rig.classroom.tap(drop.id, "s1") is Outcome.RETRY

        assert await rig.rebuilder.rebuild(shard, now_ms())
        assert await rig.classroom.tap(drop.id, "s1") is Outcome.WON


class TestSeveralRebuilders:
    async def test_of_two_at_once_one_does_it(self, rig: WorkerRig) -> None:
        other = rig.another("wrk_2")
        for shard in ALL_SHARDS[:4]:
            await rig.fence.shut(shard)
            before = await epoch(rig, shard)
            did = await asyncio.gather(
                rig.rebuilder.rebuild(shard, now_ms()), other.rebuilder.rebuild(shard, now_ms())
            )

            assert sorted(did) == [False, True]
            assert await epoch(rig, shard) == before + 1

    @pytest.mark.parametrize("call", ["load_drop", "load_caps", "arm"])
    async def test_one_that_dies_leaves_it_shut_and_the_next_finishes(
        self, rig: WorkerRig, call: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fence_module, "LEASE_MS", 1_500)  # longer than a busy rebuild
        drop = await rig.classroom.opened()
        await rig.classroom.won(drop.id, "s1")
        await rig.confirm(drop.id)
        before = await desk_state(rig, drop.id)
        shard = (await rig.classroom.row(drop.id)).shard
        await rig.fence.shut(shard)
        dead = rig.another("wrk_dead")
        interpose(dead.fence, call, before=once(crash))
        with pytest.raises(CrashError):
            await dead.rebuilder.rebuild(shard, now_ms())
        assert await rig.classroom.tap(drop.id, "s2") is Outcome.RETRY
        assert not await rig.rebuilder.rebuild(shard, now_ms())  # its lease still runs

        await eventually(lambda: rig.rebuilder.rebuild(shard, now_ms()))
        assert await desk_state(rig, drop.id) == before

    async def test_one_that_was_too_slow_writes_nothing_more(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slow, quick = (Fence(desk.redis, desk.prefix, name) for name in ("slow", "quick"))
        run_id = await slow.take_lease(SHARD)
        assert run_id is not None
        assert await quick.take_lease(SHARD) is None
        await desk.redis.delete(desk.keys().lease)  # it has run out
        assert await quick.take_lease(SHARD) == run_id
        for call in (
            slow.load_caps(SHARD, (CapName.BATCH, "bat_1"), {StudentId("s1"): [Slot(1)]}),
            slow.arm(SHARD, run_id, 9),
        ):
            with pytest.raises(LeaseLostError):
                await call

        await quick.arm(SHARD, run_id, 9)
        with pytest.raises(LeaseLostError):
            await quick.load_caps(
                SHARD, (CapName.BATCH, "bat_1"), {StudentId("s1"): [Slot(1)]}
            )  # armed: nothing is loaded any more
