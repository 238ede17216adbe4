"""The students of issuances as rows: one item each, whose outcome is written once.

Called by the flows that issue coupons, inside their transactions, and by the flows that say who is in an
audience or an import. Who decides items has locked the issuance's row: one transaction at a time.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

import orjson
from sqlalchemy import ColumnElement, and_, delete, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.issuances import IssuanceItem, ItemOutcome
from server.core.ids import BatchId, CouponId, StudentId
from server.ledger.bulk import insert_into, is_among, pairs, texts
from server.ledger.tables import coupons, issuance_items, issuances

KEPT_MS: Final = 400 * 86_400_000  # as long as events are kept
DELETED_AT_ONCE: Final = 5_000
_I: Final = issuance_items.c
# Literals and not parameters: else no database uses the partial indexes.
_IS_PENDING: Final = _I.outcome.is_(None)
_IS_ISSUED: Final = _I.outcome == literal("issued", literal_execute=True)
_IS_NOT_ISSUED: Final = _I.outcome != literal("issued", literal_execute=True)


async def add_students(
    conn: AsyncConnection, issuance_id: str, students: Collection[StudentId]
) -> int:
    """Insert an item for each student who has none; return how many were inserted."""
    if not students:
        return 0
    each = texts(conn, students)
    rows = select(literal(issuance_id), each.c.value).where(literal(value=True))
    added = insert_into(conn.dialect, issuance_items).from_select(["issuance_id", "student"], rows)
    return (await conn.execute(added.on_conflict_do_nothing())).rowcount


async def copy_students(conn: AsyncConnection, from_id: str, to_id: str) -> int:
    """Insert an item of `to_id` for each student of `from_id`; return how many."""
    rows = select(literal(to_id), _I.student).where(_I.issuance_id == from_id)
    added = insert_into(conn.dialect, issuance_items).from_select(["issuance_id", "student"], rows)
    return (await conn.execute(added.on_conflict_do_nothing())).rowcount


async def pending(
    conn: AsyncConnection, issuance_id: str, limit: int, after: str = ""
) -> list[StudentId]:
    """Return students who are not decided yet, in the order of their names, that begin after `after`.

    With it PostgreSQL need not pass over index entries of those who were decided a moment ago.
    """
    query = select(_I.student).where(_I.issuance_id == issuance_id, _IS_PENDING)
    if after:
        query = query.where(_I.student > after)
    return list(await conn.scalars(query.order_by(_I.student).limit(limit)))


class Span(NamedTuple):
    """The first and the last of some students, in the order of `pending`."""

    first: StudentId
    last: StudentId


async def decide(
    conn: AsyncConnection,
    issuance_id: str,
    outcomes: Mapping[StudentId, ItemOutcome],
    span: Span,
    now: int,
) -> None:
    """Write the outcomes of these students, who are all that are pending within `span`.

    RuntimeError where they are not: the transaction must not go on. The outcome that most of them have is
    written by the span: with a list PostgreSQL passes over all pending items for each piece, 150 ms of it.
    """
    by_outcome: defaultdict[ItemOutcome, list[StudentId]] = defaultdict(list)
    for student, outcome in outcomes.items():
        by_outcome[outcome].append(student)
    *few, most = sorted(by_outcome, key=lambda one: len(by_outcome[one]))
    written = set[StudentId]()
    for outcome in (*few, most):
        mine = [_I.issuance_id == issuance_id, _I.student.between(span.first, span.last)]
        if outcome is not most:
            mine.append(is_among(conn, _I.student, by_outcome[outcome]))
        decided = await conn.execute(
            update(issuance_items)
            .where(*mine, _IS_PENDING)
            .values(outcome=outcome.value, decided_at=now)
            .returning(_I.student)
        )
        written.update(decided.scalars())
    if written != outcomes.keys():
        raise RuntimeError(f"items of {issuance_id} are decided already, or were added")


async def decide_pending(
    conn: AsyncConnection, issuance_id: str, outcome: ItemOutcome, now: int, limit: int
) -> int:
    """Decide up to `limit` students who are not decided yet; return how many."""
    students = await pending(conn, issuance_id, limit)
    if students:
        span = Span(students[0], students[-1])
        await decide(conn, issuance_id, dict.fromkeys(students, outcome), span, now)
    return len(students)


async def outcomes_of(
    conn: AsyncConnection, issuance_id: str, students: Collection[StudentId]
) -> dict[StudentId, ItemOutcome | None]:
    """Return the outcomes of these students; None where it is not decided yet."""
    query = select(_I.student, _I.outcome).where(_of(conn, issuance_id, students))
    return {
        row[0]: None if row[1] is None else ItemOutcome(row[1]) for row in await conn.execute(query)
    }


async def page(
    conn: AsyncConnection,
    issuance_id: str,
    outcome: ItemOutcome | None,
    after: str | None,
    limit: int,
    *,
    is_pending: bool = False,
) -> list[IssuanceItem]:
    """Return a page of items in the order of the students, that begins after the student `after`."""
    query = select(_I.student, _I.outcome, _I.decided_at).where(_I.issuance_id == issuance_id)
    if outcome is not None:
        query = query.where(_I.outcome == outcome.value)
    if outcome not in (None, ItemOutcome.ISSUED):
        query = query.where(_IS_NOT_ISSUED)
    if is_pending:
        query = query.where(_IS_PENDING)
    if after is not None:
        query = query.where(_I.student > after)
    rows = (await conn.execute(query.order_by(_I.student).limit(limit))).all()
    given = await coupons_of(conn, issuance_id, [row[0] for row in rows])
    return [
        IssuanceItem(
            row[0],
            None if row[1] is None else ItemOutcome(row[1]),
            row[2],
            tuple(given.get(row[0], ())),
        )
        for row in rows
    ]


async def coupons_of(
    conn: AsyncConnection, issuance_id: str, students: Collection[StudentId]
) -> dict[StudentId, list[CouponId]]:
    """Return the coupons that the issuance gave to these students, in the order of their parts."""
    query = (
        select(coupons.c.issued_to, coupons.c.id)
        .where(coupons.c.issuance_id == issuance_id, is_among(conn, coupons.c.issued_to, students))
        .order_by(coupons.c.part)
    )
    found: defaultdict[StudentId, list[CouponId]] = defaultdict(list)
    for student, coupon_id in await conn.execute(query):
        found[student].append(coupon_id)
    return found


async def issued_after(
    conn: AsyncConnection, issuance_id: str, after: str, limit: int
) -> list[StudentId]:
    """Return students who got coupons, in the order of their names, that begin after `after`."""
    query = select(_I.student).where(_I.issuance_id == issuance_id, _IS_ISSUED, _I.student > after)
    return list(await conn.scalars(query.order_by(_I.student).limit(limit)))


class SlotsDue(NamedTuple):
    """Slots of one student in one batch that the desk of this epoch has to free."""

    student: StudentId
    batch_id: BatchId
    epoch: int
    in_batch: list[int]
    in_campaign: list[int]
    person: str = ""  # for whom it counted
    of_person: Sequence[int] = ()


async def mark_taken_back(
    conn: AsyncConnection,
    issuance_id: str,
    students: Sequence[StudentId],
    now: int,
    due: Sequence[SlotsDue],
) -> None:
    """Note that these students' coupons were taken back, and which slots the desk has to free now."""
    marked = update(issuance_items).where(_of(conn, issuance_id, students))
    await conn.execute(marked.values(taken_back_at=now))
    of_student: defaultdict[StudentId, list[tuple[object, ...]]] = defaultdict(list)
    for one in due:
        of_student[one.student].append(one[1:])
    if of_student:
        rows = pairs(
            conn, [(student, orjson.dumps(slots).decode()) for student, slots in of_student.items()]
        )
        await conn.execute(
            update(issuance_items)
            .where(_I.issuance_id == issuance_id, _I.student == rows.c.first)
            .values(desk_slots=rows.c.second)
        )


