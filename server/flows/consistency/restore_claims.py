"""A claim that somebody was told, put back into the ledger with its coupon, or left alone.

Called by flows/consistency/repair.py for dead letters, for wins that only the desk knew, and for live claims
whose coupon is gone. Unlike flows/drops/reassign_claims.py it never revokes: where nothing is left, it says
so.
"""

from dataclasses import dataclass
from enum import Enum, auto

from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.desk.outbox import OutboxEntry
from server.flows.coupons.new_coupons import new_coupon
from server.flows.drops import reassign_claims
from server.flows.stores import batch_and_template
from server.ledger import desks
from server.ledger.coupons import coupons
from server.ledger.drops import claims, dead_letters, drops
from server.ledger.drops.claims import ClaimRow
from server.ledger.engine import Ledger


class RestoreOutcome(Enum):
    RESTORED = auto()
    HAS_OTHER_CLAIM = auto()  # the student holds another claim of this drop: nothing is lost
    ALREADY_DECIDED = auto()  # the ledger has it, as released or revoked: it stays so
    NOTHING_FREE = auto()
    REJECTED = auto()  # the ledger still does not take it


@dataclass(frozen=True, slots=True)
class SeenCoupon:
    """The coupon that the student has seen of this claim."""

    coupon_id: str
    code: str


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """`unit`: where it is now; `why`: the ledger's words where it does not take it."""

    verdict: RestoreOutcome
    unit: int | None = None
    why: str = ""


async def restore_claim(
    ledger: Ledger, entry: OutboxEntry, now: int, shown: SeenCoupon | None = None
) -> RestoreResult:
    """In one transaction: seat, coupon, and the dead letter forgotten. Repeatable.
    LedgerUnavailableError passes."""
    result = RestoreResult(RestoreOutcome.REJECTED)
    # Under the code that was seen; under a new one where that has become somebody else's.
    for code in (shown, None) if shown is not None else (None,):
        try:
            async with ledger.begin() as conn:
                # Alone on its shard, as a mender has to be.
                await desks.lock_shard_exclusively(conn, entry.shard)
                return await _restore(conn, entry, now, code)
        except (IntegrityError, DataError, LookupError) as error:
            result = RestoreResult(RestoreOutcome.REJECTED, why=str(error))
    return result


async def _restore(
    conn: AsyncConnection, entry: OutboxEntry, now: int, shown: SeenCoupon | None
) -> RestoreResult:
    drop = await drops.find_for_update(conn, entry.drop_id)  # it must not be closed meanwhile
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
        in_all = await reassign_claims.find_campaign_slot(conn, entry)
        if row is None or in_all is None:
            return RestoreResult(RestoreOutcome.NOTHING_FREE)
        await claims.insert_new(conn, [row])
        await claims.count_in_campaigns(conn, in_all)
    await dead_letters.delete(conn, entry.claim_id)
    if row.state != "live":
        return RestoreResult(RestoreOutcome.ALREADY_DECIDED, why=row.state)
    await _make_coupon(conn, row, shown)
    return RestoreResult(RestoreOutcome.RESTORED, row.unit)


async def _make_coupon(conn: AsyncConnection, row: ClaimRow, shown: SeenCoupon | None) -> None:
    batch, template = await batch_and_template(conn, row.batch_id)
    coupon = new_coupon(row, batch, template)
    if shown is not None:
        coupon = coupon._replace(id=shown.coupon_id, code=shown.code)
    await coupons.insert_for_claims(conn, [coupon])


def to_outbox_entry(row: ClaimRow, shard: int, room: str) -> OutboxEntry:
    """As if the claim came out of the outbox again."""
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
