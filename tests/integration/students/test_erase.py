"""The id of an erased student is found nowhere: not in the database file, its log, Redis' files, or our logs
(promise I13). Sums of money are as before. On both databases.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import func, insert, select, update

from server.core.acts import Action
from server.core.audiences.students import StudentForm
from server.core.event_types import Event, EventType
from server.core.jobs import Job, JobKind, JobState
from server.core.messages import Channel, MessageKind, NewMessage
from server.core.students.erasure import is_pseudonym, key_of, keyed_hash
from server.desk.student_eraser import StudentEraser
from server.flows.audiences.students import upsert_students
from server.flows.events.send_messages import USUAL_POLICY, send_due
from server.flows.jobs import Handler, drive_jobs, find_job
from server.flows.students.erase import Erasing, ErasureRequest, request_erasure
from server.flows.students.export import export_student, request_export
from server.ledger import acts, event_log, idempotency, tables
from server.ledger.idempotency import IdempotencyKey
from server.ledger.message_queue import request
from server.ledger.students.erase import Names, erase_from, tables_naming, tables_with_students
from tests.support.builders.checkouts import Checkout, coupon_in_hand
from tests.support.builders.classroom import ROOM, granted, now_ms, refused
from tests.support.builders.typed_codes import bind, made_codes
from tests.support.worker_rig import WorkerRig

pytestmark = pytest.mark.asyncio
ANN = "ann-zhang-7f3a9c"
KEY = key_of("a-secret-that-is-long-enough-for-a-test")


async def drive(rig: WorkerRig) -> None:
    eraser = StudentEraser(rig.desk.redis, rig.desk.prefix)
    handlers: Mapping[JobKind, Handler] = {
        JobKind.ERASE: Erasing(eraser, [KEY]),
        JobKind.EXPORT: export_student,
    }
    await drive_jobs(rig.stores, handlers, now_ms())


async def settled(rig: WorkerRig) -> None:
    """Let the worker acknowledge what it has moved to the ledger."""
    await rig.outbox.make_groups()
    while await rig.loop.step():
        pass


async def erased(rig: WorkerRig, student: str = ANN) -> Job:
    await settled(rig)
    job = granted(
        await request_erasure(
            rig.ledger, ErasureRequest("op", student, f"{student} asks"), now_ms()
        )
    )
    await drive(rig)
    return granted(await find_job(rig.ledger, job.id))


async def a_life(rig: WorkerRig) -> Checkout:
    """Let the student leave traces wherever one can."""
    checkout = await coupon_in_hand(rig, ANN)
    batch = await rig.classroom.made_batch(per_student=2)
    code, _ = await made_codes(rig, batch, 2)
    coupon = granted(await bind(rig, ANN, code))
    form = StudentForm(ANN, "Zhang An", 5, frozenset({"vip"}), {"email": f"{ANN}@school.example"})
    granted(await upsert_students(rig.ledger, [form], now_ms()))
    await rig.feed.add_seen(ROOM, "drp_1", [ANN, "bob"])
    now = now_ms()
    message = NewMessage(
        student=ANN,
        kind=MessageKind.NOTICE,
        text=f"Dear {ANN}",
        created_at=now,
        not_before=now,
        expires_at=now + 60_000,
        channels=(Channel.IN_APP, Channel.WEBHOOK),
        once=f"iss_1:{ANN}",
    )
    async with rig.ledger.begin() as conn:
        await request(conn, [message])
        await acts.write_act(conn, "op", Action.CODES_VOIDED, ANN, now, students=[ANN, "bob"])
        await event_log.record(
            conn, [Event(EventType.COUPON_CONFIRMED, now, coupon.id, {"other": ANN}, ANN)]
        )
        words = f"a mistake of ours with {ANN}."
        await acts.write_act(conn, "op", Action.BATCH_STOPPED, "bat_1", now, reason=words)
        stop = {"target": "bat_1", "claims": True, "use": False, "reason": words, "version": 1}
        await conn.execute(insert(tables.stops), stop | {"changed_by": "op", "changed_at": now})
        key = IdempotencyKey("op", f"/v1/students/{ANN}/export", "k", "h")
        await idempotency.store(conn, key, "job_1", now)
        entry = {
            "id": "bal_1",
            "student": ANN,
            "currency": "CNY",
            "at": now,
            "amount": 500,
            "kind": "rebate",
        }
        await conn.execute(insert(tables.balance_entries), entry)
        await conn.execute(
            insert(tables.balances), {"student": ANN, "currency": "CNY", "amount": 500}
        )
        audience = {"tags": [], "students": [ANN, "bob"]}
        await conn.execute(update(tables.drops).values(audience=audience))
    await send_due(rig.stores, USUAL_POLICY, now)
    return checkout


async def sums(rig: WorkerRig) -> Mapping[str, Any]:
    async with rig.ledger.read() as conn:
        of_orders = select(
            func.count(),
            func.sum(tables.redemptions.c.payable),
            func.sum(tables.redemptions.c.discount),
        )
        count = select(func.count()).select_from(tables.coupons)
        return {
            "orders": tuple((await conn.execute(of_orders)).one()),
            "balance": await conn.scalar(select(func.sum(tables.balances.c.amount))),
            "entries": await conn.scalar(select(func.sum(tables.balance_entries.c.amount))),
            "coupons": await conn.scalar(count),
        }


def files_with(word: str, folder: Path) -> list[str]:
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and word.encode() in path.read_bytes()
    )


async def test_the_id_is_found_nowhere_and_money_stays(
    flushable_rig: WorkerRig, tmp_path: Path
) -> None:
    rig = flushable_rig
    with structlog.testing.capture_logs() as logs:
        checkout = await a_life(rig)
        await checkout.pay(await checkout.lock())
        before = await sums(rig)
        traces = files_with(ANN, tmp_path)
        assert any("appendonly" in name for name in traces), "the control: Redis' file has it"

        done = await erased(rig)

    assert (done.state, done.error) == (JobState.DONE, None)
    assert done.report is not None
    assert (done.report["redis_files"], done.report["database_file"]) == ("rewritten", True)
    assert await sums(rig) == before
    assert await tables_naming(rig.ledger, ANN) == []
    assert files_with(ANN, tmp_path) == []
    assert files_with("Zhang An", tmp_path) == []
    assert ANN not in repr(logs)
    assert is_pseudonym(done.subject)


async def test_the_control_a_table_left_out_is_found(flushable_rig: WorkerRig) -> None:
    rig = flushable_rig
    await a_life(rig)
    names = Names(ANN, "erased:x")
    eraser = StudentEraser(rig.desk.redis, rig.desk.prefix)
    await eraser.erase(ANN, names.pseudonym)
    async with rig.ledger.begin() as conn:
        row: dict[str, object] = {
            "id": "era_1",
            "student_hash": "h",
            "key_name": "k",
            "pseudonym": names.pseudonym,
            "asked_by": "op",
            "asked_at": 0,
        }
        await conn.execute(insert(tables.erasures), row)
    for table in tables_with_students():
        if table != "claims":
            await erase_from(rig.ledger, table, names)

    assert await tables_naming(rig.ledger, ANN) == ["claims"]


async def test_the_desk_keeps_the_limits_of_the_pseudonym(flushable_rig: WorkerRig) -> None:
    rig = flushable_rig
    drop = await rig.classroom.opened()
    await rig.classroom.won(drop.id, ANN, "bob")
    await rig.confirm(drop.id)

    done = await erased(rig)

    row = await rig.classroom.row(drop.id)
    (held,) = await rig.desk.drops.claims_of([(row.shard, drop.id, [ANN, done.subject, "bob"])])
    assert [one is not None for one in held] == [False, True, True]
    assert set(await rig.live(drop.id)) == {done.subject, "bob"}


async def test_while_an_order_is_paid_nobody_is_erased(flushable_rig: WorkerRig) -> None:
    rig = flushable_rig
    checkout = await coupon_in_hand(rig, ANN)
    await checkout.lock()

    answer = refused(
        await request_erasure(rig.ledger, ErasureRequest("op", ANN, "asked"), now_ms())
    )

    assert answer.code == "wrong_state"
    assert "coupons" in await tables_naming(rig.ledger, ANN)


async def test_an_erasure_that_was_broken_off_goes_on_with_the_same_pseudonym(
    flushable_rig: WorkerRig,
) -> None:
    rig = flushable_rig
    await a_life(rig)
    await settled(rig)
    job = granted(await request_erasure(rig.ledger, ErasureRequest("op", ANN, "asked"), now_ms()))
    calls = 0

    class Dying(StudentEraser):
        async def erase(self, student: str, pseudonym: str) -> Any:
            nonlocal calls
            calls += 1
            if calls == 2:
                raise ZeroDivisionError
            return await super().erase(student, pseudonym)

    dying = Dying(rig.desk.redis, rig.desk.prefix)
    await drive_jobs(rig.stores, {JobKind.ERASE: Erasing(dying, [KEY])}, now_ms())
    assert granted(await find_job(rig.ledger, job.id)).state is JobState.RUNNING
    async with rig.ledger.begin() as conn:
        await conn.execute(update(tables.jobs).values(lease_until=0))
    await drive(rig)

    assert granted(await find_job(rig.ledger, job.id)).state is JobState.DONE
    async with rig.ledger.read() as conn:
        (row,) = (await conn.execute(select(tables.erasures))).all()
        students = set(await conn.scalars(select(tables.coupons.c.student)))
    assert row.student_hash == keyed_hash(KEY, ANN)
    assert row.done_at is not None
    assert students - {None} == {row.pseudonym}


async def test_messages_that_wait_are_not_sent_to_a_pseudonym(flushable_rig: WorkerRig) -> None:
    rig = flushable_rig
    now = now_ms()
    later = NewMessage(
        student=ANN,
        kind=MessageKind.COUPON_ISSUED,
        created_at=now,
        not_before=now + 60_000,
        expires_at=now + 120_000,
    )
    async with rig.ledger.begin() as conn:
        await request(conn, [later])
    await erased(rig)

    assert await send_due(rig.stores, USUAL_POLICY, now + 60_000) == 0
    async with rig.ledger.read() as conn:
        query = select(tables.messages.c.state, tables.messages.c.reason)
        found = {tuple(row) for row in await conn.execute(query)}
    assert found == {("cancelled", "erased")}


async def test_acts_can_be_changed_by_an_open_erasure_alone(flushable_rig: WorkerRig) -> None:
    rig = flushable_rig
    await a_life(rig)
    done = await erased(rig)

    async with rig.ledger.read() as conn:
        found = await acts.page_of_acts(conn, acts.ActFilter(subject=done.subject), 9, None)
    assert [act.action for act in found] == [Action.STUDENT_ERASED, Action.CODES_VOIDED]
    assert found[1].detail == {"students": [done.subject, "bob"]}
    assert found[0].detail == {"reason": "… asks"}
    with pytest.raises(Exception, match="append-only"):
        async with rig.ledger.begin() as conn:
            await conn.execute(update(tables.acts).values(subject="bob"))


async def test_an_export_has_all_that_is_kept_and_goes_with_the_erasure(
    flushable_rig: WorkerRig, tmp_path: Path
) -> None:
    rig = flushable_rig
    await a_life(rig)
    job = granted(await request_export(rig.ledger, "op", ANN, None, now_ms()))
    await drive(rig)

    exported = granted(await find_job(rig.ledger, job.id))
    assert exported.report is not None
    rows = exported.report["rows"]
    assert isinstance(rows, dict)
    assert {"coupons", "claims", "messages", "students", "balance_entries", "acts"} <= set(rows)
    await erased(rig)
    async with rig.ledger.read() as conn:
        assert await conn.scalar(select(func.count()).select_from(tables.job_files)) == 0
    assert files_with(ANN, tmp_path) == []
