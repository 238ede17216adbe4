"""Claims move from the outbox to the ledger: each once, confirmed only when it is there, and none is lost
when a process dies or a service is unavailable."""

import asyncio

import orjson
import pytest
from sqlalchemy import update

from server.core.drops.claims import ClaimState
from server.desk import DeskUnavailableError
from server.desk.claims import outbox as outbox_module
from server.desk.feed.feed import Feed
from server.desk.shards.fence import Fence
from server.flows.drops.claims.persist_claims import ClaimPersister
from server.frames import coupon_frames
from server.ledger import tables
from server.ledger.coupons import coupons
from server.ledger.database_errors import LedgerUnavailableError
from tests.support.builders.classroom import ROOM, now_ms
from tests.support.faults.interruptions import crash, dies, interpose, ledger_nowhere, once
from tests.support.worker_rig import WorkerRig, everybody, listening

pytestmark = pytest.mark.asyncio


async def won(rig: WorkerRig, count: int, units: int = 10) -> tuple[str, int]:
    """Return id and shard of a drop from which so many students have won."""
    drop = await rig.classroom.opened(quantity=units)
    await rig.classroom.won(drop.id, *everybody(count))
    return drop.id, (await rig.classroom.row(drop.id)).shard


async def states(rig: WorkerRig, drop_id: str, *students: str) -> list[ClaimState | None]:
    row = await rig.classroom.row(drop_id)
    ((*held,),) = await rig.desk.drops.claims_of([(row.shard, drop_id, students)])
    return [one.state if one is not None else None for one in held]


class TestWriting:
    async def test_each_win_becomes_a_claim_and_a_coupon(self, rig: WorkerRig) -> None:
        drop_id, _ = await won(rig, 3)
        assert await rig.loop.step() == 3

        assert await rig.live(drop_id) == {"s1": 1, "s2": 2, "s3": 3}
        assert set(await rig.codes(drop_id)) == {"s1", "s2", "s3"}
        assert await rig.unacknowledged() == 0

    async def test_a_redelivery_changes_nothing(self, rig: WorkerRig) -> None:
        drop_id, shard = await won(rig, 3)
        first = await rig.record(shard)
        rows, codes = await rig.rows(drop_id), await rig.codes(drop_id)
        again = await rig.record(shard)

        assert (await rig.rows(drop_id), await rig.codes(drop_id)) == (rows, codes)
        assert {c.code for c in again.coupons} == {c.code for c in first.coupons}
        assert (again.reassigned, again.dead) == (0, 0)

    async def test_a_redelivery_among_new_ones_keeps_none_of_them_back(
        self, rig: WorkerRig
    ) -> None:
        drop_id, shard = await won(rig, 2)
        await rig.record(shard)
        await rig.classroom.won(drop_id, "late")
        await rig.record(shard)

        assert set(await rig.live(drop_id)) == {"s1", "s2", "late"}

    async def test_a_redelivery_to_a_drop_with_too_many_claims_moves_nobody(
        self, rig: WorkerRig
    ) -> None:
        """Two workers have written one claim each for its last unit, and neither saw the other's."""
        drop_id, shard = await won(rig, 2)
        await rig.record(shard)
        async with rig.ledger.begin() as conn:
            await conn.execute(update(tables.drops).values(returned=9))
        again = await rig.persister.persist(await rig.outbox.read_all(shard), now_ms() + 1_000)

        assert (len(again.coupons), again.apologies, again.reassigned, again.dead) == (2, [], 0, 0)
        assert await rig.live(drop_id) == {"s1": 1, "s2": 2}

    async def test_claims_of_several_drops_and_shards_are_taken_together(
        self, rig: WorkerRig
    ) -> None:
        """A batch decides the shard; 5 of 16 are not all the same."""
        found = [await won(rig, 2) for _ in range(5)]
        assert len({shard for _, shard in found}) > 1
        while await rig.unacknowledged():
            await rig.loop.step()

        for drop_id, _ in found:
            assert set(await rig.live(drop_id)) == {"s1", "s2"}
            assert await states(rig, drop_id, "s1", "s2") == [ClaimState.CONFIRMED] * 2

    async def test_two_workers_at_once_record_each_claim_once(self, rig: WorkerRig) -> None:
        """Both workers have all entries, as after a takeover from a worker that is only slow."""
        drop_id, shard = await won(rig, 10)
        results = await asyncio.gather(rig.record(shard), rig.another("wrk_2").record(shard))

        assert len(await rig.rows(drop_id)) == 10
        codes = await rig.codes(drop_id)
        for result in results:
            assert {str(c.student): c.code for c in result.coupons} == codes

    async def test_a_hold_begins_when_the_claim_is_in_the_ledger(self, rig: WorkerRig) -> None:
        batch = await rig.classroom.made_batch(hold_seconds=60)
        drop = await rig.classroom.opened(batch)
        await rig.classroom.won(drop.id, "s1")
        (row, *_), *_ = [await rig.outbox.read_all(batch.shard)]
        result = await rig.persister.persist([row], row.won_at + 5_000)

        (coupon,) = result.coupons
        assert coupon.hold_until == row.won_at + 65_000


