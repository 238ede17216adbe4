"""Compares the row of each campaign's budget with what its drops, coupons and orders add up to.

Called by flows/consistency/checks/ledger_checks.py (doctor) and by tests that interrupt a flow.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.promotions.campaigns import BudgetKind
from server.ledger.checkout import order_costs
from server.ledger.promotions.budgets import BUDGET_RETURNED, BUDGET_SETTLED
from server.ledger.tables import batches, campaign_budgets, coupons, drops


@dataclass(frozen=True, slots=True)
class BudgetAudit:
    """A budget's row and the counted sums. Money is in minor units, pieces are coupons."""

    campaign_id: str
    kind: BudgetKind
    exposed: int
    settled: int
    exposed_counted: int
    settled_counted: int


async def mismatched_budgets(conn: AsyncConnection) -> list[BudgetAudit]:
    """Return budgets whose row differs from the counted sums, both in the snapshot of this transaction."""
    counted = await _counted(conn)
    rows = (await conn.execute(select(campaign_budgets))).mappings()
    audits = [
        BudgetAudit(
            row["campaign_id"],
            BudgetKind(row["kind"]),
            row["exposed"],
            row["settled"],
            *counted[row["campaign_id"], BudgetKind(row["kind"])],
        )
        for row in rows
    ]
    return [
        one
        for one in audits
        if (one.exposed, one.settled) != (one.exposed_counted, one.settled_counted)
    ]


async def _counted(conn: AsyncConnection) -> Mapping[tuple[str, BudgetKind], tuple[int, int]]:
    """Count (campaign id, kind) -> (exposed, settled).

    Exposed pieces are the units of drops and the coupons without a drop, less those that are settled or
    returned. Settled money is what coupons cost on paid orders, less what refunds have undone; a coupon that
    was given back and used again costs on each order.
    """
    exposed_pieces: defaultdict[str, int] = defaultdict(int)
    in_drops = func.sum(drops.c.quantity - drops.c.returned)
    of_drops = select(drops.c.batch_id, in_drops).where(
        drops.c.state != "prepared", drops.c.rehearsal.is_(False)
    )
    for batch_id, units in await conn.execute(of_drops.group_by(drops.c.batch_id)):
        exposed_pieces[batch_id] += int(units)
    over = func.sum(case((coupons.c.budget.in_((BUDGET_SETTLED, BUDGET_RETURNED)), 1), else_=0))
    issued = func.sum(case((coupons.c.drop_id.is_(None), 1), else_=0))
    used = func.sum(case((coupons.c.budget == BUDGET_SETTLED, 1), else_=0))
    of_coupons = select(coupons.c.batch_id, issued, over, used).where(coupons.c.budget.is_not(None))
    settled: defaultdict[str, int] = defaultdict(int)
    for row in await conn.execute(of_coupons.group_by(coupons.c.batch_id)):
        exposed_pieces[row[0]] += int(row[1]) - int(row[2])
        settled[row[0]] += int(row[3])
    costs = await order_costs.by_batch(conn)
    found: defaultdict[tuple[str, BudgetKind], tuple[int, int]] = defaultdict(lambda: (0, 0))
    query = select(batches.c.id, batches.c.campaign_id, batches.c.greatest_discount)
    for batch_id, campaign_id, greatest in await conn.execute(
        query.where(batches.c.campaign_id.is_not(None))
    ):
        money, pieces = (campaign_id, BudgetKind.MONEY), (campaign_id, BudgetKind.PIECES)
        exposed, spent = found[money]
        found[money] = (
            exposed + exposed_pieces[batch_id] * (greatest or 0),
            spent + costs.get(batch_id, 0),
        )
        exposed, spent = found[pieces]
        found[pieces] = (exposed + exposed_pieces[batch_id], spent + settled[batch_id])
    return found
