"""The books as a whole, for whoever checks them: counted from the rows, beside what counters say.

Called by flows/consistency/doctor.py and flows/consistency/repair.py. Drops come in pages, each as of one
moment: a ledger of years must not keep one statement busy for long.
"""

from collections import Counter as Tally
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import accumulate

from sqlalchemy import ColumnElement, FromClause, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.coupon_states import UNIT_USES, UnitUse
from server.core.drops.stock import Stock
from server.core.ids import ClaimId, StudentId, Unit
from server.ledger.tables import (
    allotments,
    batch_rooms,
    batches,
    claims,
    code_runs,
    coupons,
    dead_letters,
    drops,
    intents,
)

HELD = [state.value for state, use in UNIT_USES.items() if use is UnitUse.HELD]


@dataclass(frozen=True, slots=True)
class DropAudit:
    """`free`: units of its allotments without a live claim that have not gone back."""

    id: str
    room: str
    batch_id: str
    shard: int
    state: str
    live: int
    stock: Stock


@dataclass(frozen=True, slots=True)
class AllottedCounter:
    """Of a batch, or of a room's share of it: what it says, and what its drops and codes hold."""

    batch_id: str
    room: str | None
    allotted: int
    in_drops: int


@dataclass(frozen=True, slots=True)
class UnfinishedIntent:
    id: str
    kind: str
    drop_id: str
    created_at: int
    attempts: int
    error: str | None


async def page_of_drops(
    conn: AsyncConnection, after: str, limit: int, units: int
) -> tuple[list[DropAudit], bool]:
    """In the order of their ids, from behind `after`; without those that have no stock yet. At most `limit`
    drops, and of so many units that about `units` claims are counted. Whether there may be more."""
    names = ("id", "room", "batch_id", "shard", "state", "quantity", "returned")
    query = (
        select(*(drops.c[name] for name in names))
        .where(drops.c.id > after, drops.c.state != "prepared")
        .order_by(drops.c.id)
        .limit(limit)
    )
    found = (await conn.execute(query)).all()
    sums = accumulate(row.quantity for row in found)
    rows = [row for row, so_far in zip(found, sums, strict=True) if so_far <= units] or found[:1]
    ids = [row.id for row in rows]
    size = func.sum(allotments.c.last - allotments.c.first + 1)
    of_drops = await _by_drop(conn, allotments, size, ids, allotments.c.id.is_not(None))
    live = await _by_drop(conn, claims, func.count(), ids, claims.c.state == "live")
    held, redeemed = await _coupons_by_drop(conn, ids)
    audits = [
        DropAudit(
            id=one.id,
            room=one.room,
            batch_id=one.batch_id,
            shard=one.shard,
            state=one.state,
            live=live.get(one.id, 0),
            stock=Stock(
                one.quantity,
                # One that was closed while it was prepared never had units; all of it went back.
                of_drops.get(one.id, one.returned) - one.returned - live.get(one.id, 0),
                held[one.id],
                redeemed[one.id],
                one.returned,
            ),
        )
        for one in rows
    ]
    return audits, len(found) == limit or len(rows) < len(found)


async def _by_drop(
    conn: AsyncConnection,
    table: FromClause,
    counted: ColumnElement[int],
    drop_ids: Collection[str],
    condition: ColumnElement[bool],
) -> dict[str, int]:
    column = table.c.drop_id
    query = select(column, counted).where(column.in_(drop_ids), condition).group_by(column)
    return {row[0]: int(row[1]) for row in await conn.execute(query)}


async def _coupons_by_drop(
    conn: AsyncConnection, drop_ids: Collection[str]
) -> tuple[Tally[str], Tally[str]]:
    """How many are held, and how many redeemed."""
    columns = (coupons.c.drop_id, coupons.c.state)
    query = select(*columns, func.count()).where(coupons.c.drop_id.in_(drop_ids))
    held, redeemed = Tally[str](), Tally[str]()
    for drop_id, state, count in await conn.execute(query.group_by(*columns)):
        if state in HELD:
            held[drop_id] += count
        elif state == "redeemed":
            redeemed[drop_id] += count
    return held, redeemed


