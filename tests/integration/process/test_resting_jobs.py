"""Jobs of a worker rest while there is nothing to do, and miss nothing that comes due."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import pytest_asyncio
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import now_ms
from server.flows.coupons.codes import LEFT_BEHIND_MS as RUN_LEFT_BEHIND_MS
from server.flows.drops.views.update_live_counts import WATCHED_AFTER_CLOSE_MS
from server.flows.lotteries.settle_spins import LEFT_BEHIND_MS as SPIN_LEFT_BEHIND_MS
from server.ledger import tables as t
from server.ledger.change_detector import ChangeDetector
from server.ledger.engine import Ledger
from server.worker import ledger_watch
from server.worker.cadence import Cadence
from server.worker.jobs.job import Due, Job, on_change
from server.worker.ledger_watch import LedgerWatch
from tests.support.builders.ledger_rows import add, add_claim, add_drop
from tests.support.eventually import eventually
from tests.support.faults.interruptions import ledger_nowhere
from tests.support.worker_rig import WorkerRig

pytestmark = pytest.mark.asyncio

_MOMENT = 1_770_000_000_000  # when the thing comes due
_LEFT_MS = Cadence().left_behind_ms


@dataclass(slots=True)
class _Counted:
    """A job that counts its rounds."""

    rounds: int = 0

    async def run(self) -> None:
        self.rounds += 1

    def job(self, due: Due | None) -> Job:
        return Job("counted", 0.01, "worker.worker", self.run, due=due)


@asynccontextmanager
async def working(
    rig: WorkerRig, monkeypatch: pytest.MonkeyPatch, *jobs: Job
) -> AsyncIterator[None]:
    """Run a worker that has these jobs alone, and looks at the ledger every 10 ms."""
    worker = rig.with_cadence(Cadence(look_s=0.01)).worker
    monkeypatch.setattr(worker.jobs, "table", lambda: jobs)
    running = asyncio.create_task(worker.run())
    yield
    running.cancel()
    async with asyncio.timeout(5):  # those that rest are woken
        await asyncio.wait([running])


class TestResting:
    async def test_a_job_rests_until_the_ledger_changes(
        self, rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        resting, busy = _Counted(), _Counted()
        async with working(rig, monkeypatch, resting.job(on_change), busy.job(None)):
            await eventually(lambda: busy.rounds > 100)
            before = resting.rounds
            assert before < 10  # the first one, and one for each change of the ledger as it starts
            async with rig.ledger.begin() as conn:
                await add_drop(conn)
            await eventually(lambda: resting.rounds > before)

    async def test_a_job_for_which_something_comes_due_soon_does_not_rest(
        self, rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def due(_conn: AsyncConnection, by: int) -> bool:
            return by > now_ms() + 59_000

        waiting = _Counted()
        async with working(rig, monkeypatch, waiting.job(due)):
            await eventually(lambda: waiting.rounds > 100)

    async def test_a_hold_that_ends_while_nobody_acts_is_ended_in_time(
        self, rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The worker has found nothing to do, rests, and has no change to hear of."""
        ends_at = now_ms() + 1_500
        async with rig.ledger.begin() as conn:
            await add_drop(conn)
            await add_claim(conn, 1)
            await add(conn, t.coupons, hold_until=ends_at, valid_until=ends_at + 3_600_000)
        drops = rig.worker.jobs.drops
        end_holds = next(job for job in drops.jobs() if job.name == "end_holds")
        async with working(rig, monkeypatch, end_holds):
            await eventually(lambda: _is_released(rig.ledger), deadline_s=5)
        assert now_ms() >= ends_at


async def _is_released(ledger: Ledger) -> bool:
    async with ledger.read() as conn:
        return (
            await conn.scalar(t.coupons.select().with_only_columns(t.coupons.c.state)) == "released"
        )


