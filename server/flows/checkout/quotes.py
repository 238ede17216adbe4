"""Quotes an order: reads the student's coupons and balance, and applies the rules. Locks nothing.

Called by the API for the checkout. A quote promises nothing: the order is quoted again, on locked rows,
when it is locked (flows/checkout/redemptions.py).
"""

import asyncio
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.checkout import orders
from server.core.checkout.balances import Spent, spend_on
from server.core.checkout.money_rules import USUAL_RULES, MoneyRules
from server.core.checkout.orders import Order
from server.core.checkout.quoting import quotes
from server.core.checkout.quoting.hints import Hint
from server.core.checkout.quoting.prompts import prompting
from server.core.checkout.quoting.quote_request import BestSelection, QuoteContext, QuoteRequest
from server.core.checkout.quoting.quotes import Quote
from server.core.checkout.quoting.work_budget import WorkBudget
from server.core.checkout.redemptions import Redemption, RedemptionState
from server.core.coupons import codes
from server.core.coupons.coupons import Coupon, CouponState
from server.core.promotions.template_rules import amount_violations
from server.core.refusals import Refused
from server.core.violations import refused
from server.flows.checkout.coupon_availability import quote_context
from server.ledger.checkout import redemptions
from server.ledger.checkout.means import read_means
from server.ledger.coupons import coupons
from server.ledger.engine import Ledger

T = TypeVar("T")

# Coupons that are read for one quote. A larger wallet is quoted without claiming `exact`.
WALLET_LIMIT: Final = 100


@dataclass(frozen=True, slots=True)
class QuoteForm:
    """A request for a quote. `student` None: no wallet is read, so every code is unknown. `selected` has
    codes as they were typed. `balance`: how much of the student's balance to take at most, in minor units.
    `order_id`: coupons and balance that this order of the student has locked count as free, because
    locking it again frees them.
    """

    order: Order
    student: str | None = None
    selected: tuple[str, ...] | BestSelection = ()
    balance: int = 0
    order_id: str | None = None


@dataclass(frozen=True, slots=True)
class Quoted:
    """A quote with the balance taken off."""

    quote: Quote
    spent: Spent


async def quote_order(
    ledger: Ledger, form: QuoteForm, now: int, rules: MoneyRules = USUAL_RULES
) -> Quoted | Refused:
    """Return what the order costs, or all that is wrong with the form."""
    broken = [
        *orders.violations(form.order),
        *quotes.selection_violations(form.selected),
        *amount_violations("balance", form.balance, 0),
    ]
    if broken:
        return refused(broken)
    if form.student is None:
        means = _Means([], QuoteContext(), 0)
    else:
        async with ledger.read() as conn:
            means = await _read_means(conn, form, form.student, now)
    context = replace(means.context, rules=rules)
    request = QuoteRequest(form.order, means.wallet, form.selected, now, context)
    quote = await in_slices(quotes.quoting(request, WorkBudget()))
    return Quoted(*spend_on(quote, means.balance, form.balance))


async def prompts_on(
    ledger: Ledger,
    form: QuoteForm,
    could_get: Sequence[Coupon],
    now: int,
    rules: MoneyRules = USUAL_RULES,
) -> list[Hint] | Refused:
    """Return what coupons that the student of the form could get would save
    (core/checkout/quoting/prompts.py), or all that is wrong with the form."""
    broken = [*orders.violations(form.order), *quotes.selection_violations(form.selected)]
    if broken:
        return refused(broken)
    if form.student is None or not could_get:
        return []
    async with ledger.read() as conn:
        means = await _read_means(conn, form, form.student, now)
    context = replace(means.context, rules=rules)
    request = QuoteRequest(form.order, means.wallet, form.selected, now, context)
    return await in_slices(prompting(request, could_get, WorkBudget()))


async def in_slices(steps: Generator[None, None, T]) -> T:
    """Compute, and let others have the event loop between two slices: a hard quote then delays no room
    (promise I8)."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            value: T = done.value
            return value
        await asyncio.sleep(0)


class _Means(NamedTuple):
    """The means of a student: the coupons and the balance that may pay for an order."""

    wallet: list[Coupon]
    context: QuoteContext
    balance: int


async def _read_means(conn: AsyncConnection, form: QuoteForm, student: str, now: int) -> _Means:
    """Read the coupons that are not used up, and the selected ones whatever their state, so that each of them
    gets its reason. What the order itself has locked is free."""
    lock = await _own_lock(conn, form.order_id, student)
    typed = () if isinstance(form.selected, BestSelection) else form.selected
    found = await read_means(conn, student, codes.spellings_of_all(typed), now, WALLET_LIMIT + 1)
    locked = await _locked_by(conn, lock)
    wallet = {one.id: one for one in [*found.selected, *locked, *found.available[:WALLET_LIMIT]]}
    context = await quote_context(conn, student, wallet.values(), found.stopped, locked)
    wallet |= {one.id: one.without_lock(now) for one in locked}
    balance = found.balances.get(form.order.currency, 0)
    if lock is not None and lock.order.currency == form.order.currency:
        balance += lock.balance
    context = replace(context, is_whole_wallet=len(found.available) <= WALLET_LIMIT)
    return _Means(list(wallet.values()), context, balance)


async def _own_lock(conn: AsyncConnection, order_id: str | None, student: str) -> Redemption | None:
    """Return the lock on this student's order. The order of another student frees nothing here, and nothing
    about it is revealed."""
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
