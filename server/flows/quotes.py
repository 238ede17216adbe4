"""What an order would cost: reads the student's coupons and asks the rules. Locks nothing.

Called by the API for the checkout, which is told again, and bindingly, when the order is locked
(flows/redemptions.py).
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from server.core import codes, orders, quotes
from server.core.balances import Spent, spend_on
from server.core.coupons import Coupon
from server.core.effort import Effort
from server.core.money_rules import USUAL_RULES, MoneyRules
from server.core.orders import Order
from server.core.questions import Circumstances
from server.core.quotes import Question, Quote, Tick
from server.core.refusals import Refused
from server.core.template_rules import amount_violations
from server.core.violations import refused
from server.flows.circumstances import circumstances
from server.ledger import balances, coupons
from server.ledger.engine import Ledger

# A wallet beyond this is quoted without claiming `exact`.
WALLET_LIMIT: Final = 100


@dataclass(frozen=True, slots=True)
class QuoteForm:
    """`student` None: nobody's coupons, so every code is unknown. `ticked` as it was typed. `balance`: how
    much of the student's to take at most."""

    order: Order
    student: str | None = None
    ticked: tuple[str, ...] | Tick = ()
    balance: int = 0


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
    wallet, off = await _wallet(ledger, form, now)
    quote = await _in_slices(Question(form.order, wallet, form.ticked, now, **off, rules=rules))
    return Quoted(*spend_on(quote, await _balance(ledger, form), form.balance))


async def _balance(ledger: Ledger, form: QuoteForm) -> int:
    if form.student is None:
        return 0
    async with ledger.read() as conn:
        return (await balances.of_student(conn, form.student)).get(form.order.currency, 0)


async def _in_slices(asked: Question) -> Quote:
    """Others have the loop between two slices, so that a hard quote delays no room (promise I8)."""
    steps = quotes.quoting(asked, Effort())
    while True:
        try:
            next(steps)
        except StopIteration as done:
            answer: Quote = done.value
            return answer
        await asyncio.sleep(0)


async def _wallet(ledger: Ledger, form: QuoteForm, now: int) -> tuple[list[Coupon], Circumstances]:
    """The student's coupons that are not used up, and the ticked ones whatever became of them."""
    if form.student is None:
        return [], Circumstances()
    typed = () if isinstance(form.ticked, Tick) else form.ticked
    async with ledger.read() as conn:
        held = await coupons.not_used_up(conn, form.student, now, WALLET_LIMIT + 1)
        ticked = await coupons.by_codes(conn, form.student, codes.spellings_of_all(typed))
        wallet = {coupon.id: coupon for coupon in [*ticked, *held[:WALLET_LIMIT]]}
        limits = await circumstances(conn, form.student, wallet.values())
    return list(wallet.values()), Circumstances(**limits, whole_wallet=len(held) <= WALLET_LIMIT)
