"""Take the slots of a piece's students: on the desk, by the same caps as taps, or in the ledger (promise I2).

Called by issue_piece.py. The desk counts taps, codes and issued coupons of a student together, whoever comes
first. A batch without a quantity can have no drop, so its slots are read from the ledger, whose constraint
refuses the second of two that want the same.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from server.core.ids import Slot, StudentId
from server.core.promotions.batches import Batch
from server.core.promotions.holders import HolderKind, HolderLimit
from server.desk import DeskReplacedError
from server.desk.claims.caps import Cap, CapName, CapsMissing
from server.desk.claims.issuance_slots import AT_ONCE, Issuing
from server.desk.drops.drop_desk import DropDesk
from server.flows.coupons.load_caps import (
    caps_of,
    load_missing_caps,
    read_used_slots_of_many,
)
from server.ledger.coupons import holder_slots
from server.ledger.coupons.coupons import IssuedCoupon
from server.ledger.coupons.holder_slots import HolderSlot
from server.ledger.engine import Ledger

_SHORT_HISTORY: Final = 200_000  # units that went out: 40 pages of the ledger, a second
SlotsOf = Mapping[CapName, Sequence[Slot]]


@dataclass(slots=True)
class PieceSlots:
    """The slots of the students of one batch; `limited` have too few left. `epoch` is that of the desk that
    gave them, None where it counts nothing of this batch.
    """

    batch: Batch
    issuing: Issuing
    slots: dict[StudentId, SlotsOf] = field(default_factory=dict)
    limited: set[StudentId] = field(default_factory=set)
    persons: Mapping[StudentId, str] = field(default_factory=dict)  # where it is known
    epoch: int | None = None


async def take_slots(
    ledger: Ledger,
    desk: DropDesk,
    issuing: Issuing,
    batch: Batch,
    wanted: Mapping[StudentId, int],
    *,
    reads_ledger: bool,
) -> PieceSlots:
    """Take as many slots as each student wants of the batch, and of its campaign where that has a limit.

    Repeatable: on the same desk the same slots. `reads_ledger`: let the desk also count what the ledger
    knows. DeskReplacedError: the shard was rebuilt between two calls.
    """
    taken = PieceSlots(batch, issuing)
    if batch.per_person is not None:
        async with ledger.read() as conn:
            taken.persons = await holder_slots.persons_of(conn, list(wanted))
    if issuing.caps:
        await _take_on_desk(ledger, desk, taken, wanted, reads_ledger=reads_ledger)
    if batch.quantity is None:
        await _find_in_ledger(ledger, taken, wanted)
    elif not issuing.caps:
        raise AssertionError("a batch with a quantity has a cap")
    return taken


def issuing_of(issuance_id: str, batch: Batch) -> Issuing:
    """Return the batch of an issuance for the desk. Its cap of persons names no holder: the desk hears with
    each student whose account it is.
    """
    caps = caps_of(batch)
    if batch.quantity is not None and batch.per_person is not None:
        caps.append(Cap(CapName.PERSON, batch.id, batch.per_person))
    return Issuing(batch.shard, issuance_id, batch.id, tuple(caps))


async def _take_on_desk(
    ledger: Ledger,
    desk: DropDesk,
    taken: PieceSlots,
    wanted: Mapping[StudentId, int],
    *,
    reads_ledger: bool,
) -> None:
    of = taken.issuing
    known: dict[StudentId, dict[CapName, set[Slot]]] | None = None
    if reads_ledger:
        known = await read_used_slots_of_many(ledger, taken.batch, of.caps, wanted, taken.persons)
    for each in sorted(set(wanted.values())):
        students = [student for student, count in wanted.items() if count == each]
        for start in range(0, len(students), AT_ONCE):
            some = students[start : start + AT_ONCE]
            answer = await desk.issuance_slots.take(of, some, each, known, taken.persons)
            # No drop of the batch is open: the desk may not know what these students have used.
            if isinstance(answer, CapsMissing) and _is_loaded_whole(taken, wanted):
                await load_missing_caps(ledger, desk.caps, taken.batch, answer)
                answer = await desk.issuance_slots.take(of, some, each, known, taken.persons)
            if known is None and isinstance(answer, CapsMissing):
                # For all students at once: each read is a transaction.
                known = await read_used_slots_of_many(
                    ledger, taken.batch, of.caps, wanted, taken.persons
                )
                answer = await desk.issuance_slots.take(of, some, each, known, taken.persons)
            if isinstance(answer, CapsMissing) or taken.epoch not in (None, answer.epoch):
                raise DeskReplacedError(f"the desk of {taken.batch.id} was rebuilt meanwhile")
            taken.epoch = answer.epoch
            taken.slots |= answer.slots
            taken.limited |= answer.refused.keys()


def _is_loaded_whole(taken: PieceSlots, wanted: Mapping[StudentId, int]) -> bool:
    """Return whether it is cheaper to tell the desk of all used slots than of those of each piece: the piece
    is one of many, and the batch has no long history.
    """
    is_batch_only = {cap.name for cap in taken.issuing.caps} <= {CapName.BATCH, CapName.PERSON}
    return is_batch_only and len(wanted) >= AT_ONCE and taken.batch.allotted <= _SHORT_HISTORY


async def _find_in_ledger(
    ledger: Ledger, taken: PieceSlots, wanted: Mapping[StudentId, int]
) -> None:
    batch = taken.batch
    caps = [Cap(CapName.BATCH, batch.id, batch.per_student)]
    if batch.per_person is not None:
        caps.append(Cap(CapName.PERSON, batch.id, batch.per_person))
    students = [one for one in wanted if one not in taken.limited]
    used = await read_used_slots_of_many(ledger, batch, caps, students, taken.persons)
    of_person: defaultdict[str, set[Slot]] = defaultdict(set)  # taken here, by other accounts
    for student in students:
        count, person = wanted[student], taken.persons.get(student)
        found: dict[CapName, list[Slot]] = {}
        for cap in caps if person else caps[:1]:
            mine = used.get(student, {}).get(cap.name, set())
            if cap.name is CapName.PERSON and person:
                mine = mine | of_person[person]
            free = (Slot(n) for n in range(1, cap.most + 1) if n not in mine)
            found[cap.name] = list(islice(free, count))
        if any(len(slots) < count for slots in found.values()):
            taken.limited.add(student)
            continue
        if person:
            of_person[person].update(found.get(CapName.PERSON, ()))
        taken.slots[student] = {**taken.slots.get(student, {}), **found}


def person_slots(taken: PieceSlots, made: Sequence[IssuedCoupon]) -> list[HolderSlot]:
    """Return the rows that count these coupons of one batch for the persons of their students."""
    found, numbers = [], Counter[StudentId]()
    for coupon in made:
        slots = taken.slots[coupon.student].get(CapName.PERSON, ())
        if slots:
            limit = HolderLimit(
                HolderKind.PERSON, taken.persons[coupon.student], taken.batch.per_person or 0
            )
            slot = slots[numbers[coupon.student]]
            found.append(HolderSlot(limit, taken.batch.id, slot, coupon_id=coupon.id))
            numbers[coupon.student] += 1
    return found


async def give_back(desk: DropDesk, taken: PieceSlots, students: Sequence[StudentId]) -> None:
    """Give back what these students got on the desk. Repeatable."""
    if taken.issuing.caps and students:
        await desk.issuance_slots.give_back(taken.issuing, students)


async def keep(desk: DropDesk, taken: PieceSlots, students: Sequence[StudentId]) -> None:
    """Note that the ledger has the slots of these students now. Repeatable."""
    if taken.issuing.caps:
        await desk.issuance_slots.keep(taken.issuing, students)
