"""Compares what the lines of statements say of each order with what the order says (promise I14).

Called by flows/consistency/checks/statement_checks.py (doctor). Orders are read along the index of their
lines.
"""

from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ledger.tables import redemptions, refunds, statement_lines

_L = statement_lines.c


class OrderAudit(NamedTuple):
    """The sums of an order by its lines, and by the order itself; minor units."""

    order_id: str
    lines_paid: int
    lines_share: int
    lines_refunded: int
    paid: int
    discount: int
    refunded: int

    @property
    def adds_up(self) -> bool:
        return (self.lines_paid, self.lines_share, self.lines_refunded) == (
            self.paid,
            self.discount,
            self.refunded,
        )


async def page_of_orders(conn: AsyncConnection, after: str, limit: int) -> list[OrderAudit]:
    """Return a page of orders that have lines, by their id, from one snapshot."""
    summed = (
        select(
            _L.order,
            func.sum(_L.paid).label("paid"),
            func.sum(_L.share).label("share"),
            func.sum(_L.refunded).label("refunded"),
        )
        .where(_L.order > after)
        .group_by(_L.order)
        .order_by(_L.order)
        .limit(limit)
        .subquery()
    )
    back = (
        select(func.coalesce(func.sum(refunds.c.refunded), 0))
        .where(refunds.c.redemption_id == redemptions.c.id)
        .scalar_subquery()
    )
    query = (
        select(
            *(summed.c.order, summed.c.paid, summed.c.share, summed.c.refunded),
            *(redemptions.c.payable, redemptions.c.discount, back),
        )
        .select_from(summed.join(redemptions, redemptions.c.order_id == summed.c.order))
        .order_by(summed.c.order)
    )
    found = await conn.execute(query)
    return [OrderAudit(row[0], *(int(value) for value in row[1:])) for row in found]
