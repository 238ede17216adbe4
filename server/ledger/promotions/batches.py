"""Batches as rows, with the quotas of their rooms.

Called by flows and, for reading, by the API. batch_stock.py moves units between a batch and its drops.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

from sqlalchemy import (
    bindparam,
    delete,
    exists,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.promotions.batches import Batch, ClaimWindow, RoomQuota
from server.core.promotions.claim_conditions import (
    ClaimConditions,
    conditions_to_json,
    read_conditions,
)
from server.ledger.tables import (
    batch_rooms,
    batches,
    code_runs,
    coupons,
    drops,
    template_versions,
)
from server.ledger.together import Fields, Reading, Rows


async def insert_batch(conn: AsyncConnection, batch: Batch) -> None:
    """Insert the batch and its room quotas."""
    await conn.execute(insert(batches).values(_columns(batch)))
    await _insert_rooms(conn, batch)


async def find(
    conn: AsyncConnection, batch_id: str, *, for_key_share: bool = False
) -> Batch | None:
    """Return the batch. `for_key_share` locks its row against edits until the transaction ends; units may
    still be taken.
    """
    query = _BY_ID_FOR_KEY_SHARE if for_key_share else _BY_ID
    rows = (await conn.execute(query, {"of": batch_id})).mappings().all()
    found = await _with_rooms(conn, rows)
    return found[0] if found else None


async def claimable_until(
    conn: AsyncConnection, from_at: int, until_at: int
) -> list[tuple[int, str]]:
    """Return (shard, id) of batches whose claim window ended in [from_at, until_at)."""
    query = select(batches.c.shard, batches.c.id).where(
        batches.c.claim_until >= from_at, batches.c.claim_until < until_at
    )
    return [(shard, batch_id) for shard, batch_id in await conn.execute(query)]


async def page(
    conn: AsyncConnection,
    limit: int,
    after: str | None = None,
    rooms: Collection[str] | None = None,
) -> list[Batch]:
    """Return a page of batches, newest first, that begins after the batch `after`.

    `rooms` restricts it to batches that one of these rooms may drop.
    """
    query = select(batches).order_by(batches.c.id.desc()).limit(limit)
    if after is not None:
        query = query.where(batches.c.id < after)
    if rooms is not None:
        has_quota = exists().where(
            batch_rooms.c.batch_id == batches.c.id, batch_rooms.c.room.in_(rooms)
        )
        query = query.where(batches.c.quantity.is_not(None), or_(batches.c.any_room, has_quota))
    return await _with_rooms(conn, (await conn.execute(query)).mappings().all())


@dataclass(frozen=True, slots=True)
class BatchSummary:
    """The part of a batch that a drop's view shows, and which accounts may claim. `discount` is the API's
    JSON.
    """

    name: str
    currency: str
    discount: Mapping[str, object]
    conditions: ClaimConditions


async def summaries_of(
    conn: AsyncConnection, batch_ids: Collection[str]
) -> dict[str, BatchSummary]:
    found = await conn.execute(SUMMARIES.query, {"batch_ids": list(batch_ids)})
    return _summaries(found.mappings().all())


def _summaries(rows: Rows) -> dict[str, BatchSummary]:
    return {
        row["id"]: BatchSummary(
            row["name"], row["currency"], row["discount"], read_conditions(row["claim_conditions"])
        )
        for row in rows
    }


_OF_TEMPLATE = (template_versions.c[name] for name in ("name", "currency", "discount"))
SUMMARIES = Reading(
    select(batches.c.id, *_OF_TEMPLATE, batches.c.claim_conditions)
    .join(template_versions)
    .where(batches.c.id.in_(bindparam("batch_ids", expanding=True))),
    _summaries,
)


async def find_for_update(conn: AsyncConnection, batch_id: str) -> Batch | None:
    """Return the batch and lock its row until the transaction ends.

    No other transaction takes units of the batch, or creates a drop or codes of it, meanwhile.
    """
    await conn.execute(select(batches.c.id).where(batches.c.id == batch_id).with_for_update())
    return await find(conn, batch_id)


async def is_used(conn: AsyncConnection, batch_id: str) -> bool:
    """Return whether the batch has drops (also prepared ones, but no rehearsals), codes or coupons."""
    dropped = exists().where(drops.c.batch_id == batch_id, drops.c.rehearsal.is_(False))
    made = [dropped, exists().where(code_runs.c.batch_id == batch_id)]
    given = exists().where(coupons.c.batch_id == batch_id, coupons.c.claim_id.is_(None))
    return bool(await conn.scalar(select(or_(*made, given))))


async def replace(conn: AsyncConnection, batch: Batch) -> None:
    """Overwrite the row of the batch. The caller has locked the row and passes `allotted` unchanged."""
    await conn.execute(update(batches).where(batches.c.id == batch.id).values(_columns(batch)))
    stored = select(batch_rooms.c.room, batch_rooms.c.quantity).where(
        batch_rooms.c.batch_id == batch.id
    )
    before = {(row[0], row[1]) for row in await conn.execute(stored)}
    if before != {(quota.room, quota.quantity) for quota in batch.rooms or ()}:
        await conn.execute(delete(batch_rooms).where(batch_rooms.c.batch_id == batch.id))
        await _insert_rooms(conn, batch)


async def end(conn: AsyncConnection, batch_id: str, by: str, reason: str, now: int) -> None:
    """Write that the batch has ended for good. The caller has locked its row."""
    ended = {"ended_at": now, "ended_by": by, "end_reason": reason}
    version = {"version": batches.c.version + 1}
    await conn.execute(update(batches).where(batches.c.id == batch_id).values(**ended, **version))


class OpenDrop(NamedTuple):
    """A drop or link that is open or being opened. `openings`: how often it was opened."""

    id: str
    mode: str
    openings: int


async def lock_open_drops(conn: AsyncConnection, batch_id: str) -> list[OpenDrop]:
    """Lock the open drops of the batch against removal until the transaction ends, and return them.

    Lock order: before the batch. Drops that are opened meanwhile need a second call, with the batch locked.
    """
    d = drops.c
    query = select(d.id, d.mode, d.openings).where(
        d.batch_id == batch_id, d.state.in_(("opening", "open"))
    )
    query = query.order_by(d.id).with_for_update(read=True, key_share=True)
    return [OpenDrop(*row) for row in await conn.execute(query)]


async def claim_ends(conn: AsyncConnection, batch_ids: Collection[str]) -> dict[str, int | None]:
    """Return the present end of each batch's claim window (ms); None where it has no window."""
    query = select(batches.c.id, batches.c.claim_until).where(batches.c.id.in_(batch_ids))
    return {row[0]: row[1] for row in await conn.execute(query)}


