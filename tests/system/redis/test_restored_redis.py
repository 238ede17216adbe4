"""Redis comes back with an older state while a drop runs: nothing is sold until the desk is the ledger's
again, then it goes on, and there are never more winners than units.

The last test is the control: without the fence the same restore oversells."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from server.core.drops.claims import Outcome
from server.core.ids import DropId, StudentId
from server.desk.claims.claim_desk import ClaimDesk
from server.desk.scripts.loader import _source
from tests.support.builders.classroom import now_ms
from tests.support.eventually import eventually
from tests.support.faults.interruptions import OlderCopy, copy_of, hang_up
from tests.support.servers.crash_points import CrashSite, RoleProcess
from tests.support.worker_rig import at_work, everybody, is_confirmed

pytestmark = pytest.mark.asyncio

UNITS = 30
BEFORE_THE_COPY = everybody(10)
AFTER_THE_COPY = everybody(10, start=11)
LATE = everybody(25, start=21)


@asynccontextmanager
async def frozen(role_process: RoleProcess) -> AsyncIterator[None]:
    """Stop the process until the block ends."""
    role_process.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        role_process.signal(signal.SIGCONT)


async def a_drop_and_an_older_copy(crash_site: CrashSite, folder: Path) -> tuple[str, OlderCopy]:
    """Twenty of thirty units are taken and confirmed; the copy knows of ten."""
    rig = crash_site.rig
    drop = await rig.classroom.opened(quantity=UNITS, duration_seconds=120)
    await rig.classroom.won(drop.id, *BEFORE_THE_COPY)
    copy = copy_of(crash_site.redis, folder)
    await rig.classroom.won(drop.id, *AFTER_THE_COPY)
    return drop.id, copy


async def answers(
    crash_site: CrashSite, web: RoleProcess, drop_id: str, students: list[str]
) -> dict[str, Any]:
    """Return the final outcome of each student: after `retry` the same request is sent again."""
    found: dict[str, Any] = {}

    async def ask_again() -> bool:
        open_questions = [name for name in students if name not in found]
        told = await crash_site.tap(web, drop_id, open_questions)
        found.update(
            {name: said for name, said in told.items() if said and said["outcome"] != "retry"}
        )
        return len(found) == len(students)

    await eventually(ask_again, 20)
    return found


async def test_nothing_is_sold_until_it_is_rebuilt_and_then_no_unit_twice(
    crash_site: CrashSite, tmp_path: Path
) -> None:
    rig = crash_site.rig
    web, worker = await crash_site.web(), crash_site.start("worker")
    drop_id, copy = await a_drop_and_an_older_copy(crash_site, tmp_path / "copy")
    await eventually(lambda: is_confirmed(rig, drop_id, *BEFORE_THE_COPY, *AFTER_THE_COPY))
    codes = await rig.codes(drop_id)

    async with frozen(worker):
        copy.restore()
        await hang_up(rig.desk)
        told = await crash_site.tap(web, drop_id, [*AFTER_THE_COPY, *LATE])
        assert {said["outcome"] for said in told.values() if said} == {"retry"}
        assert all(said["retry_after_ms"] for said in told.values() if said)

    late = await answers(crash_site, web, drop_id, LATE)
    winners = [name for name, said in late.items() if said["outcome"] == "won"]
    assert len(winners) == UNITS - 20
    assert {said["outcome"] for name, said in late.items() if name not in winners} == {"sold_out"}
    early = await answers(crash_site, web, drop_id, [*BEFORE_THE_COPY, *AFTER_THE_COPY])
    assert {said["outcome"] for said in early.values()} == {"won"}

    everyone = [*BEFORE_THE_COPY, *AFTER_THE_COPY, *winners]
    await eventually(lambda: is_confirmed(rig, drop_id, *everyone), 10)
    assert sorted((await rig.live(drop_id)).values()) == list(range(1, UNITS + 1))
    assert codes.items() <= (await rig.codes(drop_id)).items()
    assert all(row.state == "live" for row in await rig.rows(drop_id))


async def test_a_crowd_that_never_stops_tapping_is_served(
    crash_site: CrashSite, tmp_path: Path
) -> None:
    """The restore comes in the middle of the storm, with claims that the copy has never seen and the
    ledger has only just got."""
    rig = crash_site.rig
    async with at_work(rig, rig.another("wrk_2")):
        drop_id, copy = await a_drop_and_an_older_copy(crash_site, tmp_path / "copy")
        await eventually(lambda: is_confirmed(rig, drop_id, *AFTER_THE_COPY))
        told: dict[str, Outcome] = {}

        async def insist(student: str) -> None:
            async def ask() -> bool:
                told[student] = await rig.classroom.tap(drop_id, student)
                return told[student] is not Outcome.RETRY

            await eventually(ask, 20)

        storm = [asyncio.create_task(insist(name)) for name in LATE[:5]]
        await asyncio.gather(*storm)
        await eventually(lambda: is_confirmed(rig, drop_id, *LATE[:5]))
        storm = [asyncio.create_task(insist(name)) for name in [*LATE[5:], *AFTER_THE_COPY]]
        copy.restore()
        await asyncio.gather(*storm)
        winners = [name for name, outcome in told.items() if outcome is Outcome.WON]
        everyone = {*BEFORE_THE_COPY, *AFTER_THE_COPY, *winners}
        await eventually(lambda: is_confirmed(rig, drop_id, *everyone), 10)

    assert len(everyone) == UNITS
    assert set(await rig.live(drop_id)) == everyone


async def test_control_without_the_fence_it_oversells_and_only_the_ledger_refuses(
    crash_site: CrashSite, tmp_path: Path
) -> None:
    rig = crash_site.rig
    drop_id, copy = await a_drop_and_an_older_copy(crash_site, tmp_path / "copy")
    row = await rig.classroom.row(drop_id)
    await rig.persister.persist(await rig.outbox.read_all(row.shard), now_ms())
    copy.restore()
    await hang_up(rig.desk)
    unfenced = unfenced_claim_desk(crash_site)
    for student in LATE:
        await unfenced.claim(
            shard=row.shard,
            drop_id=DropId(drop_id),
            batch_id=row.batch_id,
            student=StudentId(student),
            request_id="r1",
        )
    (held,) = await rig.desk.drops.claims_of([(row.shard, drop_id, LATE)])
    told_won = [claim for claim in held if claim is not None]
    assert 20 + len(told_won) > UNITS

    await rig.rebuild_all()
    assert len(await rig.live(drop_id)) == UNITS
    units = set((await rig.live(drop_id)).values())
    assert units == set(range(1, UNITS + 1))
    revoked = [one for one in await rig.rows(drop_id) if one.state == "revoked"]
    assert len(revoked) == 20 + len(told_won) - UNITS
    assert {*BEFORE_THE_COPY, *AFTER_THE_COPY} <= set(await rig.live(drop_id))


def unfenced_claim_desk(crash_site: CrashSite) -> ClaimDesk:
    """Return a claim desk whose script does not check which server it runs on."""
    rig = crash_site.rig
    check = "if is_shut(KEYS[1]) then return SHUT end"
    source = _source("claim")
    assert source.count(check) == 1
    desk = ClaimDesk(rig.desk.redis, rig.desk.prefix)
    desk._scripts._scripts["claim"] = rig.desk.redis.register_script(source.replace(check, ""))
    return desk
