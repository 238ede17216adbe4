"""Counts units, claims and coupons from the rows, to be compared with the stored counters.

Called by the doctor's checks and repair (flows/consistency). Drops are read in pages, each in one snapshot:
in an old ledger one statement over everything would take too long.
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
from server.ledger.offers import offers as offer_rows
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
    """A drop with its live claims and its stock, counted from the rows."""

    id: str
    room: str
    batch_id: str
    shard: int
    state: str
    live: int
    stock: Stock


@dataclass(frozen=True, slots=True)
class AllottedCounter:
    """The counter of a batch, or of a room's quota of it: the stored number of allotted units, and the number
    that its drops and codes have.
    """

    batch_id: str
    room: str | None
    allotted: int
    in_drops: int


@dataclass(frozen=True, slots=True)
class UnfinishedIntent:
    """An intent that is not done, with its last error."""

    id: str
    kind: str
    drop_id: str
    created_at: int
    attempts: int
    error: str | None


async def page_of_drops(
    conn: AsyncConnection, after: str, limit: int, units: int
) -> tuple[list[DropAudit], bool]:
    """Return a page of drops that have stock, in the order of ids, after `after`; and whether there may be
    more.

    The page has at most `limit` drops with about `units` units in all, which bounds the claims that are
    counted.
    """
    names = ("id", "room", "batch_id", "shard", "state", "quantity", "returned")
    query = (
        select(*(drops.c[name] for name in names))
        .where(drops.c.id > after, *_WITH_STOCK)
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
                # A drop that was closed while prepared never had units: all of it counts as returned.
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
    """Count held and redeemed coupons by drop."""
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
    """Return counters of batches and room quotas that differ from the units of their drops, codes,
    issued coupons and offers."""
    in_drops = func.sum(drops.c.quantity - drops.c.returned)
    query = select(drops.c.batch_id, drops.c.room, in_drops).where(*_WITH_STOCK)
    rows = await conn.execute(query.group_by(drops.c.batch_id, drops.c.room))
    of_room = {(row[0], row[1]): int(row[2]) for row in rows}
    of_batch: dict[str, int] = {}
    for (batch_id, _), units in of_room.items():
        of_batch[batch_id] = of_batch.get(batch_id, 0) + units
    in_codes = select(code_runs.c.batch_id, func.sum(code_runs.c.quantity))
    for batch_id, units in await conn.execute(in_codes.group_by(code_runs.c.batch_id)):
        of_batch[batch_id] = of_batch.get(batch_id, 0) + int(units)
    given = select(coupons.c.batch_id, func.count()).where(
        coupons.c.issuance_id.is_not(None), coupons.c.state != "revoked"
    )
    for batch_id, units in await conn.execute(given.group_by(coupons.c.batch_id)):
        of_batch[batch_id] = of_batch.get(batch_id, 0) + int(units)
    for batch_id, units in await conn.execute(offer_rows.units_by_batch()):
        of_batch[batch_id] = of_batch.get(batch_id, 0) + int(units)
    for batch_id, room, units in await conn.execute(offer_rows.units_by_room()):
        of_room[batch_id, room] = of_room.get((batch_id, room), 0) + int(units)
    found = [
        AllottedCounter(row[0], None, row[1], of_batch.get(row[0], 0))
        for row in await conn.execute(select(batches.c.id, batches.c.allotted))
    ]
    quotas = select(batch_rooms.c.batch_id, batch_rooms.c.room, batch_rooms.c.allotted)
    found += [
        AllottedCounter(row[0], row[1], row[2], of_room.get((row[0], row[1]), 0))
        for row in await conn.execute(quotas)
    ]
    return [one for one in found if one.allotted != one.in_drops]


async def correct_counters(conn: AsyncConnection, batch_id: str) -> None:
    """Set the counters of a batch and its room quotas to the units of its drops and codes.

    Locks the batch's row: every transaction that moves units changes it, so the count cannot change
    meanwhile. IntegrityError: they have more units than the batch.
    """
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
    """Return intents that were written until `before` (ms) and are not done, oldest first."""
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
    """Return the drop's live claims: claim id -> (student, unit)."""
    query = select(claims.c.id, claims.c.student, claims.c.unit).where(
        claims.c.drop_id == drop_id, claims.c.state == "live"
    )
    return {row[0]: (row[1], row[2]) for row in await conn.execute(query)}


async def claim_states(conn: AsyncConnection, claim_ids: Sequence[str]) -> dict[ClaimId, str]:
    """Return claim id -> live, released, revoked, or dead for a dead letter; unknown claims are left out."""
    found: dict[ClaimId, str] = {}
    for start in range(0, len(claim_ids), 500):
        ids = claim_ids[start : start + 500]
        dead = select(dead_letters.c.claim_id).where(dead_letters.c.claim_id.in_(ids))
        found |= {claim_id: "dead" for claim_id in await conn.scalars(dead)}
        query = select(claims.c.id, claims.c.state).where(claims.c.id.in_(ids))
        found |= {row[0]: row[1] for row in await conn.execute(query)}
    return found


async def existing_drops(conn: AsyncConnection, drop_ids: Collection[str]) -> set[str]:
    """Return those of these drops that the ledger has."""
    return set(await conn.scalars(select(drops.c.id).where(drops.c.id.in_(drop_ids))))


async def row_counts(conn: AsyncConnection) -> tuple[int, int, int]:
    """Return the numbers of drops, open drops and batches."""
    open_ones = select(func.count()).select_from(drops).where(drops.c.state == "open")
    all_drops = select(func.count()).select_from(drops)
    all_batches = select(func.count()).select_from(batches)
    counted = [await conn.scalar(query) for query in (all_drops, open_ones, all_batches)]
    return int(counted[0] or 0), int(counted[1] or 0), int(counted[2] or 0)


# A rehearsal took nothing from its batch, and has no claims and coupons.
_WITH_STOCK = (drops.c.state != "prepared", drops.c.rehearsal.is_(False))
