"""An operator has everything compared and repaired by a worker; on both databases."""

import pytest
from sqlalchemy import update

from server.core.jobs import JobKind
from server.core.students.erasure import key_of
from server.desk.shards.desk_audit import DeskAudit
from server.desk.student_eraser import StudentEraser
from server.flows.consistency import doctor
from server.flows.consistency.checks.erasure_checks import ErasureChecks
from server.flows.consistency.examine import Examiner, report_json
from server.flows.consistency.rebuild.repair_shard import ShardRepairer
from server.flows.consistency.repair import Repairer
from server.flows.jobs import JobResult, RunningJob, drive_jobs
from server.ledger import tables
from tests.support.builders.api import good, refused, serving
from tests.support.builders.classroom import now_ms
from tests.support.worker_rig import WorkerRig

pytestmark = pytest.mark.asyncio
KEY = key_of("a-secret-that-is-long-enough-for-a-test")


def examiner_of(rig: WorkerRig) -> Examiner:
    audit = DeskAudit(rig.desk.redis, rig.desk.prefix)
    shards = ShardRepairer(
        rig.ledger, audit, rig.fence, rig.outbox, rig.persister, rig.rebuilder, deadline_s=5
    )
    eraser = StudentEraser(rig.desk.redis, rig.desk.prefix)
    checks = ErasureChecks(rig.stores, eraser, [KEY])
    return Examiner(rig.ledger, audit, Repairer(rig.stores, shards), checks)


async def drive(rig: WorkerRig) -> None:
    async def examine(running: RunningJob) -> JobResult:
        is_repair = running.job.kind is JobKind.REPAIR
        report = await examiner_of(rig).examine([], now_ms(), repair=is_repair)
        return JobResult(report_json(report))

    await drive_jobs(rig.stores, {JobKind.CHECK: examine, JobKind.REPAIR: examine}, now_ms())


async def test_a_fault_is_found_and_repaired_with_a_reason(
    rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "ROUNDS", 1)
    batch = await rig.classroom.made_batch()
    async with rig.ledger.begin() as conn:
        await conn.execute(
            update(tables.batches).where(tables.batches.c.id == batch.id).values(allotted=1)
        )
    async with serving(rig.ledger, rig.desk) as api:
        operator, teacher = await api.operator(), await api.teacher()
        url = "/v1/consistency"
        assert good(await operator.get(url)) == {"job": None, "latest": None}
        refused(await teacher.get(url), 403, "wrong_role")
        refused(await (await api.finance()).post(url, json={}), 403, "wrong_role")
        asked = await operator.post(url, json={})
        assert asked.headers["location"] == f"/v1/jobs/{good(asked, 202)['id']}"
        again = good(await operator.post(url, json={}), 202)
        assert again["id"] == good(asked, 202)["id"]  # one at a time
        await drive(rig)

        shown = good(await operator.get(url))
        assert shown["job"]["state"] == "done"
        (finding,) = shown["latest"]["findings"]
        assert (finding["kind"], finding["batch"]) == ("batch_counter", batch.id)
        assert finding["can_repair"]
        assert shown["latest"]["counts"] == {"batch_counter": 1}

        without_reason = refused(
            await operator.post(url, json={"repair": True}), 422, "invalid_field"
        )
        assert without_reason["errors"][0]["field"] == "reason"
        body = {"repair": True, "reason": "after the restore"}
        job = good(await operator.post(url, json=body), 202)
        await drive(rig)

        latest = good(await operator.get(url))["latest"]
        (act,) = good(await operator.get("/v1/acts?action=consistency"))["acts"]
    assert latest["ok"]
    assert (latest["reason"], latest["kind"]) == ("after the restore", "repair")
    assert [one["done"] for one in latest["repairs"]] == [True]
    assert (act["subject"], act["detail"]["reason"]) == (job["id"], "after the restore")
