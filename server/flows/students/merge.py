"""Merge one account into another of the same person: what it has becomes the other's.

Asked for by an operator (POST /v1/students/{student}/merge-into/{other}), driven as a job. Order, and why:

1. one ledger transaction moves all rows, with the act and the event. Used slots are added up: a coupon or
   claim takes a free slot of the other account. Where none is free, the coupon is the other's all the same,
   beyond the limit, and its claim stays with the old account: all slots are used, and stay so;
2. the desk hears of it: it counts the other account's slots, and its open drops show the claims as the
   other's. This is read from the ledger anew, so that a repetition does what an earlier attempt did not.

merge_chances.py has both steps for what may still become a coupon: offers, tasks, entries of draws.

A win that is still on its way to the ledger stays with the old account: merge once more. While a coupon is on
an order that is being paid the merge is refused: the payment would come for somebody else.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import now_ms
from server.core.acts import Action
from server.core.checkout.balances import BalanceEntry, EntryKind
from server.core.coupons.coupons import CouponState
from server.core.event_types import Event, EventType
from server.core.ids import Slot, StudentId
from server.core.jobs import Job, JobKind
from server.core.refusals import Code, Refused, invalid_field
from server.desk.claims.caps import CapName
from server.flows.abort import Abort, returns_refusal
from server.flows.jobs import JobFailedError, JobResult, RunningJob, new_job, request_job
from server.flows.stores import Stores
from server.flows.students import merge_chances
from server.flows.students.merge_chances import CLOSED_KEPT_MS
from server.ids import new_id
from server.ledger import acts, event_log
from server.ledger.access import student_names
from server.ledger.checkout import balances
from server.ledger.engine import Ledger
from server.ledger.idempotency import IdempotencyKey
from server.ledger.students import merge as rows
from server.ledger.students.known import unknown_among
from server.ledger.students.merge import OwnCoupon


@returns_refusal
async def request_merge(
    ledger: Ledger,
    actor: str,
    student: StudentId,
    other: StudentId,
    now: int,
    key: IdempotencyKey | None = None,
) -> Job | Refused:
    """Make the job, or return the one that is open. Refuses with invalid_field for one and the same student,
    not_found where nothing is known of one of them (`unknown`; a mistyped id would get the coupons),
    wrong_state while another merge of the student is under way, coupon_locked while an order is being paid.
    """
    if student == other:
        raise Abort(invalid_field("other", "same"))
    async with ledger.begin() as conn:
        if unknown := await unknown_among(conn, student, other):
            raise Abort(Refused(Code.NOT_FOUND, "nothing is known of them", {"unknown": unknown}))
        if _is_any_locked(await rows.coupons_of(conn, student)):
            raise Abort(Refused(Code.COUPON_LOCKED, "an order of this student is being paid"))
        wanted = new_job(JobKind.MERGE, student, actor, now, {"into": other})
        job = await request_job(conn, wanted, key)
    if job.detail["into"] != other:
        return Refused(Code.WRONG_STATE, "this student is being merged into another one")
    return job


async def merge_student(running: RunningJob) -> JobResult:
    """Do the job. Repeatable. JobFailedError(coupon_locked): an order is being paid since."""
    job, stores = running.job, running.stores
    student, into = StudentId(job.subject), StudentId(str(job.detail["into"]))
    now = now_ms()
    winning = await merge_chances.winning_drops(stores, student, now)
    async with stores.ledger.begin() as conn:
        report = await _move(conn, student, into, job.created_by, now)
        moved = await merge_chances.move(conn, student, into, winning, now)
        report |= moved.report
        await _record(conn, student, into, job.created_by, report, now)
    await _tell_desk(stores, student, into)
    await merge_chances.tell(stores, moved, student, into, now_ms())
    return JobResult(report)


async def _move(
    conn: AsyncConnection, student: StudentId, into: StudentId, actor: str, now: int
) -> dict[str, object]:
    """Move coupons, orders, balances and what is known of the person; return the numbers of it."""
    await rows.lock_coupons(conn, student)
    own = await rows.coupons_of(conn, student)
    if _is_any_locked(own):
        raise JobFailedError(Code.COUPON_LOCKED)
    beyond = await _move_coupons(conn, own, into)
    await rows.move_campaign_slots(conn, student, into)
    report: dict[str, object] = {
        "coupons": len(own),
        "beyond_limit": beyond,
        "orders": await rows.move_orders(conn, student, into),
    }
    await rows.add_up_uses(conn, student, into)
    for currency, amount in (await rows.balances_of(conn, student)).items():
        for whose, part in ((student, -amount), (into, amount)):
            entry = BalanceEntry(new_id("bal"), now, currency, part, EntryKind.MERGED, None)
            await balances.add(conn, whose, entry)
    await rows.move_person(conn, student, into)
    await rows.copy_traits(conn, student, into)
    await student_names.rename_student(conn, student, into, actor, now)
    return report


async def _record(
    conn: AsyncConnection,
    student: StudentId,
    into: StudentId,
    actor: str,
    report: Mapping[str, object],
    now: int,
) -> None:
    await acts.write_act(conn, actor, Action.STUDENT_MERGED, student, now, into=into, **report)
    told = {"from": student, "coupons": report["coupons"], "orders": report["orders"]}
    await event_log.record(conn, [Event(EventType.STUDENT_MERGED, now, into, told, student=into)])


async def _move_coupons(conn: AsyncConnection, own: Sequence[OwnCoupon], into: StudentId) -> int:
    """Give the coupons to `into`; return how many are beyond its limits."""
    used: dict[str, set[Slot]] = {}
    beyond = 0
    for one in own:
        if one.slot is None or one.state == CouponState.REVOKED:
            await rows.move_coupon(conn, one, into, None)
            continue
        if one.batch_id not in used:
            used[one.batch_id] = await rows.used_slots(conn, one.batch_id, into)
        taken = used[one.batch_id]
        free = (n for n in (one.slot, *range(1, one.per_student + 1)) if n not in taken)
        slot = next((Slot(n) for n in free), None)
        moved = await rows.move_coupon(conn, one, into, slot)
        if slot is not None and (moved or one.claim_id is None):
            taken.add(slot)
        else:
            beyond += 1
    return beyond


async def _tell_desk(stores: Stores, student: StudentId, into: StudentId) -> None:
    """Do step 2."""
    by_shard: defaultdict[int, dict[tuple[CapName, str], set[Slot]]] = defaultdict(dict)
    async with stores.ledger.read() as conn:
        own = await rows.coupons_of(conn, into)
        for one in own:
            key = (CapName.BATCH, str(one.batch_id))
            if one.is_batch_on_desk and key not in by_shard[one.shard]:
                by_shard[one.shard][key] = await rows.used_slots(conn, one.batch_id, into)
        for (campaign, shard), slots in (await rows.campaign_slots(conn, into)).items():
            by_shard[shard][CapName.CAMPAIGN, campaign] = slots
        since = now_ms() - CLOSED_KEPT_MS
        shown = [
            (one, home)
            for one in own
            if one.drop_id is not None
            and (home := await rows.shard_of_drop(conn, one.drop_id, since)) is not None
        ]
    desk = stores.desk.merged_accounts
    for shard, caps in by_shard.items():
        if caps:
            await desk.add_used(shard, into, caps)
    for one, home in shown:
        if one.drop_id is not None and one.claim_id is not None:
            await desk.move_claim(home, one.drop_id, one.claim_id, student, into)


def _is_any_locked(own: Sequence[OwnCoupon]) -> bool:
    return any(one.state == CouponState.LOCKED for one in own)
