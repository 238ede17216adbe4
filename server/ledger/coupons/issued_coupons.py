"""The coupons of issuances with the slots that they have used.

Called by flows/coupons/issuing/take_back.py inside its transaction.
"""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.ids import BatchId, CouponId, Slot, StudentId
from server.ledger.bulk import is_among
from server.ledger.tables import campaign_claims, coupons, person_slots


class IssuedSlot(NamedTuple):
    """A coupon of an issuance; `campaign_slot` is None where the campaign has no limit, `person` and its slot
    where it counted for nobody.
    """

    coupon_id: CouponId
    batch_id: BatchId
    student: StudentId
    slot: Slot
    campaign_slot: Slot | None
    person: str | None
    person_slot: Slot | None


async def slots_of(
    conn: AsyncConnection, issuance_id: str, students: Collection[StudentId]
) -> list[IssuedSlot]:
    """Return the coupons that the issuance gave to these students, and that are still theirs: not those that
    a merge of accounts has made another student's.
    """
    names = ("id", "batch_id", "student", "slot")
    counted = campaign_claims.c.coupon_id == coupons.c.id
    for_person = person_slots.c.coupon_id == coupons.c.id
    query = (
        select(
            *(coupons.c[name] for name in names),
            *(campaign_claims.c.slot, person_slots.c.person, person_slots.c.slot),
        )
        .select_from(
            coupons.outerjoin(campaign_claims, counted).outerjoin(person_slots, for_person)
        )
        .where(
            coupons.c.issuance_id == issuance_id,
            is_among(conn, coupons.c.issued_to, students),
            coupons.c.student == coupons.c.issued_to,
        )
        .order_by(coupons.c.id)
    )
    return [IssuedSlot._make(row) for row in await conn.execute(query)]


async def forget_campaign_slots(conn: AsyncConnection, coupon_ids: Collection[str]) -> None:
    """Let these coupons count for nothing in their campaign."""
    where = is_among(conn, campaign_claims.c.coupon_id, coupon_ids)
    await conn.execute(delete(campaign_claims).where(where))
