"""Claims as rows: inserted once, read back, released or revoked.

Called by flows/drops/claims/persist_claims.py, end_holds.py and the rebuild of a desk inside their
transactions. The constraints of tables/ refuse a unit that does not exist or that is taken; an IntegrityError
is passed on.
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

# Why a claim was revoked before it was confirmed.
REASON_NOTHING_LEFT = "nothing_left"  # its student was told `won` and gets an apology
REASON_DUPLICATE = "duplicate"  # its student has another claim of the drop


# Literals and not parameters: else no database uses the partial indexes of tables/, and reads all claims.
IS_LIVE = claims.c.state == literal("live", literal_execute=True)
IS_COUNTED = claims.c.state != literal("revoked", literal_execute=True)  # counts against limits
# A bound code: a coupon without claim that belongs to a student.
IS_COUNTED_CODE = and_(
    coupons.c.claim_id.is_(None),
    coupons.c.slot.is_not(None),
    coupons.c.state != literal("revoked", literal_execute=True),
)


class ClaimRow(NamedTuple):
    """A claim as the ledger has it, in the order of `insert_new`. Instants are in ms.

    The copies of the allotment's bounds and of `per_student` let CHECKs refuse a wrong unit or slot.
    """

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
    """The fields of a claim that say what has become of it."""

    id: ClaimId
    state: State
    reason: str | None
    confirmed_at: int
    slot: Slot


async def insert_new(conn: AsyncConnection, rows: Sequence[ClaimRow]) -> bool:
    """Insert the claims. A claim id that exists already is a redelivery and changes nothing.

    Any other conflict is an IntegrityError for all rows. True: all are new. False: some may have existed,
    with other values; read `standing_of`.
    """
    return await insert_rows(conn, claims, ClaimRow._fields, rows, "id")


async def standing_of(conn: AsyncConnection, ids: Collection[str]) -> dict[ClaimId, ClaimStanding]:
    """Return the standing of these claims by id."""
    columns = (claims.c[name] for name in ClaimStanding._fields)
    found = await conn.execute(select(*columns).where(is_among(conn, claims.c.id, ids)))
    return {row[0]: ClaimStanding._make(row) for row in found}


async def release(conn: AsyncConnection, ids: Collection[str], reason: str) -> set[ClaimId]:
    """Release those of these claims that are live; return their ids.

    Their slots stay used. Otherwise a student could claim, let the hold end, and claim again without end.
    """
    moved = await conn.execute(
        update(claims)
        .where(claims.c.id.in_(ids), claims.c.state == "live")
        .values(state="released", reason=reason)
        .returning(claims.c.id)
    )
    return set(moved.scalars())


async def by_ids(conn: AsyncConnection, ids: Collection[str]) -> dict[ClaimId, ClaimRow]:
    """Return whole claims by id, for repairs of a few; `standing_of` reads many."""
    columns = (claims.c[name] for name in ClaimRow._fields)
    found = await conn.execute(select(*columns).where(is_among(conn, claims.c.id, ids)))
    return {row[0]: ClaimRow._make(row) for row in found}


async def of_drop(conn: AsyncConnection, drop_id: str) -> list[ClaimRow]:
    """Return all claims of the drop, oldest first."""
    query = select(claims).where(claims.c.drop_id == drop_id).order_by(claims.c.won_at)
    return [ClaimRow(**row) for row in (await conn.execute(query)).mappings()]


async def of_student(conn: AsyncConnection, drop_id: str, student: str) -> ClaimRow | None:
    """Return the student's claim of the drop that is not revoked."""
    query = select(claims).where(
        claims.c.drop_id == drop_id, claims.c.student == student, IS_COUNTED
    )
    row = (await conn.execute(query)).mappings().first()
    return ClaimRow(**row) if row else None