async def mismatched_counters(conn: AsyncConnection) -> list[AllottedCounter]:
    """Batches and shares whose `allotted` is not what their drops hold."""
    holds = func.sum(drops.c.quantity - drops.c.returned)
    query = select(drops.c.batch_id, drops.c.room, holds).where(drops.c.state != "prepared")
    rows = await conn.execute(query.group_by(drops.c.batch_id, drops.c.room))
    of_room = {(row[0], row[1]): int(row[2]) for row in rows}
    of_batch: dict[str, int] = {}
    for (batch_id, _), units in of_room.items():
        of_batch[batch_id] = of_batch.get(batch_id, 0) + units
    in_codes = select(code_runs.c.batch_id, func.sum(code_runs.c.quantity))
    for batch_id, units in await conn.execute(in_codes.group_by(code_runs.c.batch_id)):
        of_batch[batch_id] = of_batch.get(batch_id, 0) + int(units)
    found = [
        AllottedCounter(row[0], None, row[1], of_batch.get(row[0], 0))
        for row in await conn.execute(select(batches.c.id, batches.c.allotted))
    ]
    shares = select(batch_rooms.c.batch_id, batch_rooms.c.room, batch_rooms.c.allotted)
    found += [
        AllottedCounter(row[0], row[1], row[2], of_room.get((row[0], row[1]), 0))
        for row in await conn.execute(shares)
    ]
    return [one for one in found if one.allotted != one.in_drops]


async def correct_counters(conn: AsyncConnection, batch_id: str) -> None:
    """Sets what a batch and its shares say to what their drops hold. IntegrityError where that is more
    than there is. Whoever moves units changes the batch's row in the same transaction: with that row
    held, what is counted is what the row has to say."""
    await conn.execute(select(batches.c.id).where(batches.c.id == batch_id).with_for_update())
    for one in await mismatched_counters(conn):
        if one.batch_id != batch_id:
            continue
        if one.room is None:
            row = update(batches).where(batches.c.id == batch_id)
        else:
            row = update(batch_rooms).where(
                batch_rooms.c.batch_id == batch_id, batch_rooms.c.room == one.room
            )
        await conn.execute(row.values(allotted=one.in_drops))


async def unfinished_intents(conn: AsyncConnection, before: int) -> list[UnfinishedIntent]:
    """Intents written until `before` that are not done."""
    query = (
        select(intents)
        .where(intents.c.done_at.is_(None), intents.c.created_at <= before)
        .order_by(intents.c.created_at, intents.c.id)
    )
    return [
        UnfinishedIntent(
            row["id"],
            row["kind"],
            row["drop_id"],
            row["created_at"],
            row["attempts"],
            row["last_error"],
        )
        for row in (await conn.execute(query)).mappings()
    ]


async def live_claims(conn: AsyncConnection, drop_id: str) -> dict[ClaimId, tuple[StudentId, Unit]]:
    """Claim -> student and unit."""
    query = select(claims.c.id, claims.c.student, claims.c.unit).where(
        claims.c.drop_id == drop_id, claims.c.state == "live"
    )
    return {row[0]: (row[1], row[2]) for row in await conn.execute(query)}


async def claim_states(conn: AsyncConnection, claim_ids: Sequence[str]) -> dict[ClaimId, str]:
    """Claim -> live, released, revoked, or dead for one that was set aside; absent: not known here."""
    found: dict[ClaimId, str] = {}
    for start in range(0, len(claim_ids), 500):
        ids = claim_ids[start : start + 500]
        dead = select(dead_letters.c.claim_id).where(dead_letters.c.claim_id.in_(ids))
        found |= {claim_id: "dead" for claim_id in await conn.scalars(dead)}
        query = select(claims.c.id, claims.c.state).where(claims.c.id.in_(ids))
        found |= {row[0]: row[1] for row in await conn.execute(query)}
    return found


async def existing_drops(conn: AsyncConnection, drop_ids: Collection[str]) -> set[str]:
    return set(await conn.scalars(select(drops.c.id).where(drops.c.id.in_(drop_ids))))


async def row_counts(conn: AsyncConnection) -> tuple[int, int, int]:
    """Drops, open drops, batches."""
    open_ones = select(func.count()).select_from(drops).where(drops.c.state == "open")
    all_drops = select(func.count()).select_from(drops)
    all_batches = select(func.count()).select_from(batches)
    counted = [await conn.scalar(query) for query in (all_drops, open_ones, all_batches)]
    return int(counted[0] or 0), int(counted[1] or 0), int(counted[2] or 0)
