"""Desk and ledger are compared while a class goes on, and only when the comparison says something."""

import asyncio

import pytest
from sqlalchemy import delete, update
from structlog.testing import capture_logs

from server.core.drops.stock import Stock
from server.core.ids import StudentId
from server.desk.consistency_status import KEPT_SECONDS, ConsistencyStatus
from server.flows.consistency.measure_difference import DropDifference, measure_differences
from server.flows.drops.changes.change_drop import write_top_up
from server.ledger import tables
from server.ledger.drops import drop_results
from server.ledger.drops.drop_results import DropResults
from server.observability.metrics import Metrics
from server.worker.difference_watch import DifferenceWatch
from tests.support.builders.classroom import ROOM, granted, now_ms
from tests.support.faults.corruption import let_go, spend
from tests.support.worker_rig import WorkerRig

pytestmark = pytest.mark.asyncio


AT_ONCE = 0.01  # seconds between the two measurements
Disagreement = tuple[str, int, int, int]  # drop, live claims on the desk, in the ledger, units


async def measured(rig: WorkerRig) -> list[Disagreement] | None:
    """Measure, and return the drops on which desk and ledger disagree."""
    found = await measure_differences(rig.stores, rig.outbox, rig.fence, AT_ONCE)
    if found is None:
        return None
    return [(one.drop_id, one.on_desk, one.in_ledger, one.units) for one in found if one.units]


async def recorded(rig: WorkerRig, *students: str) -> str:
    """Return a drop that these students have won, with all claims in the ledger."""
    drop = await rig.classroom.opened()
    await rig.classroom.won(drop.id, *students)
    await rig.loop.step()
    return drop.id


async def lose_in_the_ledger(rig: WorkerRig, drop_id: str, state: str = "revoked") -> None:
    """Change the desk directly, as an error would."""
    statement = update(tables.claims).where(tables.claims.c.drop_id == drop_id)
    async with rig.ledger.begin() as conn:
        await conn.execute(statement.values(state=state))


async def all_books(rig: WorkerRig) -> list[DropDifference]:
    found = await measure_differences(rig.stores, rig.outbox, rig.fence, AT_ONCE)
    assert found is not None
    return found