class TestTelling:
    async def test_the_desk_and_the_room_get_the_codes_that_were_read_back(
        self, rig: WorkerRig
    ) -> None:
        drop_id, shard = await won(rig, 2)
        async with listening(rig.desk, ROOM) as listener:
            result = await rig.record(shard)
            told = await listener.next("confirmed")

        shown = {str(c.student): coupon_frames.coupon_fields(c) for c in result.coupons}
        codes = await rig.codes(drop_id)
        assert {name: fields["code"] for name, fields in shown.items()} == codes
        assert sorted(told) == [[name, drop_id, shown[name]] for name in ("s1", "s2")]
        ((*held,),) = await rig.desk.drops.claims_of([(shard, drop_id, ["s1", "s2"])])
        assert [orjson.loads(one.coupon) for one in held if one] == [shown["s1"], shown["s2"]]

    async def test_a_second_recording_tells_the_codes_of_the_first(self, rig: WorkerRig) -> None:
        """Codes are random: those of the second worker would be others."""
        drop_id, shard = await won(rig, 1)
        interpose(rig.fence, "confirm", before=once(crash))
        with dies():
            await rig.record(shard)
        codes = await rig.codes(drop_id)
        async with listening(rig.desk, ROOM) as listener:
            await rig.another("wrk_2").record(shard)
            ((_, _, coupon),) = await listener.next("confirmed")

        assert coupon["code"] == codes["s1"]
        assert await rig.codes(drop_id) == codes

    async def test_nothing_is_told_where_the_commit_fails(self, rig: WorkerRig) -> None:
        drop_id, _ = await won(rig, 2)
        persister = ClaimPersister(ledger_nowhere(), rig.fence, rig.feed)
        with pytest.raises(LedgerUnavailableError):
            await persister.persist(await rig.outbox.read(1), now_ms())

        assert await states(rig, drop_id, "s1", "s2") == [ClaimState.WON] * 2
        assert await rig.unacknowledged() == 2

    async def test_a_claim_that_was_released_is_not_confirmed_by_a_redelivery(
        self, rig: WorkerRig
    ) -> None:
        _, shard = await won(rig, 2)
        await rig.record(shard)
        async with rig.ledger.begin() as conn:
            await conn.execute(
                update(tables.claims)
                .where(tables.claims.c.student == "s1")
                .values(state="released")
            )
        again = await rig.record(shard)

        assert [c.student for c in again.coupons] == ["s2"]

    async def test_a_desk_that_knows_nothing_of_a_claim_is_shut(self, rig: WorkerRig) -> None:
        """The Redis process was replaced without notice."""
        drop_id, shard = await won(rig, 2)
        await rig.desk.redis.hdel(rig.desk.keys(shard).holders(drop_id), "s2")
        await rig.record(shard)

        assert shard in await rig.fence.shut_shards()
        assert await states(rig, drop_id, "s1") == [ClaimState.CONFIRMED]


# The points at which a worker may die: the object, its method, and whether before or after the call.
DEATHS = {
    "before_the_commit": ("ledger", "by_claims", "after"),
    "after_the_commit": ("fence", "confirm", "before"),
    "after_the_desk_knows": ("fence", "confirm", "after"),
    "after_the_room_knows": ("feed", "publish_confirmations", "after"),
    "after_acknowledging": ("outbox", "acknowledge", "after"),
}