class TestWatch:
    @pytest_asyncio.fixture
    async def watch(self, ledger: Ledger) -> AsyncIterator[LedgerWatch]:
        made = LedgerWatch(ChangeDetector(ledger), look_s=0.01)
        running = asyncio.create_task(made.run())
        first = made.version
        await eventually(lambda: made.version is not first)
        yield made
        running.cancel()
        await asyncio.wait([running])

    async def test_an_old_version_is_not_waited_for(self, watch: LedgerWatch) -> None:
        async with asyncio.timeout(1):
            await watch.wait_for_change(object(), 60)

    async def test_a_wait_ends_by_itself(self, watch: LedgerWatch) -> None:
        before = watch.version
        await watch.wait_for_change(before, 0.05)
        assert watch.version is before

    async def test_a_commit_ends_a_wait(self, ledger: Ledger, watch: LedgerWatch) -> None:
        waiting = asyncio.create_task(watch.wait_for_change(watch.version, 60))
        async with ledger.begin() as conn:
            await add_drop(conn)
        async with asyncio.timeout(5):
            await waiting

    async def test_a_clock_that_is_set_ends_a_wait(
        self, watch: LedgerWatch, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Something may be due by the new time."""
        waiting = asyncio.create_task(watch.wait_for_change(watch.version, 60))
        monkeypatch.setattr(ledger_watch, "now_ms", lambda: now_ms() + 3_600_000)
        async with asyncio.timeout(5):
            await waiting

    async def test_nobody_rests_on_a_ledger_that_is_away(self) -> None:
        watch = LedgerWatch(ChangeDetector(ledger_nowhere()), look_s=60)
        before = watch.version
        await watch.look()
        assert watch.version is not before


Rows = Sequence[tuple[Table, dict[str, object]]]
# For each job that waits for a moment: what comes due at _MOMENT. A drop of 10 and its batch are there.
_COMES_DUE: dict[str, Rows] = {
    "close_overdue": [(t.drops, {"id": "drp_2", "closes_at": _MOMENT})],
    "fire_cues": [(t.cues, {"kind": "at", "value": _MOMENT})],
    "end_holds": [(t.coupons, {"hold_until": _MOMENT})],
    "drive_intents": [(t.intents, {"created_at": _MOMENT - _LEFT_MS})],
    "drive_issuances": [(t.issuances, {"due_at": _MOMENT, "driven_until": 0})],
    "expire_offers": [(t.offers, {"expires_at": _MOMENT})],
    "publish_coupons": [(t.coupons, {"untold_since": _MOMENT - _LEFT_MS})],
    "finish_code_runs": [(t.code_runs, {"created_at": _MOMENT - RUN_LEFT_BEHIND_MS})],
    "give_back_budgets": [
        (t.campaigns, {}),
        (t.batches, {"id": "bat_2", "campaign_id": "cmp_1"}),
        (t.coupons, {"batch_id": "bat_2", "budget": "exposed", "valid_until": _MOMENT}),
    ],
    "tell_expired": [(t.coupons, {"valid_until": _MOMENT})],
    "expire_redemptions": [(t.redemptions, {"expires_at": _MOMENT})],
    "send_messages": [(t.messages, {"not_before": _MOMENT, "expires_at": _MOMENT + 1})],
    "send_mail": [
        (t.messages, {"channel": "email", "not_before": _MOMENT, "expires_at": _MOMENT + 1})
    ],
    "drive_jobs": [(t.jobs, {"lease_until": _MOMENT})],
    "finish_spins": [
        (t.lotteries, {}),
        (t.lottery_spins, {"outcome": None, "at": _MOMENT - SPIN_LEFT_BEHIND_MS - 1}),
    ],
}
# For each job that waits for something to be there, at any time: what that is.
_IS_THERE: dict[str, Rows] = {
    "close_sold_out": [(t.drops, {"id": "drp_2", "ends": "hand"})],
    "drive_draws": [(t.drops, {"id": "drp_2", "mode": "draw"})],
    "refill_draws": [(t.draws, {"refill_at": _MOMENT})],
    "seal_drops": [(t.seals_due, {})],
    "close_drops_of_stopped": [(t.access_rules, {"kind": "instructor", "value": "teacher"})],
    "settle_offers": [(t.issuances, {}), (t.offers, {"issuance_id": "iss_1"})],
    "measure_events": [(t.unnumbered_events, {})],
    "read_cards": [(t.experiments, {}), (t.experiment_variants, {})],
    "tell_passes": [
        (t.drops, {"id": "drp_2", "task": {"kind": "event", "type": "quiz"}}),
        (t.task_passes, {"drop_id": "drp_2"}),
    ],
}
# Their own tests are below.
_OTHERS = {"publish_stops", "update_live_counts", "send_webhooks"}


class TestDue:
    @pytest_asyncio.fixture
    async def conn(self, rig: WorkerRig) -> AsyncIterator[AsyncConnection]:
        """An open drop, in a transaction that is rolled back."""
        async with rig.ledger.engine.connect() as connection:
            await add_drop(connection)
            await add_claim(connection, 1)
            await connection.execute(t.drops.update().values(closes_at=_MOMENT))
            yield connection

    @pytest.mark.parametrize("name", _COMES_DUE)
    async def test_it_is_due_from_its_moment(
        self, rig: WorkerRig, conn: AsyncConnection, name: str
    ) -> None:
        due = _due_of(rig, name)
        for table, columns in _COMES_DUE[name]:
            await add(conn, table, **columns)
        assert not await due(conn, _MOMENT - 1)
        assert await due(conn, _MOMENT)

    @pytest.mark.parametrize("name", _IS_THERE)
    async def test_it_is_due_while_something_is_there(
        self, rig: WorkerRig, conn: AsyncConnection, name: str
    ) -> None:
        due = _due_of(rig, name)
        assert not await due(conn, _MOMENT)
        for table, columns in _IS_THERE[name]:
            await add(conn, table, **columns)
        assert await due(conn, _MOMENT)

    async def test_counts_are_copied_until_nobody_watches(
        self, rig: WorkerRig, conn: AsyncConnection
    ) -> None:
        due = _due_of(rig, "update_live_counts")
        assert await due(conn, _MOMENT)
        await conn.execute(
            t.drops.update().values(state="closed", closed_at=_MOMENT, close_reason="ended")
        )
        assert await due(conn, _MOMENT + WATCHED_AFTER_CLOSE_MS - 1)
        assert not await due(conn, _MOMENT + WATCHED_AFTER_CLOSE_MS)

    async def test_stops_are_due_while_a_shard_may_know_others(
        self, rig: WorkerRig, conn: AsyncConnection
    ) -> None:
        due = _due_of(rig, "publish_stops")
        await rig.worker.jobs.drops.publish_stops()
        assert not await due(conn, _MOMENT)
        await rig.fence.shut(3)
        assert await due(conn, _MOMENT)

    async def test_every_job_that_waits_is_tried_here(self, rig: WorkerRig) -> None:
        waiting = {job.name for job in rig.worker.jobs.table() if job.due not in (None, on_change)}
        assert waiting == _COMES_DUE.keys() | _IS_THERE.keys() | _OTHERS


def _due_of(rig: WorkerRig, name: str) -> Callable[[AsyncConnection, int], Awaitable[object]]:
    (due,) = (job.due for job in rig.worker.jobs.table() if job.name == name)
    assert due is not None
    return due
