"""Claims move from the outbox to the ledger: each once, confirmed only when it is there, and none is lost
when a
process dies or a service is unavailable."""

import asyncio

import orjson
import pytest
from sqlalchemy import update

from server import coupon_frames
from server.core.drops.claims import ClaimState
from server.desk import DeskUnavailableError
from server.desk import outbox as outbox_module
from server.desk.feed import Feed
from server.desk.fence import Fence
from server.flows.drops.persist_claims import ClaimPersister
from server.ledger import tables
from server.ledger.coupons import coupons
from server.ledger.engine import LedgerUnavailableError
from tests.support.builders.classroom import ROOM, now_ms
from tests.support.crews import Crew, everybody, listening
from tests.support.faults.interruptions import crash, dies, interpose, ledger_nowhere, once

pytestmark = pytest.mark.asyncio


async def won(crew: Crew, count: int, units: int = 10) -> tuple[str, int]:
    """Return id and shard of a drop from which so many students have won."""
    drop = await crew.classroom.opened(quantity=units)
    await crew.classroom.won(drop.id, *everybody(count))
    return drop.id, (await crew.classroom.row(drop.id)).shard


async def states(crew: Crew, drop_id: str, *students: str) -> list[ClaimState | None]:
    row = await crew.classroom.row(drop_id)
    ((*held,),) = await crew.desk.drops.claims_of([(row.shard, drop_id, students)])
    return [one.state if one is not None else None for one in held]


class TestWriting:
    async def test_each_win_becomes_a_claim_and_a_coupon(self, crew: Crew) -> None:
        drop_id, _ = await won(crew, 3)
        assert await crew.loop.step() == 3

        assert await crew.live(drop_id) == {"s1": 1, "s2": 2, "s3": 3}
        assert set(await crew.codes(drop_id)) == {"s1", "s2", "s3"}
        assert await crew.unacknowledged() == 0

    async def test_a_redelivery_changes_nothing(self, crew: Crew) -> None:
        drop_id, shard = await won(crew, 3)
        first = await crew.record(shard)
        rows, codes = await crew.rows(drop_id), await crew.codes(drop_id)
        again = await crew.record(shard)

        assert (await crew.rows(drop_id), await crew.codes(drop_id)) == (rows, codes)
        assert {c.code for c in again.coupons} == {c.code for c in first.coupons}
        assert (again.reassigned, again.dead) == (0, 0)

    async def test_a_redelivery_among_new_ones_keeps_none_of_them_back(self, crew: Crew) -> None:
        drop_id, shard = await won(crew, 2)
        await crew.record(shard)
        await crew.classroom.won(drop_id, "late")
        await crew.record(shard)

        assert set(await crew.live(drop_id)) == {"s1", "s2", "late"}

    async def test_claims_of_several_drops_and_shards_are_taken_together(self, crew: Crew) -> None:
        """A batch decides the shard; 5 of 16 are not all the same."""
        found = [await won(crew, 2) for _ in range(5)]
        assert len({shard for _, shard in found}) > 1
        while await crew.unacknowledged():
            await crew.loop.step()

        for drop_id, _ in found:
            assert set(await crew.live(drop_id)) == {"s1", "s2"}
            assert await states(crew, drop_id, "s1", "s2") == [ClaimState.CONFIRMED] * 2

    async def test_two_workers_at_once_record_each_claim_once(self, crew: Crew) -> None:
        """Both workers have all entries, as after a takeover from a worker that is only slow."""
        drop_id, shard = await won(crew, 10)
        results = await asyncio.gather(crew.record(shard), crew.another("wrk_2").record(shard))

        assert len(await crew.rows(drop_id)) == 10
        codes = await crew.codes(drop_id)
        for result in results:
            assert {str(c.student): c.code for c in result.coupons} == codes

    async def test_a_hold_begins_when_the_claim_is_in_the_ledger(self, crew: Crew) -> None:
        batch = await crew.classroom.made_batch(hold_seconds=60)
        drop = await crew.classroom.opened(batch)
        await crew.classroom.won(drop.id, "s1")
        (row, *_), *_ = [await crew.outbox.read_all(batch.shard)]
        result = await crew.persister.persist([row], row.won_at + 5_000)

        (coupon,) = result.coupons
        assert coupon.hold_until == row.won_at + 65_000


