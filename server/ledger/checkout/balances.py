"""Rebates and balances as rows. Invariant: every change of a balance has an entry that says why.

Called by flows/checkout/balances.py inside its transactions and those of redemptions and refunds. Amounts are
in minor units, instants in ms. Lock order: the rows of the order and of its coupons before the balance.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.checkout.balances import BalanceEntry, DueRebate, EntryKind, RebateState
from server.ids import new_id
from server.ledger.bulk import insert_into
from server.ledger.tables import balance_entries, balances, rebates
from server.ledger.together import Reading

_balance = balances.c


async def of_student(conn: AsyncConnection, student: str) -> dict[str, int]:
    """Return the student's balances by currency."""
    found = await conn.execute(OF_STUDENT.query, {"student": student})
    return {row.currency: row.amount for row in found}


OF_STUDENT: Final = Reading(
    select(_balance.currency, _balance.amount).where(_balance.student == bindparam("student")),
    lambda rows: {row["currency"]: row["amount"] for row in rows},
)


async def find_for_update(conn: AsyncConnection, student: str, currency: str) -> int:
    """Return the balance and lock its row until the transaction ends; 0 if the student never had one.

    Unit: minor units of the currency.
    """
    query = select(_balance.amount).where(
        _balance.student == student, _balance.currency == currency
    )
    return await conn.scalar(query.with_for_update()) or 0


async def spend(
    conn: AsyncConnection, student: str, currency: str, amount: int, redemption_id: str, now: int
) -> bool:
    """Take the amount from the balance. False: there is less, and nothing was taken."""
    taken = await conn.execute(
        update(balances)
        .where(
            _balance.student == student, _balance.currency == currency, _balance.amount >= amount
        )
        .values(amount=_balance.amount - amount)
    )
    if taken.rowcount != 1:
        return False
    entry = BalanceEntry(new_id("bal"), now, currency, -amount, EntryKind.SPENT, redemption_id)
    await _write_entry(conn, student, entry)
    return True


async def add(conn: AsyncConnection, student: str, entry: BalanceEntry) -> None:
    """Add the entry's amount to the balance; the amount is negative if a rebate is taken back."""
    fresh = insert_into(conn.dialect, balances).values(
        student=student, currency=entry.currency, amount=entry.amount
    )
    await conn.execute(
        fresh.on_conflict_do_update(
            index_elements=[_balance.student, _balance.currency],
            set_={"amount": _balance.amount + fresh.excluded.amount},
        )
    )
    await _write_entry(conn, student, entry)


async def insert_rebate(conn: AsyncConnection, rebate: DueRebate, now: int) -> bool:
    """Insert the rebate. False: the order has this rebate already."""
    fresh = insert_into(conn.dialect, rebates).values(
        id=rebate.id,
        redemption_id=rebate.redemption_id,
        coupon_id=rebate.coupon_id,
        student=rebate.student,
        currency=rebate.currency,
        amount=rebate.amount,
        shares=dict(rebate.line_shares),
        state=rebate.state.value,
        due_at=rebate.due_at,
        created_at=now,
    )
    made = await conn.execute(
        fresh.on_conflict_do_nothing(
            index_elements=[rebates.c.redemption_id, rebates.c.coupon_id]
        ).returning(rebates.c.id)
    )
    return made.first() is not None


async def rebates_of(conn: AsyncConnection, redemption_id: str) -> list[DueRebate]:
    """Return the order's rebates with their rows locked until the transaction ends, in the order of ids."""
    query = select(rebates).where(rebates.c.redemption_id == redemption_id)
    found = await conn.execute(query.order_by(rebates.c.id).with_for_update())
    return [_rebate(row) for row in found]


async def due(conn: AsyncConnection, now: int, limit: int) -> list[str]:
    """Return ids of pending rebates that are due, oldest first."""
    query = (
        select(rebates.c.id)
        .where(rebates.c.state == RebateState.PENDING.value, rebates.c.due_at <= now)
        .order_by(rebates.c.due_at)
        .limit(limit)
    )
    return list(await conn.scalars(query))


async def mark_credited(conn: AsyncConnection, rebate_id: str, now: int) -> DueRebate | None:
    """Mark the rebate as credited and return it. None: it is credited already, or not due."""
    moved = await conn.execute(
        update(rebates)
        .where(
            rebates.c.id == rebate_id,
            rebates.c.state == RebateState.PENDING.value,
            rebates.c.due_at <= now,
        )
        .values(state=RebateState.CREDITED.value)
        .returning(rebates)
    )
    row = moved.first()
    return _rebate(row) if row is not None else None


async def take_back(conn: AsyncConnection, rebate: DueRebate, taken_back: int) -> None:
    """Set how much of the rebate was taken back in all. The caller has locked the row (`rebates_of`)."""
    await conn.execute(
        update(rebates).where(rebates.c.id == rebate.id).values(taken_back=taken_back)
    )


async def page_of_entries(
    conn: AsyncConnection, student: str, limit: int, after: str | None
) -> Sequence[BalanceEntry]:
    """Return a page of the student's entries, newest first, that begins after the entry `after`."""
    query = select(balance_entries).where(balance_entries.c.student == student)
    if after is not None:
        query = query.where(balance_entries.c.id < after)
    found = await conn.execute(query.order_by(balance_entries.c.id.desc()).limit(limit))
    return [
        BalanceEntry(
            row.id, row.at, row.currency, row.amount, EntryKind(row.kind), row.redemption_id
        )
        for row in found
    ]


async def _write_entry(conn: AsyncConnection, student: str, entry: BalanceEntry) -> None:
    await conn.execute(
        insert(balance_entries).values(
            id=entry.id,
            student=student,
            currency=entry.currency,
            at=entry.at,
            amount=entry.amount,
            kind=entry.kind.value,
            redemption_id=entry.redemption_id,
        )
    )


def _rebate(row: Any) -> DueRebate:
    return DueRebate(
        id=row.id,
        redemption_id=row.redemption_id,
        coupon_id=row.coupon_id,
        student=row.student,
        currency=row.currency,
        amount=row.amount,
        line_shares=row.shares,
        state=RebateState(row.state),
        due_at=row.due_at,
        taken_back=row.taken_back,
    )