async def _insert_rooms(conn: AsyncConnection, batch: Batch) -> None:
    if batch.rooms:
        await conn.execute(
            insert(batch_rooms),
            [{"batch_id": batch.id, **asdict(quota)} for quota in batch.rooms],
        )


async def _with_rooms(conn: AsyncConnection, rows: Sequence[RowMapping]) -> list[Batch]:
    restricted = [row["id"] for row in rows if not row["any_room"]]
    quotas: defaultdict[str, list[RoomQuota]] = defaultdict(list)
    if restricted:
        query = select(batch_rooms).where(batch_rooms.c.batch_id.in_(restricted))
        for row in (await conn.execute(query.order_by(batch_rooms.c.room))).mappings():
            quotas[row["batch_id"]].append(_quota(row))
    return [_batch(row, None if row["any_room"] else tuple(quotas[row["id"]])) for row in rows]


def batch_of(rows: Rows, rooms: Rows) -> Batch | None:
    """Return the batch of the results of ROW, or LOCKED_AGAINST_EDITS, and ROOMS."""
    if not rows:
        return None
    return _batch(rows[0], None if rows[0]["any_room"] else tuple(_quota(row) for row in rooms))


def _quota(row: Fields) -> RoomQuota:
    return RoomQuota(row["room"], row["quantity"], row["allotted"])


def _batch(row: Fields, rooms: tuple[RoomQuota, ...] | None) -> Batch:
    window = None
    if row["claim_from"] is not None:
        window = ClaimWindow(row["claim_from"], row["claim_until"])
    plain = {name: row[name] for name in _PLAIN}
    conditions = read_conditions(row["claim_conditions"])
    reminders = row["remind_before"]
    return Batch(
        **plain,
        rooms=rooms,
        claim_window=window,
        conditions=conditions,
        remind_before=None if reminders is None else tuple(reminders),
    )


def _columns(batch: Batch) -> dict[str, object]:
    window = batch.claim_window
    return {
        **{name: getattr(batch, name) for name in _PLAIN},
        "metadata": dict(batch.metadata),
        "any_room": batch.rooms is None,
        "remind_before": None if batch.remind_before is None else list(batch.remind_before),
        "claim_from": window and window.from_at,
        "claim_until": window and window.until_at,
        "claim_conditions": (
            None if batch.conditions.is_anybody else conditions_to_json(batch.conditions)
        ),
    }


# Built once: these run between the teacher's click and the students' card.
_BY_ID = select(batches).where(batches.c.id == bindparam("of"))
_BY_ID_FOR_KEY_SHARE = _BY_ID.with_for_update(read=True, key_share=True)
# For what is read together with a batch, with the parameter `batch`.
ROW = Reading(select(batches).where(batches.c.id == bindparam("batch")), list)
LOCKED_AGAINST_EDITS = Reading(ROW.query.with_for_update(read=True, key_share=True), list)
ROOMS = Reading(
    select(batch_rooms)
    .where(batch_rooms.c.batch_id == bindparam("batch"))
    .order_by(batch_rooms.c.room),
    list,
)
# Columns that are fields under the same name.
_PLAIN = (
    *("id", "template_id", "template_version", "name", "quantity", "allotted", "channel"),
    *("per_student", "code_prefix", "hold_seconds", "campaign_id", "shard", "metadata"),
    *("created_by", "created_at", "version", "per_campaign", "greatest_discount"),
    *("max_per_minute", "per_person", "per_device", "ended_at", "ended_by", "end_reason"),
)
