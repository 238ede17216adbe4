"""The parts of a campaign's budget: free, exposed and settled, moved by conditional UPDATEs.

Called by ledger/promotions/batch_stock.py (units that go back) and flows/promotions/budgets.py. Nothing is
counted first, so two transactions cannot both take the last part. Money is in minor units, pieces are
coupons.

Invariant: amount = free + exposed + settled, a CHECK of the table; each move is therefore one statement. Lock
order: batches, drops and coupons before budgets, and money before pieces, so that two transactions cannot
deadlock.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.promotions.campaigns import BudgetKind, levels_crossed
from server.ledger.bulk import insert_into
from server.ledger.tables import (
    batches,
    campaign_budgets,
    campaign_warnings,
    coupons,
)

# The values of `coupons.budget`: where the coupon's part of its campaign's budget is.
BUDGET_EXPOSED: Final = "exposed"  # set aside: the coupon may still be used
BUDGET_SETTLED: Final = "settled"  # spent: the coupon was used
BUDGET_RETURNED: Final = "returned"  # free again: the coupon can no longer be used


@dataclass(frozen=True, slots=True)
class BudgetMove:
    """The amounts that a move adds to each part of a budget; their sum is 0."""

    free: int = 0
    exposed: int = 0
    settled: int = 0

    def __add__(self, other: "BudgetMove") -> "BudgetMove":
        return BudgetMove(
            self.free + other.free, self.exposed + other.exposed, self.settled + other.settled
        )


@dataclass(frozen=True, slots=True)
class CouponBudgetPart:
    """A coupon's part of its campaign's budget.

    `status` is one of BUDGET_*; `greatest_discount` is the most that the coupon can take off (minor units).
    """

    coupon_id: str
    campaign_id: str
    status: str
    greatest_discount: int


@dataclass(frozen=True, slots=True)
class BudgetWarning:
    """A level of a budget (percent) that was reached for the first time, at `at` (ms)."""

    campaign_id: str
    kind: BudgetKind
    level: int
    at: int


async def take(
    conn: AsyncConnection, campaign_id: str, kind: BudgetKind, amount: int, now: int
) -> bool:
    """Move the amount from free to exposed. False: less is free, or there is no such budget."""
    move = BudgetMove(free=-amount, exposed=amount)
    return await _move(conn, campaign_id, kind, move, now, must_fit=True)


async def move(
    conn: AsyncConnection, campaign_id: str, kind: BudgetKind, by: BudgetMove, now: int
) -> None:
    """Move, even if free becomes negative: the use of a coupon is never refused for its budget. Does nothing
    if there is no such budget.
    """
    await _move(conn, campaign_id, kind, by, now, must_fit=False)


async def move_if_free(
    conn: AsyncConnection, campaign_id: str, kind: BudgetKind, by: BudgetMove, now: int
) -> bool:
    """Move, if enough is free. False: less is free, and nothing was moved. True without such a budget."""
    if await _move(conn, campaign_id, kind, by, now, must_fit=True):
        return True
    return await free_of(conn, campaign_id, kind) is None


async def enlarge(
    conn: AsyncConnection, campaign_id: str, kind: BudgetKind, amount: int, most: int
) -> bool:
    """Add to the budget; what is added is free. False: it would be more than `most`, or there is no such
    budget."""
    b = campaign_budgets.c
    raised = update(campaign_budgets).where(_is(campaign_id, kind), b.amount <= most - amount)
    done = await conn.execute(raised.values(amount=b.amount + amount, free=b.free + amount))
    return done.rowcount == 1


async def free_of(conn: AsyncConnection, campaign_id: str, kind: BudgetKind) -> int | None:
    """Return the free part of the budget; None if there is no such budget."""
    query = select(campaign_budgets.c.free).where(_is(campaign_id, kind))
    found = await conn.scalar(query)
    return None if found is None else int(found)


async def lock_free(
    conn: AsyncConnection, campaign_ids: Collection[str]
) -> dict[tuple[str, str], int]:
    """Lock the budgets of these campaigns until the transaction ends; return what is free, by campaign and
    kind.
    """
    b = campaign_budgets.c
    query = select(b.campaign_id, b.kind, b.free).where(b.campaign_id.in_(campaign_ids))
    # In the order in which every transaction locks them: money before pieces.
    rows = await conn.execute(query.order_by(b.campaign_id, b.kind).with_for_update())
    return {(row[0], row[1]): row[2] for row in rows}


async def give_back_units(conn: AsyncConnection, batch_id: str, units: int) -> None:
    """Free the exposed part of units that go back to the batch. Does nothing without a campaign."""
    query = select(batches.c.campaign_id, batches.c.greatest_discount)
    row = (await conn.execute(query.where(batches.c.id == batch_id))).first()
    if row is not None and row[0] is not None and row[1] is not None and units:
        await give_back_units_of(conn, row[0], row[1], units)


async def give_back_units_of(
    conn: AsyncConnection, campaign_id: str, greatest_discount: int, units: int
) -> None:
    """Free the exposed part of units of a batch of this campaign."""
    money = greatest_discount * units
    for kind, amount in ((BudgetKind.MONEY, money), (BudgetKind.PIECES, units)):
        # Giving back reaches no warning level, so the time is not used.
        await move(conn, campaign_id, kind, BudgetMove(free=amount, exposed=-amount), now=0)


async def parts_of(conn: AsyncConnection, coupon_ids: Collection[str]) -> list[CouponBudgetPart]:
    """Return the parts of those of these coupons whose campaign has a budget. The caller has locked their
    rows.
    """
    query = _parts().where(coupons.c.id.in_(coupon_ids))
    return [_part(row) for row in await conn.execute(query)]


async def expired(conn: AsyncConnection, now: int, limit: int) -> list[CouponBudgetPart]:
    """Return parts that are still exposed though the coupon has expired, longest expired first.

    Without coupons on an order, and without coupons with a hold: the end of the hold gives back the unit and
    with it the part.
    """
    is_exposed = (coupons.c.budget == BUDGET_EXPOSED) & coupons.c.hold_until.is_(None)
    query = _parts().where(is_exposed, coupons.c.valid_until <= now, coupons.c.state == "usable")
    query = query.where(coupons.c.student.is_not(None))  # an unbound code has no window yet
    query = query.order_by(coupons.c.valid_until, coupons.c.id).limit(limit)
    return [_part(row) for row in await conn.execute(query)]


async def mark(conn: AsyncConnection, part: CouponBudgetPart, status: str) -> bool:
    """Set the status of the coupon's part. False: it has changed since it was read, and the transaction that
    changed it has moved the budget.
    """
    moved = await conn.execute(
        update(coupons)
        .where(coupons.c.id == part.coupon_id, coupons.c.budget == part.status)
        .values(budget=status)
    )
    return moved.rowcount == 1


async def mark_expired(
    conn: AsyncConnection, parts: Sequence[CouponBudgetPart], now: int
) -> list[CouponBudgetPart]:
    """Mark parts of expired coupons as returned; return those that this call has marked.

    Skips coupons that were used or put on an order meanwhile, and rows that another transaction has locked.
    """
    ids = [part.coupon_id for part in parts]
    still = and_(
        coupons.c.id.in_(ids),
        coupons.c.budget == BUDGET_EXPOSED,
        coupons.c.state == "usable",
        coupons.c.valid_until <= now,
    )
    free = select(coupons.c.id).where(still).order_by(coupons.c.id)
    moved = await conn.execute(
        update(coupons)
        .where(coupons.c.id.in_(free.with_for_update(skip_locked=True)), still)
        .values(budget=BUDGET_RETURNED)
        .returning(coupons.c.id)
    )
    gone = set(moved.scalars())
    return [part for part in parts if part.coupon_id in gone]


async def take_unlogged_warnings(
    conn: AsyncConnection, now: int, limit: int
) -> list[BudgetWarning]:
    """Return warnings that are not logged yet, and mark them as logged."""
    unlogged = (
        select(campaign_warnings)
        .where(campaign_warnings.c.told_at.is_(None))
        .order_by(campaign_warnings.c.at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found = []
    for row in (await conn.execute(unlogged)).mappings():
        marked = await conn.execute(
            update(campaign_warnings)
            .where(
                campaign_warnings.c.campaign_id == row["campaign_id"],
                campaign_warnings.c.kind == row["kind"],
                campaign_warnings.c.level == row["level"],
                campaign_warnings.c.told_at.is_(None),
            )
            .values(told_at=now)
        )
        if marked.rowcount:
            kind = BudgetKind(row["kind"])
            found.append(BudgetWarning(row["campaign_id"], kind, row["level"], row["at"]))
    return found


async def has_unlogged_warnings(conn: AsyncConnection) -> bool:
    """Return whether there is a warning that is not logged yet."""
    query = select(campaign_warnings.c.level).where(campaign_warnings.c.told_at.is_(None)).limit(1)
    return await conn.scalar(query) is not None


def _parts() -> Select[*tuple[Any, ...]]:
    return (
        select(coupons.c.id, batches.c.campaign_id, coupons.c.budget, batches.c.greatest_discount)
        .join(batches, batches.c.id == coupons.c.batch_id)
        .where(coupons.c.budget.is_not(None), batches.c.campaign_id.is_not(None))
    )


def _part(row: Sequence[Any]) -> CouponBudgetPart:
    return CouponBudgetPart(row[0], row[1], row[2], row[3] or 0)


async def _move(
    conn: AsyncConnection,
    campaign_id: str,
    kind: BudgetKind,
    by: BudgetMove,
    now: int,
    must_fit: bool,
) -> bool:
    b = campaign_budgets.c
    statement = update(campaign_budgets).where(_is(campaign_id, kind))
    if must_fit:
        statement = statement.where(b.free + by.free >= 0)
    row = (
        await conn.execute(
            statement.values(
                free=b.free + by.free,
                exposed=b.exposed + by.exposed,
                settled=b.settled + by.settled,
            ).returning(b.amount, b.free)
        )
    ).first()
    if row is None:
        return False
    taken = row[0] - row[1]
    for level in levels_crossed(row[0], taken + by.free, taken):
        await _warn(conn, campaign_id, kind, level, now)
    return True


async def _warn(
    conn: AsyncConnection, campaign_id: str, kind: BudgetKind, level: int, now: int
) -> None:
    """Insert the warning, once for each level of a budget."""
    warning = insert_into(conn.dialect, campaign_warnings).on_conflict_do_nothing()
    await conn.execute(
        warning.values(campaign_id=campaign_id, kind=kind.value, level=level, at=now)
    )


def _is(campaign_id: str, kind: BudgetKind) -> ColumnElement[bool]:
    return and_(
        campaign_budgets.c.campaign_id == campaign_id, campaign_budgets.c.kind == kind.value
    )
