"""Moves what one account has to another account of the same person, in the rows.

Called by flows/students/merge.py inside its transaction. Every function may be repeated. Orders keep what was
bought and paid, and from now on name the account that is left.
"""

from typing import NamedTuple

from sqlalchemy import ColumnElement, delete, exists, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.ids import BatchId, ClaimId, CouponId, DropId, Slot, StudentId
from server.ledger.bulk import insert_into
from server.ledger.tables import (
    balances,
    batches,
    campaign_claims,
    claims,
    coupons,
    drops,
    rebates,
    redemptions,
    student_facts,
    student_persons,
    student_tags,
    template_uses,
)


class OwnCoupon(NamedTuple):
    """A coupon of a student that counts for limits. `claim_id` and `drop_id` are None where no claim gave
    it; `shard` is that of its batch.
    """

    id: CouponId
    batch_id: BatchId
    slot: Slot | None
    claim_id: ClaimId | None
    drop_id: DropId | None
    state: str
    per_student: int
    shard: int
    is_batch_on_desk: bool


async def lock_coupons(conn: AsyncConnection, student: str) -> None:
    """Lock the rows of the student's coupons, in the order of their ids."""
    mine = select(coupons.c.id).where(coupons.c.student == student)
    await conn.execute(mine.order_by(coupons.c.id).with_for_update())


async def coupons_of(conn: AsyncConnection, student: str) -> list[OwnCoupon]:
    """Return the student's coupons, oldest first."""
    columns = (coupons.c[name] for name in OwnCoupon._fields[:6])
    has_desk = batches.c.quantity.is_not(None)
    query = select(*columns, batches.c.per_student, batches.c.shard, has_desk).join(
        batches, batches.c.id == coupons.c.batch_id
    )
    rows = await conn.execute(query.where(coupons.c.student == student).order_by(coupons.c.id))
    return [OwnCoupon._make(row) for row in rows]


async def used_slots(conn: AsyncConnection, batch_id: str, student: str) -> set[Slot]:
    """Return the slots of the batch that the student's claims and coupons have used."""
    of_claims = select(claims.c.slot).where(
        claims.c.batch_id == batch_id, claims.c.student == student, claims.c.state != "revoked"
    )
    of_coupons = select(coupons.c.slot).where(
        coupons.c.batch_id == batch_id,
        coupons.c.student == student,
        coupons.c.state != "revoked",
        coupons.c.slot.is_not(None),
    )
    return set(await conn.scalars(of_claims.union(of_coupons)))


async def move_coupon(
    conn: AsyncConnection, one: OwnCoupon, into: StudentId, slot: Slot | None
) -> bool:
    """Give the coupon to `into` on this slot, with its claim; return whether the claim moved too.

    The claim stays where it is if `into` has a claim of the drop, or no slot is free: a claim needs a slot.
    """
    moves = False
    if one.claim_id is not None and slot is not None:
        other = claims.alias()
        has_one = exists().where(
            other.c.drop_id == one.drop_id, other.c.student == into, other.c.state != "revoked"
        )
        moved = await conn.execute(
            update(claims)
            .where(claims.c.id == one.claim_id, ~has_one)
            .values(student=into, slot=slot)
        )
        moves = moved.rowcount == 1
    kept = slot if moves or one.claim_id is None else None
    await conn.execute(
        update(coupons).where(coupons.c.id == one.id).values(student=into, slot=kept)
    )
    return moves


async def move_campaign_slots(conn: AsyncConnection, student: StudentId, into: StudentId) -> None:
    """Give the slots of campaigns to `into`, on free ones. One for which none is free stays."""
    table = campaign_claims.c
    mine = select(table.campaign_id, table.slot, table.per_student).where(
        _is_of_moved(into), table.student == student
    )
    for campaign_id, slot, most in (await conn.execute(mine)).all():
        used = set(
            await conn.scalars(
                select(table.slot).where(table.campaign_id == campaign_id, table.student == into)
            )
        )
        free = next((n for n in (slot, *range(1, most + 1)) if n not in used), None)
        if free is not None:
            await conn.execute(
                update(campaign_claims)
                .where(
                    table.campaign_id == campaign_id, table.student == student, table.slot == slot
                )
                .values(student=into, slot=free)
            )