async def used_slots(conn: AsyncConnection, batch_id: str, student: str) -> set[Slot]:
    """Return the slots of the batch that the student has used, by claims and by bound codes."""
    of_claims = select(claims.c.slot).where(
        claims.c.batch_id == batch_id, claims.c.student == student, IS_COUNTED
    )
    of_codes = select(coupons.c.slot).where(
        coupons.c.batch_id == batch_id, coupons.c.student == student, IS_COUNTED_CODE
    )
    return set(await conn.scalars(of_claims.union(of_codes)))


async def used_slots_of_many(
    conn: AsyncConnection, batch_id: str, students: Collection[StudentId]
) -> dict[StudentId, set[Slot]]:
    """Return the slots of the batch that these students have used, without students who have used none."""
    found: dict[StudentId, set[Slot]] = {}
    for table, counts in ((claims, IS_COUNTED), (coupons, IS_COUNTED_CODE)):
        query = select(table.c.student, table.c.slot).where(
            table.c.batch_id == batch_id, is_among(conn, table.c.student, students), counts
        )
        for student, slot in await conn.execute(query):
            found.setdefault(student, set()).add(slot)
    return found


async def taken_units(conn: AsyncConnection, drop_id: str) -> set[Unit]:
    """Return the units of the drop that have a live claim."""
    query = select(claims.c.unit).where(claims.c.drop_id == drop_id, IS_LIVE)
    return set(await conn.scalars(query))


async def overfull_drops(conn: AsyncConnection, drop_ids: Collection[str]) -> set[DropId]:
    """Return closed drops that have live claims on units that went back to the batch.

    No constraint refuses such a claim, because that needs two tables.
    """
    gave_back = select(drops.c.id).where(is_among(conn, drops.c.id, drop_ids), drops.c.returned > 0)
    suspected = set(await conn.scalars(gave_back))
    if not suspected:
        return suspected  # the usual case
    live = (
        select(func.count())
        .where(claims.c.drop_id == drops.c.id, IS_LIVE)
        .correlate(drops)
        .scalar_subquery()
    )
    query = select(drops.c.id).where(
        drops.c.id.in_(suspected), drops.c.returned + live > drops.c.quantity
    )
    return set(await conn.scalars(query))


class CampaignClaim(NamedTuple):
    """The slot of a claim in a campaign that has a limit for each student."""

    claim_id: ClaimId
    campaign_id: str
    student: StudentId
    slot: Slot
    per_student: int


async def count_in_campaigns(conn: AsyncConnection, rows: Sequence[CampaignClaim]) -> None:
    """Insert the slots. A claim that is counted already is skipped; a slot that another claim has is an
    IntegrityError for all rows.
    """
    if rows:
        await insert_rows(conn, campaign_claims, CampaignClaim._fields, rows, "claim_id")


async def used_campaign_slots(conn: AsyncConnection, campaign_id: str, student: str) -> set[Slot]:
    query = select(campaign_claims.c.slot).where(
        campaign_claims.c.campaign_id == campaign_id, campaign_claims.c.student == student
    )
    return set(await conn.scalars(query))


async def used_campaign_slots_of_many(
    conn: AsyncConnection, campaign_id: str, students: Collection[StudentId]
) -> dict[StudentId, set[Slot]]:
    """Return the slots of the campaign that these students have used, without students who have used none."""
    query = select(campaign_claims.c.student, campaign_claims.c.slot).where(
        campaign_claims.c.campaign_id == campaign_id,
        is_among(conn, campaign_claims.c.student, students),
    )
    found: dict[StudentId, set[Slot]] = {}
    for student, slot in await conn.execute(query):
        found.setdefault(student, set()).add(slot)
    return found


async def drops_on_desk(conn: AsyncConnection, shard: int, closed_after: int) -> list[DropId]:
    """Return the drops that a desk must have: open ones, and those closed after `closed_after` (ms), which
    students still see.
    """
    of_shard = select(drops.c.id).where(drops.c.shard == shard)
    # Two queries: with one OR the database would read all drops.
    under_way = of_shard.where(drops.c.state.in_(("opening", "open")))
    lately = of_shard.where(drops.c.closed_at > closed_after)
    return list(await conn.scalars(under_way.union(lately)))
