"""A claim that the ledger would not take as the desk sold it: another seat, an apology, or set aside.

Called by flows/drops/persist_claims.py for one entry at a time, after bisection. It happens when the desk has
lost its tail (a restored copy, a replica that lagged) and sold something twice. The student was told
`won`, so first another free unit is looked for; students never see unit numbers.
"""

from collections.abc import Sequence
from enum import Enum, auto

from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.drops.drops import Allotment, DropState
from server.desk.outbox import OutboxEntry
from server.ledger import desks
from server.ledger.drops import claims, drops
from server.ledger.drops.claims import (
    DUPLICATE,
    NOTHING_LEFT,
    CampaignClaim,
    ClaimRow,
    ClaimStanding,
)
from server.ledger.drops.drops import DropRow
from server.ledger.engine import Ledger
from server.ledger.promotions import batches


class ReassignOutcome(Enum):
    REASSIGNED = auto()  # it has a unit and a slot now; its coupon is still to be made
    DUPLICATE = auto()  # the student holds another claim of this drop: nothing is lost
    NOTHING_LEFT = auto()  # revoked: the student is owed an apology
    DEAD_LETTER = auto()  # no transaction will ever take it: a person has to look


async def reassign(
    ledger: Ledger, entry: OutboxEntry, now: int, error: Exception
) -> ReassignOutcome:
    """LedgerUnavailableError passes: that is no verdict on the entry."""
    try:
        async with ledger.begin() as conn:
            # Alone on its shard: a seat that is free now is free when it is taken. Else a mender that
            # loses it to another writer would call a good claim dead.
            await desks.lock_shard_exclusively(conn, entry.shard)
            return await _assign_or_revoke(conn, entry, now)
    except (IntegrityError, DataError) as still:
        await write_dead_letter(ledger, entry, now, f"{error}; then {still}")
        return ReassignOutcome.DEAD_LETTER


async def _assign_or_revoke(conn: AsyncConnection, entry: OutboxEntry, now: int) -> ReassignOutcome:
    row = claim_row(entry, now)
    drop = await drops.find_for_update(conn, entry.drop_id)  # it must not be closed meanwhile
    held = await claims.of_student(conn, entry.drop_id, entry.student)
    if held is not None and held.id == entry.claim_id:
        return ReassignOutcome.REASSIGNED  # before now: what failed is what comes after
    if held is not None:
        await claims.insert_new(conn, [row._replace(state="revoked", reason=DUPLICATE)])
        return ReassignOutcome.DUPLICATE
    slot = await _find_free_slot(conn, entry)
    unit = await _find_free_unit(conn, drop) if drop is not None else None
    in_all = await find_campaign_slot(conn, entry)
    if slot is not None and unit is not None and in_all is not None:
        await claims.insert_new(conn, [_at(row, slot, *unit)])
        await claims.count_in_campaigns(conn, in_all)
        return ReassignOutcome.REASSIGNED
    await claims.insert_new(conn, [row._replace(state="revoked", reason=NOTHING_LEFT)])
    if drop is not None and drop.state is DropState.CLOSED and unit is not None:
        # The close counted this claim as taken; its unit goes back after all.
        await drops.add_returned(conn, drop.id, 1)
        await batches.give_back(conn, drop.batch_id, drop.room, 1)
    return ReassignOutcome.NOTHING_LEFT


async def find_campaign_slot(
    conn: AsyncConnection, entry: OutboxEntry
) -> list[CampaignClaim] | None:
    """What is to be counted of a claim: its slot of the campaign, where that has a limit. As it was won
    where that is still free, else the lowest free one. None: the student has used all."""
    batch = await batches.find(conn, entry.batch_id)
    if batch is None or batch.campaign_id is None or batch.per_campaign is None:
        return []
    used = await claims.used_campaign_slots(conn, batch.campaign_id, entry.student)
    wanted = (entry.campaign_slot, *range(1, batch.per_campaign + 1))
    slot = next((n for n in wanted if n and n not in used), None)
    if slot is None:
        return None
    names = (entry.claim_id, batch.campaign_id, entry.student)
    return [CampaignClaim(*names, slot, batch.per_campaign)]