def _is_of_moved(into: str) -> ColumnElement[bool]:
    """Return whether a slot of a campaign is of a coupon that is `into`'s by now."""
    its = coupons.c
    of_it = (its.id == campaign_claims.c.coupon_id) | (its.claim_id == campaign_claims.c.claim_id)
    return exists().where(its.student == into, of_it)


async def campaign_slots(conn: AsyncConnection, student: str) -> dict[tuple[str, int], set[Slot]]:
    """Return the student's used slots by campaign and desk shard."""
    its, found = campaign_claims.c, dict[tuple[str, int], set[Slot]]()
    of_it = (coupons.c.id == its.coupon_id) | (coupons.c.claim_id == its.claim_id)
    rows = select(its.campaign_id, batches.c.shard, its.slot).select_from(
        campaign_claims.join(coupons, of_it).join(batches, batches.c.id == coupons.c.batch_id)
    )
    query = rows.where(coupons.c.student == student, its.student == student)
    for campaign_id, shard, slot in await conn.execute(query):
        found.setdefault((campaign_id, shard), set()).add(slot)
    return found


async def move_orders(conn: AsyncConnection, student: StudentId, into: StudentId) -> int:
    """Let the orders that hold a coupon of `into`, and what they earn, name `into`; return how many."""
    holding = select(coupons.c.redemption_id).where(
        coupons.c.student == into, coupons.c.redemption_id.is_not(None)
    )
    orders = redemptions.c.student == student, redemptions.c.id.in_(holding)
    moved = await conn.execute(update(redemptions).where(*orders).values(student=into))
    earned = rebates.c.student == student, rebates.c.redemption_id.in_(holding)
    await conn.execute(update(rebates).where(*earned).values(student=into))
    return moved.rowcount


async def add_up_uses(conn: AsyncConnection, student: StudentId, into: StudentId) -> None:
    """Add what the student has used of each template to what `into` has."""
    its = template_uses.c
    mine = select(its.template_id, literal(into), its.uses).where(its.student == student)
    added = insert_into(conn.dialect, template_uses).from_select(
        ["template_id", "student", "uses"], mine
    )
    await conn.execute(
        added.on_conflict_do_update(
            index_elements=["template_id", "student"],
            set_={"uses": its.uses + added.excluded.uses},
        )
    )
    await conn.execute(delete(template_uses).where(its.student == student))


async def balances_of(conn: AsyncConnection, student: str) -> dict[str, int]:
    """Return the balances that are not 0 by currency, and lock their rows."""
    query = select(balances.c.currency, balances.c.amount).where(
        balances.c.student == student, balances.c.amount != 0
    )
    rows = await conn.execute(query.order_by(balances.c.currency).with_for_update())
    return {row[0]: row[1] for row in rows}


async def move_person(conn: AsyncConnection, student: StudentId, into: StudentId) -> None:
    """Let `into` be the account of the student's person, if its own is not known."""
    knows = await conn.scalar(
        select(student_persons.c.student).where(student_persons.c.student == into)
    )
    mine = student_persons.c.student == student
    if knows is None:
        await conn.execute(update(student_persons).where(mine).values(student=into))
    else:
        await conn.execute(delete(student_persons).where(mine))


async def copy_traits(conn: AsyncConnection, student: StudentId, into: StudentId) -> None:
    """Give `into` the student's tags and facts, except facts that it has already."""
    tags = select(literal(into), student_tags.c.tag).where(student_tags.c.student == student)
    added = insert_into(conn.dialect, student_tags).from_select(["student", "tag"], tags)
    await conn.execute(added.on_conflict_do_nothing())
    names = [one.name for one in student_facts.columns if one.name != "student"]
    facts = select(literal(into), *(student_facts.c[name] for name in names)).where(
        student_facts.c.student == student
    )
    told = insert_into(conn.dialect, student_facts).from_select(["student", *names], facts)
    await conn.execute(told.on_conflict_do_nothing())


async def shard_of_drop(conn: AsyncConnection, drop_id: str, closed_after: int) -> int | None:
    """Return the shard whose desk has the drop; None if it is closed since before `closed_after`."""
    query = select(drops.c.shard).where(
        drops.c.id == drop_id, drops.c.closed_at.is_(None) | (drops.c.closed_at > closed_after)
    )
    shard: int | None = await conn.scalar(query)
    return shard