class TestMeasuring:
    async def test_what_has_been_recorded_agrees(self, rig: WorkerRig) -> None:
        await recorded(rig, "s1", "s2")
        await recorded(rig, "s1")

        assert await measured(rig) == []

    async def test_a_school_without_open_drops_agrees(self, rig: WorkerRig) -> None:
        assert await measured(rig) == []

    async def test_claims_that_only_one_of_them_has_are_counted(self, rig: WorkerRig) -> None:
        await recorded(rig, "s1")
        drop_id = await recorded(rig, "s1", "s2", "s3")
        await lose_in_the_ledger(rig, drop_id)

        assert await measured(rig) == [(drop_id, 3, 0, 3)]

    async def test_a_drop_that_the_desk_forgot_is_counted(self, rig: WorkerRig) -> None:
        drop_id = await recorded(rig, "s1", "s2")
        row = await rig.classroom.row(drop_id)
        await rig.desk.redis.delete(rig.desk.keys(row.shard).drop(drop_id))

        assert await measured(rig) == [(drop_id, 0, 2, 2)]

    async def test_a_closed_drop_is_not_looked_at(self, rig: WorkerRig) -> None:
        drop_id = await recorded(rig, "s1")
        granted(await rig.classroom.drops.close(drop_id, ROOM, now_ms()))
        await lose_in_the_ledger(rig, drop_id)

        assert await measured(rig) == []

    async def test_what_is_about_to_be_rebuilt_is_not_looked_at(self, rig: WorkerRig) -> None:
        drop_id = await recorded(rig, "s1")
        await lose_in_the_ledger(rig, drop_id)
        await rig.fence.shut((await rig.classroom.row(drop_id)).shard)

        assert await measured(rig) == []

    async def test_nothing_is_told_while_claims_are_on_their_way(self, rig: WorkerRig) -> None:
        drop_id = await recorded(rig)
        await rig.classroom.won(drop_id, "s1")

        assert await measured(rig) is None

    async def test_nothing_is_told_where_a_claim_comes_between_the_looks(
        self, rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Also where it has reached the ledger before the outbox is looked at again."""
        drop_id = await recorded(rig, "s1")
        real = drop_results.of_drops

        async def of_drops(*arguments: object) -> dict[str, DropResults]:
            found = await real(*arguments)  # type: ignore[arg-type]
            await rig.classroom.won(drop_id, "s2")
            await rig.loop.step()
            return found

        monkeypatch.setattr(drop_results, "of_drops", of_drops)

        assert await measured(rig) is None

    async def test_nothing_is_told_where_one_came_and_one_went(
        self, rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The number of claims is the same as before, but they are others."""
        drop_id = await recorded(rig, "s1")
        row = await rig.classroom.row(drop_id)
        (claim,) = await rig.rows(drop_id)
        real = drop_results.of_drops

        async def of_drops(*arguments: object) -> dict[str, DropResults]:
            found = await real(*arguments)  # type: ignore[arg-type]
            await lose_in_the_ledger(rig, drop_id, "released")
            await rig.desk.drops.release(row.shard, drop_id, {StudentId("s1"): claim.id})
            await rig.classroom.won(drop_id, "s2")
            await rig.loop.step()
            return found

        monkeypatch.setattr(drop_results, "of_drops", of_drops)

        assert await measured(rig) is None

    async def test_nothing_is_told_where_the_last_look_finds_claims_on_their_way(
        self, rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        drop_id = await recorded(rig)
        real = rig.fence.shut_shards

        async def shut_shards(_fence: object) -> list[int]:
            await rig.classroom.won(drop_id, "s1")
            return await real()

        monkeypatch.setattr(type(rig.fence), "shut_shards", shut_shards)

        assert await measured(rig) is None

    async def test_a_live_claim_without_a_coupon_is_a_unit_that_is_nowhere(
        self, rig: WorkerRig
    ) -> None:
        drop_id = await recorded(rig, "s1", "s2")
        async with rig.ledger.begin() as conn:
            await conn.execute(delete(tables.coupons).where(tables.coupons.c.student == "s2"))

        assert await measured(rig) == [(drop_id, 2, 2, 1)]

    async def test_a_coupon_that_was_used_is_counted_as_redeemed(self, rig: WorkerRig) -> None:
        drop_id = await recorded(rig, "s1", "s2", "s3")
        await spend(rig, drop_id, "s1")
        (books,) = await all_books(rig)

        assert books.stock == Stock(10, free=7, held=2, redeemed=1)
        assert books.units == 0

    async def test_a_unit_that_came_back_is_free_again(self, rig: WorkerRig) -> None:
        """Release claim and coupon as the end of a hold does, and tell the desk."""
        drop_id = await recorded(rig, "s1", "s2")
        await let_go(rig, drop_id, "s1")
        (books,) = await all_books(rig)

        assert books.stock == Stock(10, free=9, held=1)
        assert books.units == 0

    async def test_what_only_the_first_look_sees_was_on_its_way(
        self, rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A unit that comes back is in the ledger first, and on the desk a moment later."""
        drop_id = await recorded(rig, "s1", "s2")
        await let_go(rig, drop_id, "s1", on_desk=False)
        row = await rig.classroom.row(drop_id)
        claim = next(one for one in await rig.rows(drop_id) if one.student == "s1")

        async def tell_the_desk(_seconds: float) -> None:
            await rig.desk.drops.release(row.shard, drop_id, {StudentId("s1"): claim.id})

        monkeypatch.setattr(asyncio, "sleep", tell_the_desk)

        assert await measured(rig) == []

    async def test_units_that_the_desk_was_never_told_of_are_counted(self, rig: WorkerRig) -> None:
        drop_id = await recorded(rig, "s1")
        row = await rig.classroom.row(drop_id)
        await rig.desk.redis.hset(rig.desk.keys(row.shard).drop(drop_id), "quantity", "7")

        assert await measured(rig) == [(drop_id, 1, 1, 3)]

    async def test_a_top_up_that_is_still_to_be_told_is_no_difference(self, rig: WorkerRig) -> None:
        drop_id = await recorded(rig, "s1")
        stores = rig.classroom.stores
        await write_top_up(stores, drop_id, ROOM, 5, 10, now_ms())

        assert await measured(rig) == []


class TestWatch:
    def watch(self, rig: WorkerRig) -> DifferenceWatch:
        board = ConsistencyStatus(rig.desk.redis, rig.desk.prefix)
        return DifferenceWatch(rig.stores, rig.outbox, rig.fence, Metrics(), board, AT_ONCE)

    def shown(self, watch: DifferenceWatch) -> float | None:
        return watch.metrics.registry.get_sample_value("classdrop_difference_units")

    async def test_it_adds_up_what_is_missing_and_what_is_too_many(self, rig: WorkerRig) -> None:
        await lose_in_the_ledger(rig, await recorded(rig, "s1", "s2"))
        forgotten = await recorded(rig, "s1", "s2", "s3")
        row = await rig.classroom.row(forgotten)
        await rig.desk.redis.delete(rig.desk.keys(row.shard).drop(forgotten))
        watch = self.watch(rig)
        with capture_logs() as said:
            await watch.look()

        assert self.shown(watch) == 5
        assert [line["log_level"] for line in said] == ["warning"]

    async def test_it_says_so_once_for_each_time_they_stop_agreeing(self, rig: WorkerRig) -> None:
        drop_id = await recorded(rig, "s1")
        watch = self.watch(rig)
        shown, said = [], []
        for state in ("live", "revoked", "revoked", "live", "revoked"):
            await lose_in_the_ledger(rig, drop_id, state)
            with capture_logs() as lines:
                await watch.look()
            shown.append(self.shown(watch))
            said.append(len(lines))

        assert shown == [0, 1, 1, 0, 1]
        assert said == [0, 1, 0, 0, 1]

    async def test_the_figures_say_where_the_units_of_all_open_drops_are(
        self, rig: WorkerRig
    ) -> None:
        await spend(rig, await recorded(rig, "s1", "s2"), "s1")
        await recorded(rig, "s3")
        watch = self.watch(rig)
        await watch.look()
        value = watch.metrics.registry.get_sample_value

        assert {
            use: value("classdrop_stock_units", {"use": use})
            for use in ("free", "held", "redeemed", "returned")
        } == {"free": 17, "held": 2, "redeemed": 1, "returned": 0}

    async def test_web_processes_and_the_teacher_are_told(self, rig: WorkerRig) -> None:
        well = await recorded(rig, "s1")
        ill = await recorded(rig, "s2", "s3")
        await lose_in_the_ledger(rig, ill)
        watch = self.watch(rig)
        assert watch.status is not None
        assert await watch.status.last() is None
        await watch.look()
        last = await watch.status.last()

        assert last is not None
        assert (last[0].drops, last[0].difference, last[0].differing) == (2, 2, (ill,))
        assert last[1] < KEPT_SECONDS
        views = [await rig.classroom.view(drop_id) for drop_id in (well, ill)]
        assert [view.settled_difference for view in views] == [0, 2]

    async def test_the_figure_stays_where_nothing_can_be_told(self, rig: WorkerRig) -> None:
        drop_id = await recorded(rig, "s1")
        await lose_in_the_ledger(rig, drop_id)
        watch = self.watch(rig)
        await watch.look()
        await rig.classroom.won(drop_id, "s2")
        await watch.look()

        assert self.shown(watch) == 1
