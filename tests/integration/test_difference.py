"""Desk and ledger are compared while a class goes on, and only when it can be told."""

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from server.flows.measure_difference import Difference, measure_difference
from server.ledger import drop_results, tables
from server.telemetry import Metrics
from server.worker.difference_watch import DifferenceWatch
from tests.support.classroom import ROOM, granted, now_ms
from tests.support.crews import Crew

pytestmark = pytest.mark.asyncio


async def measured(crew: Crew) -> list[Difference] | None:
    return await measure_difference(crew.worker.places, crew.outbox, crew.fence)


async def recorded(crew: Crew, *students: str) -> str:
    """A drop that these have won, with all of it in the ledger."""
    drop = await crew.classroom.opened()
    await crew.classroom.won(drop.id, *students)
    await crew.loop.step()
    return drop.id


async def lose_in_the_ledger(crew: Crew, drop_id: str, state: str = "revoked") -> None:
    """Behind everybody's back."""
    statement = update(tables.claims).where(tables.claims.c.drop_id == drop_id)
    async with crew.ledger.begin() as conn:
        await conn.execute(statement.values(state=state))


class TestMeasuring:
    async def test_what_has_been_recorded_agrees(self, crew: Crew) -> None:
        await recorded(crew, "s1", "s2")
        await recorded(crew, "s1")

        assert await measured(crew) == []

    async def test_a_school_without_open_drops_agrees(self, crew: Crew) -> None:
        assert await measured(crew) == []

    async def test_claims_that_only_one_of_them_has_are_counted(self, crew: Crew) -> None:
        await recorded(crew, "s1")
        drop_id = await recorded(crew, "s1", "s2", "s3")
        await lose_in_the_ledger(crew, drop_id)

        assert await measured(crew) == [Difference(drop_id, on_desk=3, in_ledger=0)]

    async def test_a_drop_that_the_desk_forgot_is_counted(self, crew: Crew) -> None:
        drop_id = await recorded(crew, "s1", "s2")
        row = await crew.classroom.row(drop_id)
        await crew.desk.redis.delete(crew.desk.keys(row.shard).drop(drop_id))

        assert await measured(crew) == [Difference(drop_id, on_desk=0, in_ledger=2)]

    async def test_a_closed_drop_is_not_looked_at(self, crew: Crew) -> None:
        drop_id = await recorded(crew, "s1")
        granted(await crew.classroom.drops.close(drop_id, ROOM, now_ms()))
        await lose_in_the_ledger(crew, drop_id)

        assert await measured(crew) == []

    async def test_what_is_about_to_be_rebuilt_is_not_looked_at(self, crew: Crew) -> None:
        drop_id = await recorded(crew, "s1")
        await lose_in_the_ledger(crew, drop_id)
        await crew.fence.shut((await crew.classroom.row(drop_id)).shard)

        assert await measured(crew) == []

    async def test_nothing_is_told_while_claims_are_on_their_way(self, crew: Crew) -> None:
        drop_id = await recorded(crew)
        await crew.classroom.won(drop_id, "s1")

        assert await measured(crew) is None

    async def test_nothing_is_told_where_a_claim_comes_between_the_looks(
        self, crew: Crew, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Also where it has reached the ledger before the outbox is looked at again."""
        drop_id = await recorded(crew, "s1")
        real = drop_results.live_claims_of

        async def live_claims_of(*arguments: object) -> dict[str, int]:
            found = await real(*arguments)  # type: ignore[arg-type]
            await crew.classroom.won(drop_id, "s2")
            await crew.loop.step()
            return found

        monkeypatch.setattr(drop_results, "live_claims_of", live_claims_of)

        assert await measured(crew) is None

    async def test_nothing_is_told_where_one_came_and_one_went(
        self, crew: Crew, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As many claims as before, and not the same ones."""
        drop_id = await recorded(crew, "s1")
        row = await crew.classroom.row(drop_id)
        (claim,) = await crew.rows(drop_id)
        real = drop_results.live_claims_of

        async def live_claims_of(*arguments: object) -> dict[str, int]:
            found = await real(*arguments)  # type: ignore[arg-type]
            await lose_in_the_ledger(crew, drop_id, "released")
            await crew.desk.drops.release(row.shard, drop_id, {"s1": claim.id})
            await crew.classroom.won(drop_id, "s2")
            await crew.loop.step()
            return found

        monkeypatch.setattr(drop_results, "live_claims_of", live_claims_of)

        assert await measured(crew) is None

    async def test_nothing_is_told_where_the_last_look_finds_claims_on_their_way(
        self, crew: Crew, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        drop_id = await recorded(crew)
        real = crew.fence.shut_shards

        async def shut_shards(_fence: object) -> list[int]:
            await crew.classroom.won(drop_id, "s1")
            return await real()

        monkeypatch.setattr(type(crew.fence), "shut_shards", shut_shards)

        assert await measured(crew) is None


class TestWatch:
    def watch(self, crew: Crew) -> DifferenceWatch:
        return DifferenceWatch(crew.worker.places, crew.outbox, crew.fence, Metrics())

    def shown(self, watch: DifferenceWatch) -> float | None:
        return watch.metrics.registry.get_sample_value("classdrop_difference_units")

    async def test_it_adds_up_what_is_missing_and_what_is_too_many(self, crew: Crew) -> None:
        await lose_in_the_ledger(crew, await recorded(crew, "s1", "s2"))
        forgotten = await recorded(crew, "s1", "s2", "s3")
        row = await crew.classroom.row(forgotten)
        await crew.desk.redis.delete(crew.desk.keys(row.shard).drop(forgotten))
        watch = self.watch(crew)
        with capture_logs() as said:
            await watch.look()

        assert self.shown(watch) == 5
        assert [line["log_level"] for line in said] == ["warning"]

    async def test_it_says_so_once_for_each_time_they_stop_agreeing(self, crew: Crew) -> None:
        drop_id = await recorded(crew, "s1")
        watch = self.watch(crew)
        shown, said = [], []
        for state in ("live", "revoked", "revoked", "live", "revoked"):
            await lose_in_the_ledger(crew, drop_id, state)
            with capture_logs() as lines:
                await watch.look()
            shown.append(self.shown(watch))
            said.append(len(lines))

        assert shown == [0, 1, 1, 0, 1]
        assert said == [0, 1, 0, 0, 1]

    async def test_the_figure_stays_where_nothing_can_be_told(self, crew: Crew) -> None:
        drop_id = await recorded(crew, "s1")
        await lose_in_the_ledger(crew, drop_id)
        watch = self.watch(crew)
        await watch.look()
        await crew.classroom.won(drop_id, "s2")
        await watch.look()

        assert self.shown(watch) == 1