class TestDying:
    @pytest.mark.parametrize("death", DEATHS)
    async def test_the_next_worker_does_the_rest(
        self, rig: WorkerRig, death: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        drop_id, _ = await won(rig, 3)
        piece, call, when = DEATHS[death]
        drops_killed_at = rig.another("wrk_2")
        parts = {"ledger": coupons, "fence": drops_killed_at.fence, "feed": drops_killed_at.feed}
        with monkeypatch.context() as patch:
            part = parts.get(piece, drops_killed_at.outbox)
            patch.setattr(part, call, getattr(part, call))  # undone behind this block
            interpose(part, call, **{when: crash})
            with dies():
                await drops_killed_at.loop.step()
        monkeypatch.setattr(outbox_module, "CLAIM_IDLE_MS", 0)
        await rig.loop.take_over()
        await rig.loop.step()

        assert await rig.live(drop_id) == {"s1": 1, "s2": 2, "s3": 3}
        assert await states(rig, drop_id, "s1", "s2", "s3") == [ClaimState.CONFIRMED] * 3
        assert (await rig.unacknowledged(), await rig.dead_letters()) == (0, [])


class TestAway:
    async def test_while_the_ledger_is_away_nothing_is_acknowledged_and_nothing_is_dead(
        self, rig: WorkerRig
    ) -> None:
        drop_id, _ = await won(rig, 3)
        rig.persister._ledger = ledger_nowhere()
        for _ in range(3):
            with pytest.raises(LedgerUnavailableError):
                await rig.loop.step()
        assert await rig.unacknowledged() == 3

        rig.persister._ledger = rig.ledger
        await rig.loop.step()
        assert set(await rig.live(drop_id)) == {"s1", "s2", "s3"}
        assert (await rig.unacknowledged(), await rig.dead_letters()) == (0, [])

    async def test_while_the_fence_is_shut_nothing_is_acknowledged(self, rig: WorkerRig) -> None:
        drop_id, shard = await won(rig, 3)
        await rig.fence.shut(shard)
        for _ in range(3):
            with pytest.raises(DeskUnavailableError):
                await rig.loop.step()
        assert await rig.unacknowledged() == 3

        await rig.rebuild_all()
        await rig.loop.step()
        assert await states(rig, drop_id, "s1", "s2", "s3") == [ClaimState.CONFIRMED] * 3
        assert (await rig.unacknowledged(), await rig.dead_letters()) == (0, [])

    @pytest.mark.parametrize("call", ["confirm", "publish_confirmations"])
    async def test_where_redis_goes_in_the_middle_it_is_done_again(
        self, rig: WorkerRig, call: str
    ) -> None:
        drop_id, _ = await won(rig, 3)

        def away(*_: object) -> None:
            raise DeskUnavailableError("away")

        part: Fence | Feed = rig.fence if call == "confirm" else rig.feed
        interpose(part, call, before=once(away))
        with pytest.raises(DeskUnavailableError):
            await rig.loop.step()
        assert await rig.unacknowledged() == 3

        await rig.loop.step()
        assert set(await rig.codes(drop_id)) == {"s1", "s2", "s3"}
        assert await states(rig, drop_id, "s1", "s2", "s3") == [ClaimState.CONFIRMED] * 3
        assert await rig.unacknowledged() == 0


class TestImpossible:
    @pytest.mark.parametrize("wrong", ["drop", "batch", "limit"])
    async def test_an_entry_that_cannot_be_is_set_aside_and_the_others_go_on(
        self, rig: WorkerRig, wrong: str
    ) -> None:
        drop_id, _ = await won(rig, 2)
        changes: dict[str, dict[str, object]] = {
            "drop": {"drop_id": "drp_unheard_of"},
            "batch": {"batch_id": "bat_unheard_of"},
            "limit": {"slot": 2, "per_student": 2},
        }
        bad = await rig.entry(drop_id, "eve", 10, **changes[wrong])
        await rig.slip_in(bad)
        await rig.classroom.won(drop_id, "last")
        while await rig.unacknowledged():
            await rig.loop.step()

        assert await rig.dead_letters() == [bad.claim_id]
        assert set(await rig.live(drop_id)) == {"s1", "s2", "last"}
        assert await states(rig, drop_id, "s1", "last") == [ClaimState.CONFIRMED] * 2

    async def test_a_claim_that_no_coupon_can_be_made_of_blocks_nobody(
        self, rig: WorkerRig
    ) -> None:
        drop_id, shard = await won(rig, 1)
        (entry,) = await rig.outbox.read_all(shard)
        await spoil_templates(rig)
        good_id, _ = await won_of_another_template(rig)
        for _ in range(3):
            await rig.rebuild_all()
            await rig.loop.step()

        assert await rig.dead_letters() == [entry.claim_id]
        assert await rig.unacknowledged() == 0
        assert set(await rig.codes(good_id)) == {"s1"}
        assert set(await rig.live(drop_id)) == {"s1"}

    async def test_it_is_set_aside_by_the_next_worker_where_one_dies_before(
        self, rig: WorkerRig
    ) -> None:
        _, shard = await won(rig, 1)
        (entry,) = await rig.outbox.read_all(shard)
        await spoil_templates(rig)
        drops_killed_at = rig.another("wrk_2")
        interpose(drops_killed_at.persister, "_write_reassigned", before=crash)
        with dies():
            await drops_killed_at.persister.persist([entry], now_ms())
        await rig.persister.persist([entry], now_ms())

        assert await rig.dead_letters() == [entry.claim_id]


async def spoil_templates(rig: WorkerRig) -> None:
    """Change the template in the database, so that its coupons end when they begin."""
    never = {"kind": "fixed", "from": "2026-01-01T00:00:00.000Z"}
    never["until"] = never["from"]
    async with rig.ledger.begin() as conn:
        await conn.execute(update(tables.template_versions).values(validity=never))


async def won_of_another_template(rig: WorkerRig) -> tuple[str, int]:
    batch = await rig.classroom.made_batch(await rig.classroom.made_template())
    drop = await rig.classroom.opened(batch)
    await rig.classroom.won(drop.id, "s1")
    return drop.id, batch.shard