class TestTelling:
    async def test_the_desk_and_the_room_get_the_codes_that_were_read_back(
        self, crew: Crew
    ) -> None:
        drop_id, shard = await won(crew, 2)
        async with listening(crew.desk, ROOM) as listener:
            result = await crew.record(shard)
            told = await listener.next("confirmed")

        shown = {str(c.student): coupon_frames.coupon_fields(c) for c in result.coupons}
        codes = await crew.codes(drop_id)
        assert {name: fields["code"] for name, fields in shown.items()} == codes
        assert sorted(told) == [[name, drop_id, shown[name]] for name in ("s1", "s2")]
        ((*held,),) = await crew.desk.drops.claims_of([(shard, drop_id, ["s1", "s2"])])
        assert [orjson.loads(one.coupon) for one in held if one] == [shown["s1"], shown["s2"]]

    async def test_a_second_recording_tells_the_codes_of_the_first(self, crew: Crew) -> None:
        """Codes are random: those of the second worker would be others."""
        drop_id, shard = await won(crew, 1)
        interpose(crew.fence, "confirm", before=once(crash))
        with dies():
            await crew.record(shard)
        codes = await crew.codes(drop_id)
        async with listening(crew.desk, ROOM) as listener:
            await crew.another("wrk_2").record(shard)
            ((_, _, coupon),) = await listener.next("confirmed")

        assert coupon["code"] == codes["s1"]
        assert await crew.codes(drop_id) == codes

    async def test_nothing_is_told_where_the_commit_fails(self, crew: Crew) -> None:
        drop_id, _ = await won(crew, 2)
        persister = ClaimPersister(ledger_nowhere(), crew.fence, crew.feed)
        with pytest.raises(LedgerUnavailableError):
            await persister.persist(await crew.outbox.read(1), now_ms())

        assert await states(crew, drop_id, "s1", "s2") == [ClaimState.WON] * 2
        assert await crew.unacknowledged() == 2

    async def test_a_claim_that_was_released_is_not_confirmed_by_a_redelivery(
        self, crew: Crew
    ) -> None:
        _, shard = await won(crew, 2)
        await crew.record(shard)
        async with crew.ledger.begin() as conn:
            await conn.execute(
                update(tables.claims)
                .where(tables.claims.c.student == "s1")
                .values(state="released")
            )
        again = await crew.record(shard)

        assert [c.student for c in again.coupons] == ["s2"]

    async def test_a_desk_that_knows_nothing_of_a_claim_is_shut(self, crew: Crew) -> None:
        """The Redis process was replaced without notice."""
        drop_id, shard = await won(crew, 2)
        await crew.desk.redis.hdel(crew.desk.keys(shard).holders(drop_id), "s2")
        await crew.record(shard)

        assert shard in await crew.fence.shut_shards()
        assert await states(crew, drop_id, "s1") == [ClaimState.CONFIRMED]


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
        self, crew: Crew, death: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        drop_id, _ = await won(crew, 3)
        piece, call, when = DEATHS[death]
        drops_killed_at = crew.another("wrk_2")
        parts = {"ledger": coupons, "fence": drops_killed_at.fence, "feed": drops_killed_at.feed}
        with monkeypatch.context() as patch:
            part = parts.get(piece, drops_killed_at.outbox)
            patch.setattr(part, call, getattr(part, call))  # undone behind this block
            interpose(part, call, **{when: crash})
            with dies():
                await drops_killed_at.loop.step()
        monkeypatch.setattr(outbox_module, "CLAIM_IDLE_MS", 0)
        await crew.loop.take_over()
        await crew.loop.step()

        assert await crew.live(drop_id) == {"s1": 1, "s2": 2, "s3": 3}
        assert await states(crew, drop_id, "s1", "s2", "s3") == [ClaimState.CONFIRMED] * 3
        assert (await crew.unacknowledged(), await crew.dead_letters()) == (0, [])


