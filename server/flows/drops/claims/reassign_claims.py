"""Give a claim that conflicts with the ledger another unit, revoke it with an apology, or set it aside.

Called by persist_claims.py for one entry at a time, after bisection. The desk sells a unit twice when it has
lost its newest data (a restored copy, a replica that lagged). The student was told `won`, so another free
unit is looked for first; students never see unit numbers.
"""

from collections.abc import Sequence
from enum import Enum, auto
from typing import NamedTuple

from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.drops.drops import Allotment, DropState
from server.core.ids import Slot, StudentId, Unit
from server.core.promotions.holders import HolderKind, HolderLimit
from server.desk.claims.outbox import OutboxEntry
from server.ledger import desks
from server.ledger.coupons import holder_slots
from server.ledger.coupons.holder_slots import HolderSlot
from server.ledger.drops import claims, dead_letters, drops
from server.ledger.drops.claims import (
    REASON_DUPLICATE,
    REASON_NOTHING_LEFT,
    CampaignClaim,
    ClaimRow,
    ClaimStanding,
)
from server.ledger.drops.dead_letters import DeadLetter
from server.ledger.drops.drop_row import DropRow
from server.ledger.engine import Ledger
from server.ledger.promotions import batch_stock, batches

_LONGEST_ERROR = 2_000  # characters that a dead letter keeps


class ReassignOutcome(Enum):
    """The ways in which a reassignment can end."""

    REASSIGNED = auto()  # the claim is live on a unit and a slot; its coupon is still to be written
    DUPLICATE = auto()  # revoked: the student has another claim of this drop and loses nothing
    NOTHING_LEFT = auto()  # revoked: the student is owed an apology
    DEAD_LETTER = auto()  # no transaction takes it: a person has to look


async def reassign(
    ledger: Ledger, entry: OutboxEntry, now: int, error: Exception
) -> ReassignOutcome:
    """Write the claim on a free unit and slot, or revoke it. Repeatable.

    `error` is the conflict, for the dead letter. LedgerUnavailableError is passed on: it says nothing about
    the entry.
    """
    try:
        async with ledger.begin() as conn:
            # Exclusive: a unit that is read as free here must still be free when it is written. Otherwise
            # another writer could take it, and a good claim would become a dead letter.
            await desks.lock_shard_exclusively(conn, entry.shard)
            return await _assign_or_revoke(conn, entry, now)
    except (IntegrityError, DataError) as second_error:
        await write_dead_letter(ledger, entry, now, f"{error}; then {second_error}")
        return ReassignOutcome.DEAD_LETTER


async def _assign_or_revoke(conn: AsyncConnection, entry: OutboxEntry, now: int) -> ReassignOutcome:
    row = claim_row(entry, now)
    drop = await drops.find_for_update(
        conn, entry.drop_id
    )  # locked, so that it is not closed meanwhile
    existing = await claims.of_student(conn, entry.drop_id, entry.student)
    if existing is not None and existing.id == entry.claim_id:
        # An earlier call has written it. The conflict comes from what is written after the claim.
        return ReassignOutcome.REASSIGNED
    if existing is not None:
        await claims.insert_new(conn, [row._replace(state="revoked", reason=REASON_DUPLICATE)])
        return ReassignOutcome.DUPLICATE
    slot = await _find_free_slot(conn, entry)
    unit = await _find_free_unit(conn, drop) if drop is not None else None
    further = await find_further_slots(conn, entry)
    if slot is not None and unit is not None and further is not None:
        await claims.insert_new(conn, [_assigned(row, slot, *unit)])
        await count_further(conn, further, now)
        return ReassignOutcome.REASSIGNED
    await claims.insert_new(conn, [row._replace(state="revoked", reason=REASON_NOTHING_LEFT)])
    if drop is not None and drop.state is DropState.CLOSED and unit is not None:
        # The close counted this claim as taken. A unit is free after all, so it goes back to the batch.
        await drops.add_returned(conn, drop.id, 1)
        await batch_stock.give_back(conn, drop.batch_id, drop.room, 1)
    return ReassignOutcome.NOTHING_LEFT


