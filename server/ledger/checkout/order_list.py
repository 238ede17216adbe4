"""The list of orders, newest lock first, for the office. Reads only; called by api/checkout/order_list.py."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ledger.bounded_pages import (
    Columns,
    Condition,
    Cursor,
    Times,
    created_within,
    made_within,
    page_of_ids,
)
from server.ledger.tables import coupons, redemption_coupons, redemptions, refunds


class OrderFilter(NamedTuple):
    """The orders to list. None: all. `batch_id`: with a coupon of this batch. `times`: of the first lock."""

    student: str | None = None
    state: str | None = None
    batch_id: str | None = None
    times: Times = Times()


class ListedOrder(NamedTuple):
    """An order in the list. Instants are in ms, amounts in minor units. `refunded`: all refunds so far."""

    id: str
    order_id: str
    student: str
    state: str
    currency: str
    subtotal: int
    discount: int
    payable: int
    payment_ref: str | None
    created_at: int
    paid_at: int | None
    expires_at: int
    refunded: int = 0
    codes: tuple[str, ...] = ()


async def page_of_orders(
    conn: AsyncConnection, wanted: OrderFilter, cursor: Cursor
) -> tuple[list[ListedOrder], str | None]:
    """Return a page of orders, and the cursor of the next one (ledger/bounded_pages.py)."""
    by_index = made_within(redemptions.c, "rdm", wanted.times)
    if wanted.student is not None:
        by_index.append(redemptions.c.student == wanted.student)
    ids, following = await page_of_ids(
        conn, redemptions, by_index, lambda columns: _among(columns, wanted), cursor
    )
    return await orders_of(conn, ids), following


async def orders_of(conn: AsyncConnection, ids: Sequence[str]) -> list[ListedOrder]:
    """Return the orders with these redemption ids, newest first."""
    if not ids:
        return []
    rows = await conn.execute(select(*_COLUMNS).where(redemptions.c.id.in_(ids)))
    found = sorted((ListedOrder(*row) for row in rows), key=lambda one: one.id, reverse=True)
    sums = await conn.execute(
        select(refunds.c.redemption_id, func.max(refunds.c.total))
        .where(refunds.c.redemption_id.in_(ids))
        .group_by(refunds.c.redemption_id)
    )
    refunded: dict[str, int] = {row[0]: row[1] for row in sums}
    codes: dict[str, list[str]] = {}
    used = await conn.execute(
        select(redemption_coupons.c.redemption_id, coupons.c.code)
        .join(coupons, coupons.c.id == redemption_coupons.c.coupon_id)
        .where(redemption_coupons.c.redemption_id.in_(ids))
        .order_by(redemption_coupons.c.redemption_id, redemption_coupons.c.position)
    )
    for redemption_id, code in used:
        codes.setdefault(redemption_id, []).append(code)
    return [
        one._replace(refunded=refunded.get(one.id, 0), codes=tuple(codes.get(one.id, ())))
        for one in found
    ]


def _among(columns: Columns, wanted: OrderFilter) -> list[Condition]:
    conditions = created_within(columns, wanted.times)
    if wanted.state is not None:
        conditions.append(columns.state == wanted.state)
    if wanted.batch_id is not None:
        of_batch = redemption_coupons.join(coupons, coupons.c.id == redemption_coupons.c.coupon_id)
        conditions.append(
            exists()
            .select_from(of_batch)
            .where(
                redemption_coupons.c.redemption_id == columns.id,
                coupons.c.batch_id == wanted.batch_id,
            )
            .correlate_except(redemption_coupons, coupons)
        )
    return conditions


_COLUMNS = tuple(redemptions.c[name] for name in ListedOrder._fields[:-2])
