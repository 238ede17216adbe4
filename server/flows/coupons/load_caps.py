"""Load caps: bring to the desk which slots of a batch and its campaign students have used (I2, I15).

Called by rebuild_desk.py for batches with open drops, by drive_intents.py before a drop opens, and by
bind_code.py for one student. A batch without an open drop is not read: its history may be long, and nobody
can claim from it.

A cap is loaded while the desk goes on. Until it is complete no tap can take a slot of it, because open.lua
opens no drop whose caps are not complete; only codes take slots, and add them to the same cap. Loading only
adds slots. Order, and why: first the wins in the outbox, then the ledger, page by page. A win that moves from
one to the other meanwhile is then read at least once. At the end the desk marks the cap as complete, unless
the shard was rebuilt meanwhile.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.ids import Slot, StudentId
from server.core.promotions.batches import Batch
from server.core.promotions.holders import HolderKind, holder_limits
from server.desk.claims.cap_loader import CapLoader
from server.desk.claims.caps import Cap, CapName, CapsMissing, field_of
from server.desk.claims.outbox import OutboxEntry
from server.desk.shards.fence import Fence
from server.ledger.coupons import holder_slots
from server.ledger.drops import caps, claims, dead_letters
from server.ledger.drops.caps import SlotSource, UsedSlot
from server.ledger.engine import Ledger

_SOURCES: Final[Mapping[CapName, tuple[SlotSource, ...]]] = {
    # The longest source last: a load that was interrupted continues only within the last source.
    CapName.BATCH: (
        *(SlotSource.PERSONS, SlotSource.DEVICES, SlotSource.CODES, SlotSource.CLAIMS),
    ),
    CapName.CAMPAIGN: (SlotSource.CAMPAIGN,),
}
_FIELDS: Final = {SlotSource.PERSONS: CapName.PERSON, SlotSource.DEVICES: CapName.DEVICE}
_AT_ONCE: Final = 1_000  # claim ids in one query
_Slots = Mapping[StudentId, Sequence[Slot]]
_Reading = Callable[[], AbstractAsyncContextManager[AsyncConnection]]


def caps_of(batch: Batch) -> list[Cap]:
    """Return the caps of the batch on the desk, one for each of their keys: that of the batch, which also has
    the slots of persons and devices, and that of its campaign.
    """
    found = []
    if batch.quantity is not None:  # a batch without a quantity cannot be dropped
        found.append(Cap(CapName.BATCH, batch.id, batch.per_student))
    if batch.campaign_id is not None and batch.per_campaign is not None:
        found.append(Cap(CapName.CAMPAIGN, batch.campaign_id, batch.per_campaign))
    return found


def caps_of_claim(batch: Batch, person: str | None, device: str | None) -> list[Cap]:
    """Return the caps that a code, or a coupon without a tap, counts for on the desk."""
    found = caps_of(batch)
    if batch.quantity is not None:
        for limit in holder_limits(batch, person, device):
            found.append(Cap(CapName(limit.kind.value), batch.id, limit.most, limit.holder))
    return found


async def load_missing_caps(
    ledger: Ledger, desk: CapLoader, batch: Batch, missing: CapsMissing
) -> None:
    """Load the batch's caps that are not complete, on a desk that goes on selling.

    Repeatable: continues where an earlier call was interrupted. DeskReplacedError: the shard was rebuilt
    meanwhile. LedgerUnavailableError is passed on.
    """
    found = await desk.outbox_entries(batch.shard)
    async with ledger.read() as conn:
        wins = await _not_in_ledger(conn, found) + await read_dead_letters(conn, batch.shard)
    for cap in caps_of(batch):
        await _load(ledger, desk, batch.shard, (cap.name, cap.id), missing.load, wins)


async def _not_in_ledger(conn: AsyncConnection, wins: Sequence[OutboxEntry]) -> list[OutboxEntry]:
    """Return the wins that are only in the outbox.

    For the others the ledger decides: a revoked claim does not count, although its entry may stay in the
    outbox until that is trimmed.
    """
    in_ledger: set[str] = set()
    for start in range(0, len(wins), _AT_ONCE):
        ids = [one.claim_id for one in wins[start : start + _AT_ONCE]]
        in_ledger |= set(await claims.standing_of(conn, ids))
    return [one for one in wins if one.claim_id not in in_ledger]


async def _load(
    ledger: Ledger,
    desk: CapLoader,
    shard: int,
    cap: tuple[CapName, str],
    load: str,
    wins: Sequence[OutboxEntry],
) -> None:
    reached = await desk.progress(shard, cap, load)
    if reached is None:
        return
    await desk.fill(shard, cap, load, slots_by_student(wins, *cap), "")
    async for slots, last in _pages(ledger.read, cap, _read_mark(reached)):
        await desk.fill(shard, cap, load, slots, last)
    await desk.complete(shard, cap, load)


async def load_caps_for_rebuild(
    conn: AsyncConnection,
    fence: Fence,
    shard: int,
    wins: Sequence[OutboxEntry],
    kept_until: Mapping[tuple[CapName, str], int],
    load: str,
) -> None:
    """Load these caps on a shard whose fence is shut, within the rebuild's transaction.

    `wins` are the shard's dead letters; `kept_until` says for each cap until when (ms) the desk keeps it;
    `load` names this load of the desk.
    """

    @asynccontextmanager
    async def reading() -> AsyncIterator[AsyncConnection]:
        yield conn

    for cap, until in kept_until.items():
        await fence.load_caps(shard, cap, slots_by_student(wins, *cap))
        async for slots, _ in _pages(reading, cap, caps.BEGINNING):
            await fence.load_caps(shard, cap, slots, is_first=False)
        await fence.load_caps(shard, cap, {}, is_first=False, complete_as=load, kept_until=until)


async def read_used_slots(
    ledger: Ledger, shard: int, wanted: Sequence[Cap], student: StudentId
) -> dict[CapName, set[Slot]]:
    """Return the slots that one student, or the holder of a cap, has used, as the ledger knows them; dead
    letters included.
    """
    found: dict[CapName, set[Slot]] = {}
    async with ledger.read() as conn:
        letters = await read_dead_letters(conn, shard)
        for cap in wanted:
            by_field = slots_by_student(letters, cap.name, cap.id)
            known = by_field.get(StudentId(cap.field_of(student)), ())
            found[cap.name] = await _used_slots(conn, cap, student) | set(known)
    return found


async def _used_slots(conn: AsyncConnection, cap: Cap, student: StudentId) -> set[Slot]:
    match cap.name:
        case CapName.BATCH:
            return await claims.used_slots(conn, cap.id, student)
        case CapName.CAMPAIGN:
            return await claims.used_campaign_slots(conn, cap.id, student)
        case CapName.PERSON | CapName.DEVICE:
            return await holder_slots.used(conn, HolderKind(cap.name.value), cap.id, cap.holder)


async def read_used_slots_of_many(
    ledger: Ledger,
    batch: Batch,
    of: Collection[Cap],
    students: Collection[StudentId],
    persons: Mapping[StudentId, str],
) -> dict[StudentId, dict[CapName, set[Slot]]]:
    """Return what `read_used_slots` says, for many students and these caps, by student and cap. `persons` are
    those of the students, where they are known.
    """
    found: defaultdict[StudentId, dict[CapName, set[Slot]]] = defaultdict(dict)
    async with ledger.read() as conn:
        letters = await read_dead_letters(conn, batch.shard)
        for cap in of:
            if cap.name is CapName.BATCH:
                used = await claims.used_slots_of_many(conn, cap.id, students)
            elif cap.name is CapName.PERSON:
                used = await _used_by_persons(conn, cap, letters, persons)
            else:
                used = await claims.used_campaign_slots_of_many(conn, cap.id, students)
            of_letters = slots_by_student(letters, cap.name, cap.id)
            for student, slots in of_letters.items() if cap.name is not CapName.PERSON else ():
                used.setdefault(student, set()).update(slots)
            for student, known in used.items():
                found[student][cap.name] = known
    return found


async def _used_by_persons(
    conn: AsyncConnection,
    cap: Cap,
    letters: Sequence[OutboxEntry],
    persons: Mapping[StudentId, str],
) -> dict[StudentId, set[Slot]]:
    used = await holder_slots.used_of_many(conn, HolderKind.PERSON, cap.id, set(persons.values()))
    of_letters = slots_by_student(letters, cap.name, cap.id)
    return {
        student: used.get(person, set()) | set(of_letters.get(_field(cap.name, person), ()))
        for student, person in persons.items()
    }


async def read_dead_letters(conn: AsyncConnection, shard: int) -> list[OutboxEntry]:
    """Return the shard's dead letters as outbox entries. They use slots like claims: their students were told
    `won`.
    """
    letters = await dead_letters.find_all(conn, shard)
    return [OutboxEntry(**one.entry) for one in letters]  # type: ignore[arg-type]  # by _asdict


def slots_by_student(
    wins: Iterable[OutboxEntry], name: CapName, of: str
) -> dict[StudentId, list[Slot]]:
    """Return the slots by student, from the wins that count for the batch or campaign with the id `of`.

    For a batch also those by the field of a person or device (desk/claims/caps.py).
    """
    found: defaultdict[StudentId, list[Slot]] = defaultdict(list)
    for one in wins:
        if one.is_given_up:
            continue
        if name is CapName.CAMPAIGN:
            if one.campaign_id == of:
                found[one.student].append(one.campaign_slot)
        elif one.batch_id == of:
            found[one.student].append(one.slot)
            if one.person:
                found[_field(CapName.PERSON, one.person)].append(one.person_slot)
            if one.device:
                found[_field(CapName.DEVICE, one.device)].append(one.device_slot)
    return found


def _field(name: CapName, holder: str) -> StudentId:
    return StudentId(field_of(name, holder))


async def _pages(
    reading: _Reading, cap: tuple[CapName, str], reached: UsedSlot
) -> AsyncIterator[tuple[_Slots, str]]:
    """Yield slots by student, page by page, with a mark from which a later load can continue; "" where it
    cannot. `reached` is the mark of an earlier load.
    """
    sources = _SOURCES[cap[0]]
    for source in sources:
        is_last = source is sources[-1]
        after = reached if is_last else caps.BEGINNING
        while True:
            async with reading() as conn:
                rows = await caps.page(conn, source, cap[1], after, caps.PAGE)
            if rows:
                after = rows[-1]
                yield _by_student(rows, source), _written_mark(after) if is_last else ""
            if len(rows) < caps.PAGE:
                break


def _by_student(rows: Iterable[UsedSlot], source: SlotSource) -> dict[StudentId, list[Slot]]:
    name = _FIELDS.get(source, CapName.BATCH)
    found: defaultdict[StudentId, list[Slot]] = defaultdict(list)
    for holder, slot in rows:
        found[_field(name, holder)].append(slot)
    return found


def _written_mark(reached: UsedSlot) -> str:
    return f"{reached.student}|{reached.slot}"  # a student id never contains "|"


def _read_mark(text: str) -> UsedSlot:
    student, _, slot = text.partition("|")
    return UsedSlot(StudentId(student), Slot(int(slot or 0)))
