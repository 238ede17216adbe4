"""Slots of persons and devices: which of its claims of a batch each claim, code or issued coupon is.

Called by flows inside the transaction that writes the claim or coupon. The tables refuse a slot that is used
and one beyond the batch's limit; an IntegrityError is passed on. A person is remembered for each student, so
that a coupon that is issued, which has no token, counts for the same person.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import BigInteger, Column, String, Table, delete, select, true
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from server.core.ids import ClaimId, CouponId, Slot, StudentId
from server.core.promotions.holders import HolderKind, HolderLimit
from server.ledger.bulk import insert_into, insert_rows, is_among, table_of
from server.ledger.inline_sqlite import LONG
from server.ledger.tables import device_slots, person_slots, student_persons


class HolderSlot(NamedTuple):
    """A slot that a claim, or a coupon that no claim gave, uses of a batch."""

    limit: HolderLimit
    batch_id: str
    slot: Slot
    claim_id: ClaimId | None = None
    coupon_id: CouponId | None = None


async def count(conn: AsyncConnection, slots: Iterable[HolderSlot]) -> None:
    """Insert the slots. A claim or coupon that is counted already is skipped; a slot that another one has is
    an IntegrityError for all rows.
    """
    by_table: defaultdict[tuple[HolderKind, str], list[HolderSlot]] = defaultdict(list)
    for one in slots:
        once = "claim_id" if one.claim_id is not None else "coupon_id"
        by_table[one.limit.kind, once].append(one)
    for (kind, once), some in by_table.items():
        names = ("batch_id", kind.value, "slot", f"per_{kind.value}", once)
        rows = [
            (
                one.batch_id,
                one.limit.holder,
                one.slot,
                one.limit.most,
                one.claim_id or one.coupon_id,
            )
            for one in some
        ]
        await insert_rows(conn, _TABLES[kind], names, rows, once)


async def used(conn: AsyncConnection, kind: HolderKind, batch_id: str, holder: str) -> set[Slot]:
    """Return the slots of the batch that this person or device has used."""
    table = _TABLES[kind]
    query = select(table.c.slot).where(table.c.batch_id == batch_id, _holder(kind) == holder)
    return set(await conn.scalars(query))


async def used_of_many(
    conn: AsyncConnection, kind: HolderKind, batch_id: str, holders: Collection[str]
) -> dict[str, set[Slot]]:
    """Return what `used` says, for many persons or devices, by their hash."""
    table, found = _TABLES[kind], defaultdict[str, set[Slot]](set)
    query = select(_holder(kind), table.c.slot).where(
        table.c.batch_id == batch_id, is_among(conn, _holder(kind), holders)
    )
    for holder, slot in await conn.execute(query):
        found[holder].add(Slot(slot))
    return found


async def find_free(
    conn: AsyncConnection, batch_id: str, limit: HolderLimit, wanted: int = 0
) -> Slot | None:
    """Return the slot `wanted` if it is free, else the lowest free one; None where all are used."""
    taken = await used(conn, limit.kind, batch_id, limit.holder)
    numbers = (wanted, *range(1, limit.most + 1))
    return next((Slot(n) for n in numbers if 1 <= n <= limit.most and n not in taken), None)


async def give_up(conn: AsyncConnection, coupon_ids: Collection[str]) -> None:
    """Free the slots of coupons that were taken back as if they had never been given."""
    for table in _TABLES.values():
        await conn.execute(delete(table).where(is_among(conn, table.c.coupon_id, coupon_ids)))


# --- whose account a student's is ---------------------------------------------------------------


async def note_persons(
    conn: AsyncConnection, persons: Iterable[tuple[StudentId, str]], now: int
) -> None:
    """Remember the person of each student; the last one counts. Locks rows in the order of students."""
    rows = sorted({student: (student, person, now) for student, person in persons}.values())
    if not rows:
        return
    given = table_of(conn, _PERSON_COLUMNS, rows)
    added = insert_into(conn.dialect, student_persons).from_select(
        list(_PERSON_COLUMNS), select(*given.c).where(true()).order_by(given.c.student)
    )
    changed = added.on_conflict_do_update(
        index_elements=["student"],
        set_={name: added.excluded[name] for name in ("person", "known_at")},
        where=student_persons.c.person != added.excluded.person,
    )
    await conn.execute(changed.prefix_with(LONG))


async def persons_of(conn: AsyncConnection, students: Sequence[StudentId]) -> dict[StudentId, str]:
    """Return the person of each of these students that is known."""
    query = select(student_persons.c.student, student_persons.c.person).where(
        is_among(conn, student_persons.c.student, students)
    )
    return {StudentId(row[0]): row[1] for row in await conn.execute(query)}


def _holder(kind: HolderKind) -> Column[str]:
    column: Column[str] = _TABLES[kind].c[kind.value]
    return column


_TABLES: Final[dict[HolderKind, Table]] = {
    HolderKind.PERSON: person_slots,
    HolderKind.DEVICE: device_slots,
}
_PERSON_COLUMNS: Final[Mapping[str, TypeEngine[Any]]] = {
    "student": String(),
    "person": String(),
    "known_at": BigInteger(),
}