class FurtherSlots(NamedTuple):
    """The slots of claims beyond those of their students in the batch, and whose accounts these are."""

    in_campaigns: list[CampaignClaim]
    of_holders: list[HolderSlot]
    persons: list[tuple[StudentId, str]]


async def find_further_slots(conn: AsyncConnection, entry: OutboxEntry) -> FurtherSlots | None:
    """Return the rows that count the claim in its campaign, for its person and for its device.

    Keeps the slots that the desk gave, if they are free, else takes the lowest free ones. None: all slots of
    one of these limits are used.
    """
    in_campaigns = await _find_campaign_slot(conn, entry)
    of_holders = await _find_holder_slots(conn, entry)
    if in_campaigns is None or of_holders is None:
        return None
    return FurtherSlots(in_campaigns, of_holders, persons_of([entry]))


async def count_further(conn: AsyncConnection, slots: FurtherSlots, now: int) -> None:
    """Insert the rows, after their claims."""
    await claims.count_in_campaigns(conn, slots.in_campaigns)
    await holder_slots.count(conn, slots.of_holders)
    await holder_slots.note_persons(conn, slots.persons, now)


async def _find_holder_slots(conn: AsyncConnection, entry: OutboxEntry) -> list[HolderSlot] | None:
    found = []
    for one in holder_rows([entry]):
        slot = await holder_slots.find_free(conn, one.batch_id, one.limit, one.slot)
        if slot is None:
            return None
        found.append(one._replace(slot=slot))
    return found


async def _find_campaign_slot(
    conn: AsyncConnection, entry: OutboxEntry
) -> list[CampaignClaim] | None:
    """Return the row that counts the claim in its campaign, in a list; empty where no limit applies.

    Keeps the slot that the desk gave, if it is free, else takes the lowest free one. None: the student has
    used all slots of the campaign.
    """
    batch = await batches.find(conn, entry.batch_id)
    if batch is None or batch.campaign_id is None or batch.per_campaign is None:
        return []
    used = await claims.used_campaign_slots(conn, batch.campaign_id, entry.student)
    wanted = (entry.campaign_slot, *range(1, batch.per_campaign + 1))
    slot = next((Slot(n) for n in wanted if n and n not in used), None)
    if slot is None:
        return None
    # The limit may have been lowered since the desk gave the slot.
    limit = max(batch.per_campaign, slot)
    return [CampaignClaim(entry.claim_id, batch.campaign_id, entry.student, slot, limit)]


async def find_assignment(
    conn: AsyncConnection, drop: DropRow, entry: OutboxEntry, now: int
) -> ClaimRow | None:
    """Return the claim on the unit and slot that the desk sold, where they are free, else on the lowest free
    ones; None where nothing is left.

    Writes nothing. The caller has locked the shard and the drop: what is free must stay free.
    """
    used = await claims.used_slots(conn, entry.batch_id, entry.student)
    slot = entry.slot if entry.slot not in used else await _find_free_slot(conn, entry)
    unit = await _sold_unit_if_free(conn, drop, entry.unit) or await _find_free_unit(conn, drop)
    if slot is None or unit is None:
        return None
    return _assigned(claim_row(entry, now), slot, *unit)


async def _sold_unit_if_free(
    conn: AsyncConnection, drop: DropRow, unit: Unit
) -> tuple[Unit, Allotment] | None:
    taken = await claims.taken_units(conn, drop.id)
    if unit in taken or len(taken) + drop.returned >= drop.quantity:
        return None
    allotments = await drops.allotments_of(conn, drop.id)
    return next(((unit, a) for a in allotments if a.first <= unit <= a.last), None)


async def _find_free_slot(conn: AsyncConnection, entry: OutboxEntry) -> Slot | None:
    used = await claims.used_slots(conn, entry.batch_id, entry.student)
    return next((Slot(s) for s in range(1, entry.per_student + 1) if s not in used), None)