class TestAway:
    async def test_while_the_ledger_is_away_nothing_is_acknowledged_and_nothing_is_dead(
        self, crew: Crew
    ) -> None:
        drop_id, _ = await won(crew, 3)
        crew.persister._ledger = ledger_nowhere()
        for _ in range(3):
            with pytest.raises(LedgerUnavailableError):
                await crew.loop.step()
        assert await crew.unacknowledged() == 3

        crew.persister._ledger = crew.ledger
        await crew.loop.step()
        assert set(await crew.live(drop_id)) == {"s1", "s2", "s3"}
        assert (await crew.unacknowledged(), await crew.dead_letters()) == (0, [])

    async def test_while_the_fence_is_shut_nothing_is_acknowledged(self, crew: Crew) -> None:
        drop_id, shard = await won(crew, 3)
        await crew.fence.shut(shard)
        for _ in range(3):
            with pytest.raises(DeskUnavailableError):
                await crew.loop.step()
        assert await crew.unacknowledged() == 3

        await crew.rebuild_all()
        await crew.loop.step()
        assert await states(crew, drop_id, "s1", "s2", "s3") == [ClaimState.CONFIRMED] * 3
        assert (await crew.unacknowledged(), await crew.dead_letters()) == (0, [])

    @pytest.mark.parametrize("call", ["confirm", "publish_confirmations"])
    async def test_where_redis_goes_in_the_middle_it_is_done_again(
        self, crew: Crew, call: str
    ) -> None:
        drop_id, _ = await won(crew, 3)

        def away(*_: object) -> None:
            raise DeskUnavailableError("away")

        part: Fence | Feed = crew.fence if call == "confirm" else crew.feed
        interpose(part, call, before=once(away))
        with pytest.raises(DeskUnavailableError):
            await crew.loop.step()
        assert await crew.unacknowledged() == 3

        await crew.loop.step()
        assert set(await crew.codes(drop_id)) == {"s1", "s2", "s3"}
        assert await states(crew, drop_id, "s1", "s2", "s3") == [ClaimState.CONFIRMED] * 3
        assert await crew.unacknowledged() == 0


class TestImpossible:
    @pytest.mark.parametrize("wrong", ["drop", "batch", "limit"])
    async def test_an_entry_that_cannot_be_is_set_aside_and_the_others_go_on(
        self, crew: Crew, wrong: str
    ) -> None:
        drop_id, _ = await won(crew, 2)
        changes: dict[str, dict[str, object]] = {
            "drop": {"drop_id": "drp_unheard_of"},
            "batch": {"batch_id": "bat_unheard_of"},
            "limit": {"slot": 2, "per_student": 2},
        }
        bad = await crew.entry(drop_id, "eve", 10, **changes[wrong])
        await crew.slip_in(bad)
        await crew.classroom.won(drop_id, "last")
        while await crew.unacknowledged():
            await crew.loop.step()

        assert await crew.dead_letters() == [bad.claim_id]
        assert set(await crew.live(drop_id)) == {"s1", "s2", "last"}
        assert await states(crew, drop_id, "s1", "last") == [ClaimState.CONFIRMED] * 2

    async def test_a_claim_that_no_coupon_can_be_made_of_blocks_nobody(self, crew: Crew) -> None:
        drop_id, shard = await won(crew, 1)
        (entry,) = await crew.outbox.read_all(shard)
        await spoil_templates(crew)
        good_id, _ = await won_of_another_template(crew)
        for _ in range(3):
            await crew.rebuild_all()
            await crew.loop.step()

        assert await crew.dead_letters() == [entry.claim_id]
        assert await crew.unacknowledged() == 0
        assert set(await crew.codes(good_id)) == {"s1"}
        assert set(await crew.live(drop_id)) == {"s1"}

    async def test_it_is_set_aside_by_the_next_worker_where_one_dies_before(
        self, crew: Crew
    ) -> None:
        _, shard = await won(crew, 1)
        (entry,) = await crew.outbox.read_all(shard)
        await spoil_templates(crew)
        drops_killed_at = crew.another("wrk_2")
        interpose(drops_killed_at.persister, "_write_reassigned", before=crash)
        with dies():
            await drops_killed_at.persister.persist([entry], now_ms())
        await crew.persister.persist([entry], now_ms())

        assert await crew.dead_letters() == [entry.claim_id]


async def spoil_templates(crew: Crew) -> None:
    """Change the template in the database, so that its coupons end when they begin."""
    never = {"kind": "fixed", "from": "2026-01-01T00:00:00.000Z"}
    never["until"] = never["from"]
    async with crew.ledger.begin() as conn:
        await conn.execute(update(tables.template_versions).values(validity=never))


async def won_of_another_template(crew: Crew) -> tuple[str, int]:
    batch = await crew.classroom.made_batch(await crew.classroom.made_template())
    drop = await crew.classroom.opened(batch)
    await crew.classroom.won(drop.id, "s1")
    return drop.id, batch.shard
