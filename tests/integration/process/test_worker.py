"""A worker's jobs: each goes on whatever becomes of the others, and of Redis and the ledger meanwhile."""

import asyncio
from collections.abc import Mapping, Sequence
from importlib.util import find_spec

import pytest
from structlog.testing import capture_logs

from server.core.drops.claims import Outcome
from server.core.drops.drops import DropState
from server.core.ids import DropId, StudentId
from server.core.promotions.batches import ClaimWindow
from server.desk import DeskUnavailableError
from server.desk.claims import outbox as outbox_module
from server.flows.consistency.rebuild.rebuild_desk import DeskRebuilder
from server.worker.cadence import Cadence
from tests.support.builders.campaigns import made_campaign
from tests.support.builders.classroom import ROOM, granted, now_ms
from tests.support.eventually import eventually
from tests.support.faults.interruptions import hang_up, interpose, ledger_nowhere, once
from tests.support.servers.redis_server import RedisServer
from tests.support.worker_rig import (
    ALL_SHARDS,
    WorkerRig,
    at_work,
    everybody,
    is_confirmed,
    listening,
)

pytestmark = pytest.mark.asyncio

_GIVE_UP_S = 20.0


async def two_shards(rig: WorkerRig) -> tuple[str, str]:
    """Two open drops that live on different shards."""
    first = await rig.classroom.opened()
    while True:
        second = await rig.classroom.opened()
        rows = [await rig.classroom.row(drop.id) for drop in (first, second)]
        if rows[0].shard != rows[1].shard:
            return first.id, second.id


def _log_events_of_backlog(lines: Sequence[Mapping[str, object]]) -> list[object]:
    return [line["event"] for line in lines if line.get("job") == "measure_backlog"]


async def consumers(rig: WorkerRig, drop_id: str) -> list[str]:
    """The names of the consumers of this drop's outbox."""
    shard = (await rig.classroom.row(drop_id)).shard
    found = await rig.desk.redis.xinfo_consumers(rig.desk.keys(shard).outbox, outbox_module.GROUP)
    return [one["name"].decode() for one in found]


class TestClaimsLoop:
    async def test_a_step_without_claims_ends_by_itself(self, rig: WorkerRig) -> None:
        assert await rig.with_cadence(Cadence(read_ms=1)).loop.step() == 0

    async def test_a_claim_ends_the_wait(self, rig: WorkerRig) -> None:
        rig = rig.with_cadence(Cadence(read_ms=60_000))
        drop = await rig.classroom.opened()
        step = asyncio.create_task(rig.loop.step())
        await rig.classroom.won(drop.id, "s1")
        async with asyncio.timeout(5):
            assert await step == 1

    async def test_a_shard_that_is_shut_keeps_no_other_waiting(self, rig: WorkerRig) -> None:
        rig = rig.with_cadence(Cadence(read_ms=1))
        stuck, free = await two_shards(rig)
        await rig.classroom.won(stuck, "s1")
        await rig.classroom.won(free, "s1")
        await rig.fence.shut((await rig.classroom.row(stuck)).shard)
        with pytest.raises(DeskUnavailableError):
            await rig.loop.step()
        assert await is_confirmed(rig, free, "s1")

        await rig.classroom.won(free, "s2")
        with pytest.raises(DeskUnavailableError):
            await rig.loop.step()
        assert await is_confirmed(rig, free, "s2")
        assert await rig.unacknowledged() == 1

        await rig.rebuild_all()
        await rig.loop.step()
        assert await is_confirmed(rig, stuck, "s1")
        assert await rig.unacknowledged() == 0

    async def test_what_it_was_given_before_comes_first(self, rig: WorkerRig) -> None:
        """A cancelled read, or a step that failed, leaves something."""
        drop = await rig.classroom.opened()
        await rig.classroom.won(drop.id, "s1")
        await rig.outbox.read(1)
        await rig.classroom.won(drop.id, "s2")

        assert [await rig.loop.step(), await rig.loop.step()] == [1, 1]
        assert await is_confirmed(rig, drop.id, "s1", "s2")

    async def test_it_counts_what_it_did(self, rig: WorkerRig) -> None:
        drop = await rig.classroom.opened()
        await rig.classroom.won(drop.id, "s1", "s2")
        await rig.slip_in(await rig.entry(drop.id, "eve", 3, drop_id="drp_unheard_of"))
        await rig.loop.step()

        metrics = rig.loop.metrics
        assert metrics.confirmed._value.get() == 2
        assert metrics.dead_letters._value.get() == 1


