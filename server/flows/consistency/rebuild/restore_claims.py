"""Restore a claim that a student was told of: put it back into the ledger with its coupon, or leave it alone.

Called by repair_shard.py for dead letters, for wins that only the desk knew, and for live claims whose coupon
is gone. Unlike flows/drops/claims/reassign_claims.py it never revokes a claim for want of a unit: it then
reports that nothing is free.
"""

from dataclasses import dataclass
from enum import Enum, auto

from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.ids import CouponId
from server.desk.claims.outbox import OutboxEntry
from server.flows.coupons.new_coupons import confirmed_event, new_coupon
from server.flows.drops.claims import reassign_claims
from server.flows.stores import batch_and_template
from server.ledger import desks, event_log
from server.ledger.coupons import coupons
from server.ledger.drops import claims, dead_letters, drops
from server.ledger.drops.claims import ClaimRow
from server.ledger.engine import Ledger


class RestoreOutcome(Enum):
    """The ways in which a restoration can end."""

    RESTORED = auto()
    HAS_OTHER_CLAIM = auto()  # the student has another claim of this drop and loses nothing
    ALREADY_DECIDED = auto()  # the claim is released or revoked in the ledger, and stays so
    NOTHING_FREE = auto()  # no unit or slot is free: nothing was changed
    REJECTED = auto()  # the ledger still does not take it


@dataclass(frozen=True, slots=True)
class SeenCoupon:
    """Id and code of the coupon that the student has seen of this claim."""

    coupon_id: CouponId
    code: str


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """The outcome for one claim. `unit` is set for RESTORED. `why` is the claim's state for ALREADY_DECIDED,
    and the ledger's error for REJECTED.
    """

    outcome: RestoreOutcome
    unit: int | None = None
    why: str = ""


async def restore_claim(
    ledger: Ledger, entry: OutboxEntry, now: int, seen: SeenCoupon | None = None
) -> RestoreResult:
    """Write the claim and its coupon, and delete its dead letter, in one transaction. Repeatable.

    LedgerUnavailableError is passed on.
    """
    result = RestoreResult(RestoreOutcome.REJECTED)
    # First with the code that the student has seen. That may have become somebody else's: then with a new
    # one.
    for coupon in (seen, None) if seen is not None else (None,):
        try:
            async with ledger.begin() as conn:
                # Exclusive, for the reason given in reassign_claims.reassign.
                await desks.lock_shard_exclusively(conn, entry.shard)
                return await _restore(conn, entry, now, coupon)
        except (IntegrityError, DataError, LookupError) as error:
            result = RestoreResult(RestoreOutcome.REJECTED, why=str(error))
    return result


async def _restore(
    conn: AsyncConnection, entry: OutboxEntry, now: int, seen: SeenCoupon | None
) -> RestoreResult:
    drop = await drops.find_for_update(
        conn, entry.drop_id
    )  # locked, so that it is not closed meanwhile
    if drop is None:
        raise LookupError(f"the ledger has no drop {entry.drop_id}")
    row = (await claims.by_ids(conn, [entry.claim_id])).get(entry.claim_id)
    if row is None:
        if await claims.of_student(conn, entry.drop_id, entry.student) is not None:
            duplicate = reassign_claims.claim_row(entry, now)._replace(
                state="revoked", reason=claims.REASON_DUPLICATE
            )
            await claims.insert_new(conn, [duplicate])
            await dead_letters.delete(conn, entry.claim_id)
            return RestoreResult(RestoreOutcome.HAS_OTHER_CLAIM)
        row = await reassign_claims.find_assignment(conn, drop, entry, now)
        further = await reassign_claims.find_further_slots(conn, entry)
        if row is None or further is None:
            return RestoreResult(RestoreOutcome.NOTHING_FREE)
        await claims.insert_new(conn, [row])
        await reassign_claims.count_further(conn, further, now)
    await dead_letters.delete(conn, entry.claim_id)
    if row.state != "live":
        # A release or a revocation is the ledger's decision. Restoring the claim would undo it.
        return RestoreResult(RestoreOutcome.ALREADY_DECIDED, why=row.state)
    await _insert_coupon(conn, row, entry.room, seen)
    return RestoreResult(RestoreOutcome.RESTORED, row.unit)


async def _insert_coupon(
    conn: AsyncConnection, row: ClaimRow, room: str, seen: SeenCoupon | None
) -> None:
    """Insert the claim's coupon; nothing happens where the claim has one."""
    batch, template = await batch_and_template(conn, row.batch_id)
    coupon = new_coupon(row, room, batch, template)
    if seen is not None:
        coupon = coupon._replace(id=seen.coupon_id, code=seen.code)
    await coupons.insert_for_claims(conn, [coupon])
    if any(each.id == coupon.id for each in await coupons.by_claims(conn, [row.id], [template])):
        await event_log.record(conn, [confirmed_event(coupon, room)])


def to_outbox_entry(row: ClaimRow, shard: int, room: str) -> OutboxEntry:
    """Return the claim as an outbox entry. Its entry id is that of no stream, and is never acknowledged."""
    return OutboxEntry(
        shard=shard,
        entry_id="0-0",
        claim_id=row.id,
        drop_id=row.drop_id,
        batch_id=row.batch_id,
        room=room,
        student=row.student,
        request_id=row.request_id,
        unit=row.unit,
        slot=row.slot,
        per_student=row.per_student,
        allotment_id=row.allotment_id,
        allotment_first=row.allotment_first,
        allotment_last=row.allotment_last,
        won_at=row.won_at,
    )
