"""Claims as rows: written once, found again, moved out of the way when the desk was wrong.

Called by flows/drops/persist_claims.py, end_holds.py and rebuild_desk.py inside their transactions. That
there is no unit 501 of 500 is the tables' business (tables/); here an IntegrityError is let through.
"""

from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

from sqlalchemy import and_, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.ids import BatchId, ClaimId, DropId, Slot, StudentId, Unit
from server.ledger.bulk import insert_rows, is_among
from server.ledger.tables import (
    campaign_claims,
    claims,
    coupons,
    drops,
)

State = Literal["live", "released", "revoked"]

# Why a claim was revoked before it was ever confirmed.
REASON_NOTHING_LEFT = "nothing_left"  # its student is owed an apology
REASON_DUPLICATE = "duplicate"  # its student holds another claim of the drop


# Written out, or no database sees that a partial index of tables/ is meant, and it reads all claims.
IS_LIVE = claims.c.state == literal("live", literal_execute=True)
IS_COUNTED = claims.c.state != literal("revoked", literal_execute=True)  # for slots
# A coupon that no claim gave, and that a student has.
IS_COUNTED_CODE = and_(
    coupons.c.claim_id.is_(None),
    coupons.c.slot.is_not(None),
    coupons.c.state != literal("revoked", literal_execute=True),
)


class ClaimRow(NamedTuple):
    id: ClaimId
    drop_id: DropId
    batch_id: BatchId
    student: StudentId
    request_id: str
    unit: Unit
    allotment_id: str
    allotment_first: int
    allotment_last: int
    slot: Slot
    per_student: int
    won_at: int
    confirmed_at: int
    state: State = "live"
    reason: str | None = None


class ClaimStanding(NamedTuple):
    """What has become of a claim in the ledger."""

    id: ClaimId
    state: State
    reason: str | None
    confirmed_at: int
    slot: Slot


async def insert_new(conn: AsyncConnection, rows: Sequence[ClaimRow]) -> bool:
    """A claim id that is there already is a redelivery and changes nothing; anything else that is in
    the way is an IntegrityError for all of them. True: all of them are new, and stand as they were
    given. False: some may not be (`standing_of`)."""
    return await insert_rows(conn, claims, ClaimRow._fields, rows, "id")


async def standing_of(conn: AsyncConnection, ids: Collection[str]) -> dict[ClaimId, ClaimStanding]:
    """By claim id."""
    columns = (claims.c[name] for name in ClaimStanding._fields)
    found = await conn.execute(select(*columns).where(is_among(conn, claims.c.id, ids)))
    return {row[0]: ClaimStanding._make(row) for row in found}


async def release(conn: AsyncConnection, ids: Collection[str], reason: str) -> set[ClaimId]:
    """Those that were live. Their slots stay used: a released claim counts, or hoarders loop."""
    moved = await conn.execute(
        update(claims)
        .where(claims.c.id.in_(ids), claims.c.state == "live")
        .values(state="released", reason=reason)
        .returning(claims.c.id)
    )
    return set(moved.scalars())


async def by_ids(conn: AsyncConnection, ids: Collection[str]) -> dict[ClaimId, ClaimRow]:
    """Whole, for who mends some; `standing_of` is for the many."""
    columns = (claims.c[name] for name in ClaimRow._fields)
    found = await conn.execute(select(*columns).where(is_among(conn, claims.c.id, ids)))
    return {row[0]: ClaimRow._make(row) for row in found}


async def of_drop(conn: AsyncConnection, drop_id: str) -> list[ClaimRow]:
    """All of them, the oldest first."""
    query = select(claims).where(claims.c.drop_id == drop_id).order_by(claims.c.won_at)
    return [ClaimRow(**row) for row in (await conn.execute(query)).mappings()]


async def of_student(conn: AsyncConnection, drop_id: str, student: str) -> ClaimRow | None:
    """The one that counts: a revoked claim does not."""
    query = select(claims).where(
        claims.c.drop_id == drop_id, claims.c.student == student, IS_COUNTED
    )
    row = (await conn.execute(query)).mappings().first()
    return ClaimRow(**row) if row else None


async def used_slots(conn: AsyncConnection, batch_id: str, student: str) -> set[Slot]:
    """By claims, and by codes that the student has bound."""
    of_claims = select(claims.c.slot).where(
        claims.c.batch_id == batch_id, claims.c.student == student, IS_COUNTED
    )
    of_codes = select(coupons.c.slot).where(
        coupons.c.batch_id == batch_id, coupons.c.student == student, IS_COUNTED_CODE
    )
    return set(await conn.scalars(of_claims.union(of_codes)))


async def taken_units(conn: AsyncConnection, drop_id: str) -> set[Unit]:
    query = select(claims.c.unit).where(claims.c.drop_id == drop_id, IS_LIVE)
    return set(await conn.scalars(query))


async def overfull_drops(conn: AsyncConnection, drop_ids: Collection[str]) -> set[DropId]:
    """Those that were closed, and hold claims on units that had gone back to the batch. No constraint
    can see that: it takes two tables."""
    gave_back = select(drops.c.id).where(is_among(conn, drops.c.id, drop_ids), drops.c.returned > 0)
    suspected = set(await conn.scalars(gave_back))
    if not suspected:
        return suspected  # nearly always
    held = (
        select(func.count())
        .where(claims.c.drop_id == drops.c.id, IS_LIVE)
        .correlate(drops)
        .scalar_subquery()
    )
    query = select(drops.c.id).where(
        drops.c.id.in_(suspected), drops.c.returned + held > drops.c.quantity
    )
    return set(await conn.scalars(query))


class CampaignClaim(NamedTuple):
    """A claim's slot of a campaign that has a limit for each student."""

    claim_id: ClaimId
    campaign_id: str
    student: StudentId
    slot: Slot
    per_student: int


async def count_in_campaigns(conn: AsyncConnection, rows: Sequence[CampaignClaim]) -> None:
    """A claim that is counted already stays so; a slot that is another's is an IntegrityError for all."""
    if rows:
        await insert_rows(conn, campaign_claims, CampaignClaim._fields, rows, "claim_id")


async def used_campaign_slots(conn: AsyncConnection, campaign_id: str, student: str) -> set[Slot]:
    query = select(campaign_claims.c.slot).where(
        campaign_claims.c.campaign_id == campaign_id, campaign_claims.c.student == student
    )
    return set(await conn.scalars(query))


async def drops_on_desk(conn: AsyncConnection, shard: int, closed_after: int) -> list[DropId]:
    """The drops that a desk has to know: not closed, or closed so lately that students come back
    for them."""
    of_shard = select(drops.c.id).where(drops.c.shard == shard)
    # Two looks, or all drops that ever were are read.
    under_way = of_shard.where(drops.c.state.in_(("opening", "open")))
    lately = of_shard.where(drops.c.closed_at > closed_after)
    return list(await conn.scalars(under_way.union(lately)))