class TestFences:
    async def test_all_shards_of_an_empty_redis_are_made_ready(
        self, flushable_rig: WorkerRig, flushable_redis: RedisServer
    ) -> None:
        flushable_redis.forget()
        await hang_up(flushable_rig.desk)
        assert await flushable_rig.fence.shut_shards() == list(ALL_SHARDS)
        await flushable_rig.worker.jobs.claims.rebuild_shards()

        # A rebuild that takes longer than a look goes on by itself.
        await eventually(lambda: only_is_shut(flushable_rig))

    async def test_a_shard_that_cannot_be_rebuilt_keeps_no_other_shut(
        self, rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for shard in (2, 3, 4):
            await rig.fence.shut(shard)
        real = DeskRebuilder.rebuild

        async def rebuild(self: DeskRebuilder, shard: int, now: int, **how: bool) -> bool:
            if shard == 3:
                raise ValueError("a row nobody thought of")
            return await real(self, shard, now, **how)

        monkeypatch.setattr(DeskRebuilder, "rebuild", rebuild)
        await rig.worker.jobs.claims.rebuild_shards()

        # A rebuild that takes longer than a look goes on by itself.
        await eventually(lambda: only_is_shut(rig, 3))

    async def test_a_shard_that_another_has_armed_meanwhile_is_not_loaded_again(
        self, rig: WorkerRig
    ) -> None:
        """Two workers see the same shards shut. Each is loaded by one of them, and sells from then on."""
        drop = await rig.classroom.opened()
        other = rig.another("wrk_2")
        before = await rig.desk.drops.epochs()
        for shard in ALL_SHARDS:
            await rig.fence.shut(shard)
        interpose(rig.rebuilder.fence, "shut_shards", after=other.worker.jobs.claims.rebuild_shards)
        await rig.worker.jobs.claims.rebuild_shards()

        await eventually(lambda: only_is_shut(rig))
        after = await rig.desk.drops.epochs()
        assert [
            now - was for now, was in zip(after, before, strict=True) if now and was is not None
        ] == [1] * len(ALL_SHARDS)
        assert await rig.classroom.tap(drop.id, "s1") is Outcome.WON


async def only_is_shut(rig: WorkerRig, *shards: int) -> bool:
    return await rig.fence.shut_shards() == list(shards)


class TestWholeWorker:
    async def test_who_wins_is_confirmed_and_told(self, rig: WorkerRig) -> None:
        drop = await rig.classroom.opened()
        async with at_work(rig), listening(rig.desk, ROOM) as listener:
            await rig.classroom.won(drop.id, "s1")
            told = await listener.next("confirmed")

        assert [claim[0] for claim in told] == ["s1"]
        assert set(await rig.codes(drop.id)) == {"s1"}

    async def test_several_workers_share_the_claims(self, rig: WorkerRig) -> None:
        drop = await rig.classroom.opened(quantity=100)
        async with at_work(rig, rig.another("wrk_2"), rig.another("wrk_3")):
            await asyncio.gather(*(rig.classroom.tap(drop.id, name) for name in everybody(120)))
            live = await eventually(lambda: _when_all(rig, drop.id, 100), deadline_s=15)

        assert live is not None
        assert sorted(live.values()) == list(range(1, 101))
        assert len(await rig.rows(drop.id)) == 100
        assert await rig.dead_letters() == []

    async def test_who_is_told_to_stop_ends_what_it_has_begun_and_leaves(
        self, rig: WorkerRig
    ) -> None:
        drop = await rig.classroom.opened()
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def hold(*_: object) -> None:
            begun.set()
            await go_on.wait()

        interpose(rig.persister, "_write_together", before=once(hold))
        working = asyncio.create_task(rig.worker.run())
        await rig.classroom.won(drop.id, "s1")
        await begun.wait()
        working.cancel()
        asyncio.get_running_loop().call_later(0.05, go_on.set)
        await asyncio.wait([working])

        assert await is_confirmed(rig, drop.id, "s1")
        assert await rig.unacknowledged() == 0
        assert await consumers(rig, drop.id) == []

    async def test_who_cannot_end_it_in_time_leaves_it_to_the_others(
        self, rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rig = rig.with_cadence(Cadence(finish_s=0.1))
        drop = await rig.classroom.opened()
        begun = asyncio.Event()

        async def hang(*_: object) -> None:
            begun.set()
            await asyncio.Event().wait()

        interpose(rig.persister, "_write_together", before=once(hang))
        working = asyncio.create_task(rig.worker.run())
        await rig.classroom.won(drop.id, "s1")
        await begun.wait()
        working.cancel()
        await asyncio.wait([working])
        assert await consumers(rig, drop.id) == ["wrk_1"]

        monkeypatch.setattr(outbox_module, "CLAIM_IDLE_MS", 0)
        assert await rig.another("wrk_2").loop.take_over() == 1
        assert await is_confirmed(rig, drop.id, "s1")

    async def test_who_waits_for_claims_stops_at_once(self, rig: WorkerRig) -> None:
        """The read ends although its time is not over, and nothing is cancelled by force. The other jobs are
        in their first round, and end that."""
        rig = rig.with_cadence(Cadence(read_ms=60_000, finish_s=60))
        working = asyncio.create_task(rig.worker.run())
        await eventually(lambda: rig.loop._reading is not None)
        working.cancel()
        async with asyncio.timeout(_GIVE_UP_S):
            await asyncio.wait([working])

    async def test_every_job_has_a_name_of_its_own_and_an_owner_that_exists(
        self, rig: WorkerRig
    ) -> None:
        table = rig.worker.jobs.table()
        assert len({job.name for job in table}) == len(table)
        assert [job.owner for job in table if find_spec(f"server.{job.owner}") is None] == []

    async def test_a_job_that_breaks_ends_no_other(self, rig: WorkerRig) -> None:
        def breaks(*_: object) -> None:
            raise ZeroDivisionError

        interpose(rig.feed, "write_live_counts", before=breaks)
        interpose(rig.outbox, "trim", before=breaks)
        interpose(rig.outbox, "read", before=once(breaks))
        drop = await rig.classroom.opened()
        async with at_work(rig):
            await rig.classroom.won(drop.id, "s1")
            await eventually(lambda: is_confirmed(rig, drop.id, "s1"))

    async def test_a_job_that_breaks_again_and_again_is_told_of_once(self, rig: WorkerRig) -> None:
        """Five tracebacks a second kept the loop so busy that no other job got on."""
        tries: list[int] = []

        def breaks_three_times(*_: object) -> None:
            tries.append(len(tries))
            if len(tries) <= 3:
                raise ZeroDivisionError

        interpose(rig.outbox, "backlog", before=breaks_three_times)
        with capture_logs() as lines:
            async with at_work(rig):
                await eventually(lambda: "job_goes_on" in _log_events_of_backlog(lines))
        assert _log_events_of_backlog(lines) == ["job_failed", "job_goes_on"]

    async def test_a_ledger_that_was_away_is_made_up_for(self, rig: WorkerRig) -> None:
        drop = await rig.classroom.opened()
        rig.persister._ledger = ledger_nowhere()
        failed = asyncio.Event()
        interpose(rig.persister, "_write_together", before=lambda *_: failed.set())
        async with at_work(rig):
            await rig.classroom.won(drop.id, "s1")
            async with asyncio.timeout(5):
                await failed.wait()
            rig.persister._ledger = rig.ledger
            await eventually(lambda: is_confirmed(rig, drop.id, "s1"))

        assert await rig.dead_letters() == []

    @pytest.mark.parametrize("loses_everything", [False, True])
    async def test_a_redis_that_went_is_rebuilt_and_sells_on(
        self, flushable_rig: WorkerRig, flushable_redis: RedisServer, loses_everything: bool
    ) -> None:
        rig = flushable_rig
        drop = await rig.classroom.opened(quantity=3)
        async with at_work(rig):
            await rig.classroom.won(drop.id, "s1")
            await eventually(lambda: is_confirmed(rig, drop.id, "s1"))
            if loses_everything:
                flushable_redis.forget()
            else:
                flushable_redis.kill9()
                flushable_redis.restart()
            await hang_up(rig.desk)
            await eventually(lambda: _wins(rig, drop.id, "s2"), deadline_s=10)
            await rig.classroom.won(drop.id, "s3", "s1")
            assert await rig.classroom.tap(drop.id, "s4") is Outcome.SOLD_OUT
            await eventually(lambda: is_confirmed(rig, drop.id, "s1", "s2", "s3"))

        assert len(await rig.live(drop.id)) == 3

    async def test_a_drop_whose_time_is_over_is_closed(self, rig: WorkerRig) -> None:
        drop = await rig.classroom.opened(duration_seconds=1)
        async with at_work(rig):
            await eventually(lambda: _is_closed(rig, drop.id))

        closed = granted(await rig.classroom.drops.get(drop.id, ROOM, now_ms()))
        assert (closed.returned, closed.remaining) == (10, 0)


async def _when_all(rig: WorkerRig, drop_id: str, count: int) -> dict[str, int] | None:
    live = await rig.live(drop_id)
    return live if len(live) == count else None


async def _wins(rig: WorkerRig, drop_id: str, student: str) -> bool:
    outcome = await rig.classroom.tap(drop_id, student)
    assert outcome in (Outcome.WON, Outcome.RETRY)
    return outcome is Outcome.WON


async def _is_closed(rig: WorkerRig, drop_id: str) -> bool:
    return (await rig.classroom.row(drop_id)).state is DropState.CLOSED


async def test_limits_of_a_batch_that_is_over_are_forgotten(
    rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would stay in Redis for ever; those of a batch that is not over have to."""
    now, rooms = now_ms(), rig.classroom
    monkeypatch.setattr(
        "server.flows.coupons.prune_claim_limits.CAPS_KEPT_MS", -120_000
    )  # in two minutes
    over = await rooms.made_batch(claim_window=ClaimWindow(now - 1_000, now + 90_000))
    goes_on = await rooms.made_batch(claim_window=ClaimWindow(now - 1_000, now + 900_000))
    for_ever = await rooms.made_batch()
    for batch in (over, goes_on, for_ever):
        await rooms.won((await rooms.opened(batch)).id, "s1")
    await rig.worker.jobs.upkeep.delete_expired()
    found = {
        batch.id: await rig.desk.redis.exists(rig.desk.keys(batch.shard).caps(batch.id))
        for batch in (over, goes_on, for_ever)
    }

    assert found == {over.id: 0, goes_on.id: 1, for_ever.id: 1}


async def test_limits_of_a_campaign_that_is_over_are_forgotten(
    rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, rooms = now_ms(), rig.classroom
    monkeypatch.setattr(
        "server.flows.coupons.prune_claim_limits.CAPS_KEPT_MS", -120_000
    )  # in two minutes
    found = {}
    for name, seconds in (("over", 90), ("goes on", 900)):
        campaign = await made_campaign(rig.ledger, ends_at=now + seconds * 1000, per_student=1)
        batch = await rooms.made_batch(campaign_id=campaign.id)
        drop = await rooms.opened(batch)
        await rig.desk.claims.claim(
            shard=batch.shard,
            drop_id=DropId(drop.id),
            batch_id=batch.id,
            student=StudentId("s1"),
            request_id="r1",
            campaign_id=campaign.id,
        )
        found[name] = rig.desk.keys(batch.shard).campaign_caps(campaign.id)
    await rig.worker.jobs.upkeep.delete_expired()

    kept = {name: await rig.desk.redis.exists(key) for name, key in found.items()}
    assert kept == {"over": 0, "goes on": 1}
