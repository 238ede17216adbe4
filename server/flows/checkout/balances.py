"""Move rebates to and from a student's balance, and the balance to and from orders.

Called by the redemption and refund flows inside their transactions, by the worker for rebates whose return
window is over, and by the API for the student. A locked order has taken its part of the balance; an order
that is cancelled, or whose lock ends, gives it back.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.checkout.balances import (
    BalanceEntry,
    DueRebate,
    EntryKind,
    RebateState,
    due_at,
)
from server.core.checkout.paid_orders import PaidLine, undone
from server.core.checkout.redemptions import Redemption
from server.core.refusals import Code, Refused
from server.flows.abort import Abort, returns_refusal
from server.ids import new_id
from server.ledger.checkout import balances
from server.ledger.engine import Ledger

MAX_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Account:
    """A student's balances by currency in minor units, and a page of entries, newest first. `next` is None on
    the last page.
    """

    amounts: Mapping[str, int]
    entries: tuple[BalanceEntry, ...]
    next: str | None


@returns_refusal
async def show_account(
    ledger: Ledger, student: str, limit: int, after: str | None
) -> Account | Refused:
    """Return the balances and a page of entries from behind the entry `after`; `limit` up to MAX_PAGE."""
    limit = max(1, min(limit, MAX_PAGE))
    async with ledger.read() as conn:
        amounts = await balances.of_student(conn, student)
        found = await balances.page_of_entries(conn, student, limit + 1, after)
    page = tuple(found[:limit])
    return Account(amounts, page, page[-1].id if len(found) > limit else None)


async def take(conn: AsyncConnection, order: Redemption, now: int) -> None:
    """Take the order's part of the balance; Abort(total_changed) where the balance is no longer enough."""
    if not order.balance:
        return
    currency = order.order.currency
    if not await balances.spend(conn, order.student, currency, order.balance, order.id, now):
        raise Abort(Refused(Code.TOTAL_CHANGED, "the balance is not enough any more"))


async def give_back(conn: AsyncConnection, order: Redemption, amount: int, now: int) -> None:
    """Give `amount` of what the order has taken back to its student's balance."""
    if amount:
        entry = BalanceEntry(
            id=new_id("bal"),
            at=now,
            currency=order.order.currency,
            amount=amount,
            kind=EntryKind.GIVEN_BACK,
            redemption_id=order.id,
        )
        await balances.add(conn, order.student, entry)


async def earn_all(conn: AsyncConnection, paid: Redemption, now: int) -> None:
    """Write the rebates that a paid order earns; those without a return window are credited at once."""
    for frozen in paid.rebates:
        rebate = DueRebate(
            id=new_id("rbt"),
            redemption_id=paid.id,
            coupon_id=frozen.coupon_id,
            student=paid.student,
            currency=paid.order.currency,
            amount=frozen.amount,
            line_shares=frozen.line_shares,
            state=RebateState.PENDING,
            due_at=due_at(now if paid.paid_at is None else paid.paid_at, frozen.days),
        )
        await earn(conn, rebate, now)


async def earn(conn: AsyncConnection, rebate: DueRebate, now: int) -> None:
    """Write one rebate, and credit it if it is due. Repeatable: known by its coupon and order."""
    if await balances.insert_rebate(conn, rebate, now) and rebate.due_at <= now:
        await _credit(conn, rebate.id, now)


async def credit_due(ledger: Ledger, now: int, limit: int = 200) -> int:
    """Credit rebates whose return window is over at `now` (ms); return how many were found.

    Each is credited in a transaction of its own. Any number of workers may call it at the same time.
    """
    async with ledger.read() as conn:
        waiting = await balances.due(conn, now, limit)
    for rebate_id in waiting:
        async with ledger.begin() as conn:
            await _credit(conn, rebate_id, now)
    return len(waiting)


async def take_back(
    conn: AsyncConnection,
    redemption_id: str,
    lines: Collection[PaidLine],
    unearned: Collection[str],
    now: int,
) -> None:
    """Reduce the order's rebates after a refund. `lines` are all lines as they are after it.

    A rebate that is not credited yet becomes smaller. A credited one is taken off the balance, which becomes
    negative where the student has spent it. `unearned` are ids of coupons whose whole rebate is taken back.
    """
    for rebate in await balances.rebates_of(conn, redemption_id):
        is_unearned = rebate.coupon_id in unearned
        gone = rebate.amount if is_unearned else undone(rebate.line_shares, lines)
        gone = max(gone, rebate.taken_back)  # never less: what was taken back is not credited again
        if gone == rebate.taken_back:
            continue
        await balances.take_back(conn, rebate, gone)
        if rebate.state is RebateState.CREDITED:
            await _enter(conn, rebate, rebate.taken_back - gone, EntryKind.TAKEN_BACK, now)


async def _credit(conn: AsyncConnection, rebate_id: str, now: int) -> None:
    credited = await balances.mark_credited(conn, rebate_id, now)
    if credited is None or credited.amount == credited.taken_back:
        return
    await _enter(conn, credited, credited.amount - credited.taken_back, EntryKind.REBATE, now)


async def _enter(
    conn: AsyncConnection, rebate: DueRebate, amount: int, kind: EntryKind, now: int
) -> None:
    """Add an entry to the balance whose reason is this rebate."""
    entry = BalanceEntry(
        id=new_id("bal"),
        at=now,
        currency=rebate.currency,
        amount=amount,
        kind=kind,
        redemption_id=rebate.redemption_id,
    )
    await balances.add(conn, rebate.student, entry)
