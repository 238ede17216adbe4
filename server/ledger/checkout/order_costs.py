"""Computes what coupons cost on paid orders: discounts, rebates and gifts, less what refunds have undone.

Called by ledger/consistency/budget_audit.py, which compares it with the settled part of budgets. The database
sums up orders without a refund; orders with one are few, and core/checkout/paid_orders.py computes them.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from sqlalchemy import Select, and_, case, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.checkout.redemptions import RedemptionState
from server.core.coupons.coupons import Coupon
from server.ledger.checkout import redemptions as redemption_rows
from server.ledger.checkout import refunds as refund_rows
from server.ledger.coupons import coupons as coupon_rows
from server.ledger.tables import batches, coupons, rebates, redemption_coupons, redemptions, refunds

_AT_ONCE: Final = 100  # orders in one page


async def by_batch(conn: AsyncConnection) -> Mapping[str, int]:
    """Return, by batch, what its coupons cost on paid orders (minor units); only coupons with a budget."""
    found: defaultdict[str, int] = defaultdict(int)
    for batch_id, cost in await conn.execute(_not_refunded()):
        found[batch_id] += int(cost)
    after = ""
    while True:
        ids = list(await conn.scalars(_refunded(after)))
        for redemption_id in ids:
            for batch_id, cost in (await _costs_of(conn, redemption_id)).items():
                found[batch_id] += cost
        if len(ids) < _AT_ONCE:
            return found
        after = ids[-1]


async def _costs_of(conn: AsyncConnection, redemption_id: str) -> Mapping[str, int]:
    """Return the costs by batch of one order that has a refund."""
    paid = await redemption_rows.find(conn, redemption_id)
    if paid is None:  # rows are never deleted
        raise RuntimeError(f"redemption {redemption_id} is gone")
    ids = [each.coupon_id for each in paid.coupons]
    used: dict[str, Coupon] = {one.id: one for one in await coupon_rows.by_ids(conn, ids)}
    lines = await refund_rows.with_counters(conn, paid.id, paid.paid_lines)
    account = paid.account(lines, [used[coupon_id].template for coupon_id in ids])
    has_part = set(await conn.scalars(_with_part().where(coupons.c.id.in_(ids))))
    costs: defaultdict[str, int] = defaultdict(int)
    for coupon_id, cost in zip(ids, account.costs(), strict=True):
        if coupon_id in has_part:
            costs[used[coupon_id].batch_id] += cost
    return costs


def _with_part() -> Select[str]:
    return select(coupons.c.id).where(coupons.c.budget.is_not(None))


def _not_refunded() -> Select[*tuple[str, int]]:
    """Sum up orders without a refund. A coupon without discount and rebate is a gift: it costs the greatest
    discount of its batch.
    """
    its_rebate = and_(
        rebates.c.redemption_id == redemption_coupons.c.redemption_id,
        rebates.c.coupon_id == redemption_coupons.c.coupon_id,
    )
    cost = case(
        (redemption_coupons.c.discount > 0, redemption_coupons.c.discount),
        else_=func.coalesce(rebates.c.amount, batches.c.greatest_discount, 0),
    )
    was_refunded = exists().where(refunds.c.redemption_id == redemptions.c.id)
    return (
        select(coupons.c.batch_id, func.sum(cost))
        .select_from(redemption_coupons)
        .join(redemptions, redemptions.c.id == redemption_coupons.c.redemption_id)
        .join(coupons, coupons.c.id == redemption_coupons.c.coupon_id)
        .join(batches, batches.c.id == coupons.c.batch_id)
        .outerjoin(rebates, its_rebate)
        .where(
            redemptions.c.state == RedemptionState.REDEEMED,
            coupons.c.budget.is_not(None),
            ~was_refunded,
        )
        .group_by(coupons.c.batch_id)
    )


def _refunded(after: str) -> Select[str]:
    """Select a page of redemptions, after `after`, that have a refund and a coupon with a budget."""
    return (
        select(redemption_coupons.c.redemption_id)
        .join(coupons, coupons.c.id == redemption_coupons.c.coupon_id)
        .where(
            coupons.c.budget.is_not(None),
            redemption_coupons.c.redemption_id > after,
            exists().where(refunds.c.redemption_id == redemption_coupons.c.redemption_id),
        )
        .distinct()
        .order_by(redemption_coupons.c.redemption_id)
        .limit(_AT_ONCE)
    )
