"""Take back what an undone issuance has issued and nobody has used, piece by piece.

Called by drive_issuances.py. Steps of a piece, each of which may be repeated:

1. one transaction revokes coupons that are on no order, returns their units to the batch and their part of
   the budget, and writes down which slots the desk has to free;
2. the desk frees these slots, once. Only the desk that counted them does: one that was loaded later never
   had them;
3. one transaction notes that, and how far the undo has got.

A coupon that is on an order stays with its student. So does one that a merge of accounts has made another
student's: its slots count there.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.issuances import Issuance, IssuanceState
from server.core.ids import BatchId, Slot, StudentId
from server.core.promotions.batches import Batch
from server.desk import DeskReplacedError, DeskUnavailableError
from server.desk.claims.caps import CapName
from server.desk.drops.drop_desk import DropDesk
from server.flows.coupons.issuing.issue import Lease
from server.flows.coupons.issuing.issue_grants import batches_of
from server.flows.coupons.issuing.issue_piece import NotDriverError
from server.flows.coupons.issuing.issue_slots import issuing_of
from server.flows.promotions import budgets
from server.flows.stores import batch_and_template
from server.ledger import desks
from server.ledger.coupons import (
    coupon_moves,
    holder_slots,
    issuance_items,
    issuances,
    issued_coupons,
)
from server.ledger.coupons.issuance_items import SlotsDue
from server.ledger.coupons.issued_coupons import IssuedSlot
from server.ledger.engine import Ledger
from server.ledger.promotions import batch_stock

AT_ONCE: Final = 500  # students in one transaction


class _Desk(NamedTuple):
    """A batch, and the epoch of the desk that counts its slots; None where none does."""

    batch: Batch
    epoch: int | None


async def take_back_piece(
    ledger: Ledger, desk: DropDesk, issuance: Issuance, lease: Lease, now: int
) -> bool:
    """Take back from the next students; False if there are none left.

    NotDriverError, DeskReplacedError, DeskUnavailableError and LedgerUnavailableError: call it again later.
    """
    async with ledger.read() as conn:
        reached = await issuances.undone_to(conn, issuance.id)
        students = await issuance_items.issued_after(conn, issuance.id, reached, AT_ONCE)
        found = [
            (await batch_and_template(conn, one))[0] for one in await batches_of(conn, issuance)
        ]
    if not students:
        return False
    on_desk = {one.id: _Desk(one, await _epoch_of(desk, one)) for one in found}
    async with ledger.begin() as conn:
        await _lock(conn, issuance.id, lease)
        for one in sorted(on_desk.values(), key=lambda each: each.batch.shard):
            if one.epoch is not None and await desks.is_loaded_since(
                conn, one.batch.shard, one.epoch
            ):
                raise DeskReplacedError(f"the desk of {one.batch.id} was rebuilt meanwhile")
        await _revoke(conn, issuance, students, on_desk, now)
        due = await issuance_items.slots_due(conn, issuance.id, students)
    await _free_slots(desk, issuance.id, on_desk, due)
    async with ledger.begin() as conn:
        await _lock(conn, issuance.id, lease)
        await issuance_items.mark_slots_freed(conn, issuance.id, [one.student for one in due])
        await issuances.change(conn, issuance.id, undone_to=students[-1])
    return True


async def _epoch_of(desk: DropDesk, batch: Batch) -> int | None:
    if not issuing_of("", batch).caps:
        return None
    epoch = await desk.issuance_slots.epoch(batch.shard)
    if epoch is None:
        raise DeskUnavailableError("the desk is being rebuilt")
    return epoch


async def _lock(conn: AsyncConnection, issuance_id: str, lease: Lease) -> None:
    current = await issuances.lock_driven(conn, issuance_id, lease.driver, lease.until)
    if current is None or current.state is not IssuanceState.UNDONE:
        raise NotDriverError


async def _revoke(
    conn: AsyncConnection,
    issuance: Issuance,
    students: Sequence[StudentId],
    on_desk: Mapping[BatchId, _Desk],
    now: int,
) -> None:
    """Do step 1 within its transaction."""
    slots = await issued_coupons.slots_of(conn, issuance.id, students)
    moved = await coupon_moves.take_back(conn, [one.coupon_id for one in slots], now)
    gone = {one.id for one in moved}
    lost = [one for one in slots if one.coupon_id in gone]
    await issued_coupons.forget_campaign_slots(conn, gone)
    await holder_slots.give_up(conn, gone)
    for batch_id, units in sorted(Counter(one.batch_id for one in lost).items()):
        await batch_stock.give_back_codes(conn, batch_id, units)
    owners = sorted({one.student for one in lost})
    due = _slots_due(lost, on_desk)
    await issuance_items.mark_taken_back(conn, issuance.id, owners, now, due)
    await issuances.count(conn, issuance.id, {"taken_back": len(owners)})
    await budgets.give_back(conn, gone, now)


def _slots_due(lost: Sequence[IssuedSlot], on_desk: Mapping[BatchId, _Desk]) -> list[SlotsDue]:
    by_student: defaultdict[tuple[StudentId, BatchId], list[IssuedSlot]] = defaultdict(list)
    for one in lost:
        by_student[one.student, one.batch_id].append(one)
    return [
        SlotsDue(
            student,
            batch_id,
            epoch,
            [one.slot for one in slots],
            [one.campaign_slot for one in slots if one.campaign_slot is not None],
            next((one.person for one in slots if one.person is not None), ""),
            [one.person_slot for one in slots if one.person_slot is not None],
        )
        for (student, batch_id), slots in by_student.items()
        if (epoch := on_desk[batch_id].epoch) is not None
    ]


async def _free_slots(
    desk: DropDesk,
    issuance_id: str,
    on_desk: Mapping[BatchId, _Desk],
    due: Sequence[SlotsDue],
) -> None:
    """Do step 2."""
    grouped: defaultdict[tuple[BatchId, int], dict[StudentId, dict[CapName, list[Slot]]]]
    grouped = defaultdict(dict)
    for one in due:
        grouped[one.batch_id, one.epoch][one.student] = {
            CapName.BATCH: [Slot(slot) for slot in one.in_batch],
            CapName.CAMPAIGN: [Slot(slot) for slot in one.in_campaign],
            CapName.PERSON: [Slot(slot) for slot in one.of_person],
        }
    persons = {one.student: one.person for one in due if one.person}
    for (batch_id, epoch), slots in grouped.items():
        of = issuing_of(issuance_id, on_desk[batch_id].batch)
        await desk.issuance_slots.free(of, epoch, slots, persons)