async def _find_free_unit(conn: AsyncConnection, drop: DropRow) -> tuple[Unit, Allotment] | None:
    """Return the lowest free unit; None also where the free units of a closed drop went back to the batch."""
    taken = await claims.taken_units(conn, drop.id)
    if len(taken) + drop.returned >= drop.quantity:
        return None
    for allotment in await drops.allotments_of(conn, drop.id):
        for unit in range(allotment.first, allotment.last + 1):
            if unit not in taken:
                return Unit(unit), allotment
    return None


def _assigned(row: ClaimRow, slot: Slot, unit: Unit, allotment: Allotment) -> ClaimRow:
    return row._replace(
        slot=slot,
        unit=unit,
        allotment_id=allotment.id,
        allotment_first=allotment.first,
        allotment_last=allotment.last,
    )


def revoked_row(entry: OutboxEntry, now: int) -> ClaimRow:
    """Return a claim that the desk has given up, as revoked.

    It gets no other unit: the desk has none, so a unit that is free in the ledger belongs to a claim that is
    still in the outbox.
    """
    return claim_row(entry, now)._replace(state="revoked", reason=REASON_NOTHING_LEFT)


def owes_apology(row: ClaimStanding) -> bool:
    """Return whether the student was told `won` and has got nothing."""
    return row.state == "revoked" and row.reason == REASON_NOTHING_LEFT


async def write_dead_letter(ledger: Ledger, entry: OutboxEntry, now: int, error: str) -> None:
    """Set the entry aside for `doctor`, in a transaction of its own. It keeps its unit. Repeatable."""
    letter = DeadLetter(
        claim_id=entry.claim_id,
        shard=entry.shard,
        entry_id=entry.entry_id,
        entry=entry._asdict(),
        error=error[:_LONGEST_ERROR],
        created_at=now,
    )
    async with ledger.begin() as conn:
        await dead_letters.insert(conn, letter)


def campaign_rows(entries: Sequence[OutboxEntry]) -> list[CampaignClaim]:
    """Return the rows that count the entries in their campaigns, on the slots that the desk gave; only for
    campaigns with a limit for each student.
    """
    return [
        CampaignClaim(e.claim_id, e.campaign_id, e.student, e.campaign_slot, e.per_campaign)
        for e in entries
        if e.campaign_id
    ]


def further_slots(entries: Sequence[OutboxEntry]) -> FurtherSlots:
    """Return the rows that count the entries beyond their students' slots, as the desk gave them."""
    return FurtherSlots(campaign_rows(entries), holder_rows(entries), persons_of(entries))


def persons_of(entries: Sequence[OutboxEntry]) -> list[tuple[StudentId, str]]:
    """Return the students of the entries with the persons whose accounts they are, where these are known."""
    return [(e.student, e.person) for e in entries if e.person]


def holder_rows(entries: Sequence[OutboxEntry]) -> list[HolderSlot]:
    """Return the rows that count the entries for their persons and devices, as the desk gave the slots."""
    found = []
    for e in entries:
        if e.person:
            limit = HolderLimit(HolderKind.PERSON, e.person, e.per_person)
            found.append(HolderSlot(limit, e.batch_id, e.person_slot, e.claim_id))
        if e.device:
            limit = HolderLimit(HolderKind.DEVICE, e.device, e.per_device)
            found.append(HolderSlot(limit, e.batch_id, e.device_slot, e.claim_id))
    return found


def claim_row(entry: OutboxEntry, now: int) -> ClaimRow:
    """Return the live claim as the desk sold it, confirmed at `now` (ms)."""
    return ClaimRow(
        id=entry.claim_id,
        drop_id=entry.drop_id,
        batch_id=entry.batch_id,
        student=entry.student,
        request_id=entry.request_id,
        unit=entry.unit,
        allotment_id=entry.allotment_id,
        allotment_first=entry.allotment_first,
        allotment_last=entry.allotment_last,
        slot=entry.slot,
        per_student=entry.per_student,
        won_at=entry.won_at,
        confirmed_at=now,
    )