async def slots_due(
    conn: AsyncConnection, issuance_id: str, students: Sequence[StudentId]
) -> list[SlotsDue]:
    """Return the slots of these students that the desk has to free."""
    query = select(_I.student, _I.desk_slots).where(
        _of(conn, issuance_id, students), _I.desk_slots.is_not(None)
    )
    return [
        SlotsDue(row[0], *slots)
        for row in await conn.execute(query)
        for slots in orjson.loads(row[1])
    ]


async def mark_slots_freed(
    conn: AsyncConnection, issuance_id: str, students: Sequence[StudentId]
) -> None:
    await conn.execute(
        update(issuance_items).where(_of(conn, issuance_id, students)).values(desk_slots=None)
    )


async def delete_old(conn: AsyncConnection, now: int) -> int:
    """Delete some items of issuances that ended long ago; return how many. Their coupons stay."""
    over = select(issuances.c.id).where(issuances.c.finished_at < now - KEPT_MS)
    # From an index, although most of these issuances have no items left: they are few.
    some = select(_I.issuance_id, _I.student).where(_I.issuance_id.in_(over)).limit(DELETED_AT_ONCE)
    rows = (await conn.execute(some)).all()
    by_issuance: defaultdict[str, list[StudentId]] = defaultdict(list)
    for issuance_id, student in rows:
        by_issuance[issuance_id].append(student)
    for issuance_id, students in by_issuance.items():
        await conn.execute(delete(issuance_items).where(_of(conn, issuance_id, students)))
    return len(rows)


def _of(
    conn: AsyncConnection, issuance_id: str, students: Collection[StudentId]
) -> ColumnElement[bool]:
    return and_(_I.issuance_id == issuance_id, is_among(conn, _I.student, students))
