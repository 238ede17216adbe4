"""What an order would cost: reads the student's coupons and asks the rules. Locks nothing.

Called by the API for the checkout, which is told again, and bindingly, when the order is locked
(flows/checkout/redemptions.py).
"""

import asyncio
from dataclasses import dataclass
from typing import Final, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.checkout import orders, quotes
from server.core.checkout.balances import Spent, spend_on
from server.core.checkout.money_rules import USUAL_RULES, MoneyRules
from server.core.checkout.orders import Order
from server.core.checkout.quote_request import Circumstances
from server.core.checkout.quotes import Question, Quote, Tick
from server.core.checkout.redemptions import Redemption, RedemptionState
from server.core.checkout.work_budget import WorkBudget
from server.core.coupons import codes
from server.core.coupons.coupons import Coupon, CouponState
from server.core.promotions.template_rules import amount_violations
from server.core.refusals import Refused
from server.core.violations import refused
from server.flows.checkout.coupon_availability import circumstances
from server.ledger.checkout import balances, redemptions
from server.ledger.coupons import coupons
from server.ledger.engine import Ledger

# A wallet beyond this is quoted without claiming `exact`.
WALLET_LIMIT: Final = 100


@dataclass(frozen=True, slots=True)
class QuoteForm:
    """`student` None: nobody's coupons, so every code is unknown. `ticked` as it was typed. `balance`: how
    much of the student's to take at most. `order_id`: what this student's order has locked counts as free,
    as it does where the order is locked again."""

    order: Order
    student: str | None = None
    ticked: tuple[str, ...] | Tick = ()
    balance: int = 0
    order_id: str | None = None


@dataclass(frozen=True, slots=True)
class Quoted:
    """`quote` with the balance taken off."""

    quote: Quote
    spent: Spent


async def quote_order(
    ledger: Ledger, form: QuoteForm, now: int, rules: MoneyRules = USUAL_RULES
) -> Quoted | Refused:
    broken = [
        *orders.violations(form.order),
        *quotes.ticked_violations(form.ticked),
        *amount_violations("balance", form.balance, 0),
    ]
    if broken:
        return refused(broken)
    if form.student is None:
        held = _Held([], Circumstances(), 0)
    else:
        async with ledger.read() as conn:
            held = await _read(conn, form, form.student, now)
    off = held.circumstances
    asked = Question(form.order, held.wallet, form.ticked, now, **off, rules=rules)
    return Quoted(*spend_on(await _in_slices(asked), held.balance, form.balance))


async def _in_slices(asked: Question) -> Quote:
    """Others have the loop between two slices, so that a hard quote delays no room (promise I8)."""
    steps = quotes.quoting(asked, WorkBudget())
    while True:
        try:
            next(steps)
        except StopIteration as done:
            answer: Quote = done.value
            return answer
        await asyncio.sleep(0)


class _Held(NamedTuple):
    """What a student has that an order may take."""

    wallet: list[Coupon]
    circumstances: Circumstances
    balance: int


async def _read(conn: AsyncConnection, form: QuoteForm, student: str, now: int) -> _Held:
    """The student's coupons that are not used up, and the ticked ones whatever became of them; what the
    order itself has locked is free."""
    lock = await _own_lock(conn, form.order_id, student)
    typed = () if isinstance(form.ticked, Tick) else form.ticked
    held = await coupons.usable_or_locked(conn, student, now, WALLET_LIMIT + 1)
    ticked = await coupons.by_codes(conn, student, codes.spellings_of_all(typed))
    locked = await _locked_by(conn, lock)
    wallet = {one.id: one for one in [*ticked, *locked, *held[:WALLET_LIMIT]]}
    limits = await circumstances(conn, student, wallet.values(), locked)
    wallet |= {one.id: one.without_lock(now) for one in locked}
    balance = (await balances.of_student(conn, student)).get(form.order.currency, 0)
    if lock is not None and lock.order.currency == form.order.currency:
        balance += lock.balance
    whole = Circumstances(**limits, whole_wallet=len(held) <= WALLET_LIMIT)
    return _Held(list(wallet.values()), whole, balance)


async def _own_lock(conn: AsyncConnection, order_id: str | None, student: str) -> Redemption | None:
    """Somebody else's order frees nothing, and nothing of it is told."""
    found = await redemptions.find_by_order(conn, order_id) if order_id is not None else None
    if found is None or found.student != student:
        return None
    return found if found.state is RedemptionState.LOCKED else None


async def _locked_by(conn: AsyncConnection, lock: Redemption | None) -> list[Coupon]:
    if lock is None or not lock.coupons:
        return []
    found = await coupons.by_ids(conn, [each.coupon_id for each in lock.coupons])
    return [
        one for one in found if one.state is CouponState.LOCKED and one.redemption_id == lock.id
    ]