async def find_assignment(
    conn: AsyncConnection, drop: DropRow, entry: OutboxEntry, now: int
) -> ClaimRow | None:
    """As it was sold where that is still free, else on the lowest free slot and unit. None: nothing is
    left. Writes nothing; needs the shard and the drop held."""
    used = await claims.used_slots(conn, entry.batch_id, entry.student)
    slot = entry.slot if entry.slot not in used else await _find_free_slot(conn, entry)
    seat = await _sold_unit_if_free(conn, drop, entry.unit) or await _find_free_unit(conn, drop)
    if slot is None or seat is None:
        return None
    return _at(claim_row(entry, now), slot, *seat)


async def _sold_unit_if_free(
    conn: AsyncConnection, drop: DropRow, unit: int
) -> tuple[int, Allotment] | None:
    taken = await claims.taken_units(conn, drop.id)
    if unit in taken or len(taken) + drop.returned >= drop.quantity:
        return None
    allotments = await drops.allotments_of(conn, drop.id)
    return next(((unit, a) for a in allotments if a.first <= unit <= a.last), None)


async def _find_free_slot(conn: AsyncConnection, entry: OutboxEntry) -> int | None:
    used = await claims.used_slots(conn, entry.batch_id, entry.student)
    return next((s for s in range(1, entry.per_student + 1) if s not in used), None)


async def _find_free_unit(conn: AsyncConnection, drop: DropRow) -> tuple[int, Allotment] | None:
    """None also where all that is left of a closed drop has gone back to its batch."""
    taken = await claims.taken_units(conn, drop.id)
    if len(taken) + drop.returned >= drop.quantity:
        return None
    for allotment in await drops.allotments_of(conn, drop.id):
        for unit in range(allotment.first, allotment.last + 1):
            if unit not in taken:
                return unit, allotment
    return None


def _at(row: ClaimRow, slot: int, unit: int, allotment: Allotment) -> ClaimRow:
    return row._replace(
        slot=slot,
        unit=unit,
        allotment_id=allotment.id,
        allotment_first=allotment.first,
        allotment_last=allotment.last,
    )


def revoked_row(entry: OutboxEntry, now: int) -> ClaimRow:
    """Revoked. No seat is looked for: the desk has none, so one that is free in the ledger belongs to a
    claim on its way there."""
    return claim_row(entry, now)._replace(state="revoked", reason=NOTHING_LEFT)


def owes_apology(row: ClaimStanding) -> bool:
    """Its student was told `won`, and has nothing."""
    return row.state == "revoked" and row.reason == NOTHING_LEFT


async def write_dead_letter(ledger: Ledger, entry: OutboxEntry, now: int, error: str) -> None:
    letter = (entry.claim_id, entry.shard, entry.entry_id, entry._asdict(), error[:2000])
    async with ledger.begin() as conn:
        await claims.lay_dead(conn, [letter], now)


def campaign_rows(entries: Sequence[OutboxEntry]) -> list[CampaignClaim]:
    """As the desk sold them; of those whose campaign has a limit for each student."""
    return [
        CampaignClaim(e.claim_id, e.campaign_id, e.student, e.campaign_slot, e.per_campaign)
        for e in entries
        if e.campaign_id
    ]


def claim_row(entry: OutboxEntry, now: int) -> ClaimRow:
    """The claim as the desk sold it."""
    return ClaimRow(
        entry.claim_id,
        entry.drop_id,
        entry.batch_id,
        entry.student,
        entry.request_id,
        entry.unit,
        entry.allotment_id,
        entry.allotment_first,
        entry.allotment_last,
        entry.slot,
        entry.per_student,
        entry.won_at,
        now,
    )
