"""Compares the items of issuances with their coupons, and with the counts of each issuance (promise I10).

Called by flows/consistency/checks/issuance_checks.py (doctor). Issuances are read page by page; items are
counted along their key. Old items are deleted with time, so an issuance without items is not compared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, distinct, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.issuances import IssuanceState
from server.ledger.tables import coupons, issuance_items, issuances


@dataclass(frozen=True, slots=True)
class IssuanceAudit:
    """An issuance: what its row says, what its items say, and how many of its students have coupons.

    `pending` are its items without an outcome, `is_over`: nobody drives it on.
    """

    id: str
    batch_id: str | None
    asked: int
    decided: int
    issued: int
    is_over: bool
    repeats: bool
    items: int = 0
    items_issued: int = 0
    pending: int = 0
    with_coupons: int = 0

    @property
    def adds_up(self) -> bool:
        """Return whether each student has one outcome, and coupons exactly where it is `issued`."""
        if self.repeats:  # it gives nothing itself
            return self.with_coupons == 0
        counted = (self.items, self.items - self.pending, self.items_issued, self.with_coupons)
        is_decided = self.pending == 0 or not self.is_over
        return counted == (self.asked, self.decided, self.issued, self.issued) and is_decided


async def page_of_issuances(conn: AsyncConnection, after: str, limit: int) -> list[IssuanceAudit]:
    """Return a page of issuances in the order of their ids, that begins after `after`; all from one snapshot.
    The last page has fewer than `limit`.
    """
    c = issuances.c
    decided = c.issued + c.refused + c.held_out
    # One that is scheduled for no time waits for an approval.
    is_over = and_(c.due_at.is_(None), c.state != IssuanceState.SCHEDULED.value)
    columns = (c.id, c.batch_id, c.asked, decided, c.issued, is_over)
    query = select(*columns, c.repeat.is_not(None)).where(c.id > after).order_by(c.id)
    rows = (await conn.execute(query.limit(limit))).all()
    ids = [row[0] for row in rows]
    by_outcome = await _by_outcome(conn, ids)
    having = coupons.c.issuance_id
    students = select(having, func.count(distinct(coupons.c.issued_to))).where(having.in_(ids))
    counted = await conn.execute(students.group_by(having))
    with_coupons: dict[str, int] = {row[0]: row[1] for row in counted}
    return [
        IssuanceAudit(
            id=row[0],
            batch_id=row[1],
            asked=row[2],
            decided=row[3],
            issued=row[4],
            is_over=row[5],
            repeats=row[6],
            items=sum(by_outcome.get(row[0], {}).values()),
            items_issued=by_outcome.get(row[0], {}).get("issued", 0),
            pending=by_outcome.get(row[0], {}).get(None, 0),
            with_coupons=with_coupons.get(row[0], 0),
        )
        for row in rows
    ]


async def _by_outcome(
    conn: AsyncConnection, ids: Sequence[str]
) -> Mapping[str, Mapping[str | None, int]]:
    i = issuance_items.c
    query = select(i.issuance_id, i.outcome, func.count()).where(i.issuance_id.in_(ids))
    found: dict[str, dict[str | None, int]] = {}
    for issuance_id, outcome, count in await conn.execute(query.group_by(i.issuance_id, i.outcome)):
        found.setdefault(issuance_id, {})[outcome] = count
    return found
