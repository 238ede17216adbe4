"""kill -9 of a worker and of a web process at each step of a draw: one draw, by one seed, whose winners have
their units and nobody else; and the proof verifies."""

from typing import Any

import orjson
import pytest

from client_sdk.python.draws import verify_draw
from server.core.drops.claims import Outcome
from server.core.drops.drops import DropState
from server.flows.draws.show_draw import DrawDocuments
from server.ledger.drops.drop_row import DropRow
from tests.integration.draws.test_draws import draw_with, drawn_order, enter
from tests.support.builders.classroom import ROOM, now_ms
from tests.support.eventually import eventually
from tests.support.servers.crash_points import CLOSE, PUBLISH, CrashPoint, CrashSite
from tests.support.worker_rig import WorkerRig, at_work, is_confirmed

pytestmark = pytest.mark.asyncio

UNITS, ENTERED = 3, 7
DRAWS = "server.ledger.drops.draws"
DESK = "server.desk.drops.draw_desk:DrawDesk"
ENTRIES = "server.ledger.draws.entries"

WORKER_STEPS = {
    "before_the_entries_are_written": CrashPoint(ENTRIES, "insert_new", "before"),
    "before_the_entries_leave_the_desk": CrashPoint(DESK, "drop_entries", "before"),
    "before_the_seal": CrashPoint(DRAWS, "seal", "before"),
    "before_the_seal_is_committed": CrashPoint(DRAWS, "seal", "after"),
    "before_the_draw": CrashPoint(DRAWS, "mark_drawn", "before"),
    "before_the_draw_is_committed": CrashPoint(DRAWS, "mark_drawn", "after"),
    "before_the_seats": CrashPoint(DESK, "seat", "before"),
    "after_the_seats": CrashPoint(DESK, "seat", "after"),
    "before_the_end": CrashPoint("server.ledger.drops.drops", "mark_closed", "before"),
}
WEB_STEPS = {
    "before_the_desk": CrashPoint(*CLOSE, "before"),
    "after_the_desk": CrashPoint(*CLOSE, "after"),
    "before_it_is_noted": CrashPoint("server.ledger.drops.drops", "mark_drawing", "after"),
}
ABORT_STEPS = {
    "before_it_is_committed": CrashPoint(DRAWS, "mark_aborted", "after"),
    "before_the_desk": CrashPoint(*CLOSE, "before"),
    "before_the_seal": CrashPoint(DRAWS, "seal", "before"),
    "after_the_seal": CrashPoint(*PUBLISH, "after"),
}


async def ended(rig: WorkerRig, drop_id: str) -> DropRow:
    row = await rig.classroom.row(drop_id)
    assert row.state is DropState.CLOSED
    assert await rig.classroom.unfinished() == []
    return row


async def proof_of(rig: WorkerRig, drop_id: str) -> dict[str, Any]:
    row = await rig.classroom.row(drop_id)
    found: dict[str, Any] = orjson.loads(await DrawDocuments().document(rig.ledger, row, now_ms()))
    return found


async def assert_drawn(rig: WorkerRig, drop_id: str, commitment: str) -> None:
    row = await eventually(lambda: ended(rig, drop_id), 15)
    winners = (await drawn_order(rig, drop_id))[:UNITS]
    await eventually(lambda: is_confirmed(rig, drop_id, *winners), 10)
    assert set(await rig.live(drop_id)) == set(winners)
    assert (row.returned, (await rig.classroom.batch(row.batch_id)).allotted) == (0, UNITS)
    proof = await proof_of(rig, drop_id)
    assert verify_draw(proof) == []
    assert (proof["count"], proof["commitment"]) == (ENTERED, commitment)


async def commitment_of(rig: WorkerRig, drop_id: str) -> str:
    return str((await proof_of(rig, drop_id))["commitment"])


@pytest.mark.parametrize("step", WORKER_STEPS)
async def test_a_worker_dies_and_the_next_one_draws_the_same(
    crash_site: CrashSite, step: str
) -> None:
    rig = crash_site.rig
    drop_id = await draw_with(rig, ENTERED, UNITS)
    commitment = await commitment_of(rig, drop_id)
    await rig.classroom.drops.close(drop_id, ROOM, now_ms())
    worker = crash_site.start("worker", WORKER_STEPS[step])
    await worker.dies()

    async with at_work(rig):
        await assert_drawn(rig, drop_id, commitment)


@pytest.mark.parametrize("step", WEB_STEPS)
async def test_the_web_process_dies_while_a_teacher_ends_the_draw(
    crash_site: CrashSite, step: str
) -> None:
    rig = crash_site.rig
    drop_id = await draw_with(rig, ENTERED, UNITS)
    commitment = await commitment_of(rig, drop_id)
    web = await crash_site.web(WEB_STEPS[step])
    assert await crash_site.press(web, f"drops/{drop_id}/close", {}) is None
    await web.dies()

    async with at_work(rig):
        await assert_drawn(rig, drop_id, commitment)


@pytest.mark.parametrize("step", ABORT_STEPS)
async def test_the_web_process_dies_while_a_draw_is_aborted(
    crash_site: CrashSite, step: str
) -> None:
    """Then it is aborted, or the teacher asks again; in between nobody wins."""
    rig = crash_site.rig
    drop_id = await draw_with(rig, ENTERED, UNITS)
    path, body = f"drops/{drop_id}/abort", {"reason": "a wrong price"}
    web = await crash_site.web(ABORT_STEPS[step])
    assert await crash_site.press(web, path, body) is None
    await web.dies()

    living = await crash_site.web()
    async with at_work(rig):
        assert await crash_site.press(living, path, body) == 200
        row = await eventually(lambda: ended(rig, drop_id), 15)
    assert (await rig.live(drop_id), row.returned) == ({}, UNITS)
    proof = await proof_of(rig, drop_id)
    assert (proof["state"], proof["winners"], proof["count"]) == ("aborted", [], ENTERED)
    assert verify_draw(proof) == []


async def test_an_entry_that_was_told_survives_the_web_process_and_redis(
    crash_site: CrashSite,
) -> None:
    rig = crash_site.rig
    drop_id = await draw_with(rig, 2, UNITS)
    web = await crash_site.web()
    told = await crash_site.tap(web, drop_id, ["ann"])
    assert told["ann"] is not None
    web.kill()
    crash_site.redis.kill9()
    await crash_site.redis_returns()

    async with at_work(rig):

        async def again() -> dict[str, object]:
            answer = await enter(rig, drop_id, "ann")
            assert answer.outcome is Outcome.ENTERED
            assert answer.entry is not None
            return answer.entry.receipt(drop_id)

        assert await eventually(again, 10) == told["ann"]["receipt"]
