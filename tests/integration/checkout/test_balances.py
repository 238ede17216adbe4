"""A rebate's way to a student's balance and back, and a balance onto an order, on both databases."""

import asyncio
from dataclasses import replace

import pytest

from server.core.checkout.balances import DAY_MS, BalanceEntry, EntryKind
from server.core.checkout.orders import Order, OrderLine
from server.core.checkout.redemptions import LOCK_LIMIT_MS, LockForm, Payment, Redemption
from server.core.checkout.refunds import Refund, RefundForm, RequestedLine
from server.core.promotions.templates import (
    AmountOff,
    BrokenThreshold,
    Rebate,
    RebateAfter,
    Returns,
)
from server.core.refusals import Code, Refused
from server.flows.checkout.balances import Account, credit_due, show_account
from server.flows.checkout.confirm_payment import confirm
from server.flows.checkout.quotes import Quoted, QuoteForm, quote_order
from server.flows.checkout.redemptions import find, lock
from server.flows.checkout.refunds import refund
from server.flows.checkout.unlock import cancel, expire_overdue
from server.ledger.checkout import balances
from server.ledger.engine import Ledger
from tests.support.builders.coupon_rows import give_coupon
from tests.support.builders.money import NOW, a_form, an_order

pytestmark = pytest.mark.asyncio

ORDER = an_order(5_000, 3_000)  # a rebate of 800 has 500 and 300 of its lines
AT_ONCE = Rebate(AmountOff(800))
IN_A_WEEK = Rebate(AmountOff(800), RebateAfter.RETURN_WINDOW, 7)
AFTER_A_WEEK = NOW + 7 * DAY_MS


async def locked(ledger: Ledger, form: LockForm, now: int = NOW) -> Redemption:
    found = await lock(ledger, form, now)
    assert isinstance(found, Redemption), found
    return found


async def paid(ledger: Ledger, order: Redemption, now: int = NOW) -> Redemption:
    found = await confirm(ledger, order.id, Payment(), now)
    assert isinstance(found, Redemption), found
    return found


async def earning(ledger: Ledger, rebate: Rebate = AT_ONCE) -> Redemption:
    """Pay order o1 and return it."""
    code = await give_coupon(ledger, 1, form=a_form(rebate))
    return await paid(ledger, await locked(ledger, LockForm("o1", "ada", ORDER, (code,))))


def spending(amount: int, order_id: str = "o2") -> LockForm:
    return LockForm(order_id, "ada", ORDER, balance=amount)


async def refunded(ledger: Ledger, order_id: str, *lines: RequestedLine) -> Refund:
    found = await refund(ledger, "shop", order_id, RefundForm(f"r-{lines}", lines or None), NOW)
    assert isinstance(found, Refund), found
    return found


async def account(ledger: Ledger) -> Account:
    found = await show_account(ledger, "ada", 50, None)
    assert isinstance(found, Account)
    assert sum(entry.amount for entry in found.entries) == found.amounts.get("CNY", 0)
    return found


async def has(ledger: Ledger) -> int:
    return (await account(ledger)).amounts.get("CNY", 0)


class TestEarning:
    async def test_what_is_due_at_the_payment_is_there_at_once_and_once(
        self, ledger: Ledger
    ) -> None:
        order = await earning(ledger)
        await paid(ledger, order)

        (entry,) = (await account(ledger)).entries
        assert (entry.amount, entry.kind) == (800, EntryKind.REBATE)
        assert (entry.redemption_id, order.payable) == (order.id, 8_000)

    async def test_what_waits_for_the_return_window_is_there_after_it(self, ledger: Ledger) -> None:
        await earning(ledger, IN_A_WEEK)
        await credit_due(ledger, AFTER_A_WEEK - 1)
        assert await has(ledger) == 0

        await asyncio.gather(*(credit_due(ledger, AFTER_A_WEEK) for _ in range(3)))

        assert await has(ledger) == 800

    async def test_what_is_not_paid_earns_nothing(self, ledger: Ledger) -> None:
        code = await give_coupon(ledger, 1, form=a_form(AT_ONCE))
        order = await locked(ledger, LockForm("o1", "ada", ORDER, (code,)))
        await cancel(ledger, order.id, NOW)

        assert (await account(ledger)).entries == ()


class TestTakenBack:
    async def test_a_refund_before_the_window_is_over_makes_it_less(self, ledger: Ledger) -> None:
        await earning(ledger, IN_A_WEEK)
        await refunded(ledger, "o1", RequestedLine("a", amount=2_500))
        await credit_due(ledger, AFTER_A_WEEK)

        assert await has(ledger) == 550

    async def test_an_order_that_came_back_whole_has_earned_nothing(self, ledger: Ledger) -> None:
        await earning(ledger, IN_A_WEEK)
        await refunded(ledger, "o1")
        await credit_due(ledger, AFTER_A_WEEK)

        assert (await account(ledger)).entries == ()

    async def test_a_refund_afterwards_takes_it_line_by_line(self, ledger: Ledger) -> None:
        await earning(ledger)
        for _ in range(2):  # the second is the first again
            await refunded(ledger, "o1", RequestedLine("b"))
            assert await has(ledger) == 500
        await refunded(ledger, "o1")
        assert await has(ledger) == 0

    @pytest.mark.parametrize("rebate", [AT_ONCE, IN_A_WEEK])
    async def test_what_the_rest_no_longer_earns_goes_too_where_the_template_says_so(
        self, ledger: Ledger, rebate: Rebate
    ) -> None:
        charges = Returns(broken_threshold=BrokenThreshold.CHARGE_BACK)
        form = replace(a_form(rebate, min_amount=30_000), returns=charges)
        code = await give_coupon(ledger, 1, form=form)
        order = Order("CNY", (OrderLine("a", "algebra", 5_000, 6),))
        await paid(ledger, await locked(ledger, LockForm("o1", "ada", order, (code,))))

        made = await refunded(ledger, "o1", RequestedLine("a", quantity=5))

        await credit_due(ledger, AFTER_A_WEEK)
        assert (made.refunded, made.charged_back) == (25_000, 0)
        assert await has(ledger) == 0
        await refunded(ledger, "o1")
        assert await has(ledger) == 0

    async def test_what_was_spent_is_owed_and_buys_nothing(self, ledger: Ledger) -> None:
        await earning(ledger)
        await locked(ledger, spending(800))
        await refunded(ledger, "o1", RequestedLine("b"))

        assert await has(ledger) == -300
        other = await locked(ledger, spending(800, "o3"))
        assert (other.balance, other.payable) == (0, 8_000)


class TestSpending:
    async def test_a_quote_says_what_there_is_and_takes_what_is_asked(self, ledger: Ledger) -> None:
        await earning(ledger)
        found = await quote_order(ledger, QuoteForm(ORDER, "ada", balance=500), NOW)
        nobodys = await quote_order(ledger, QuoteForm(ORDER, balance=500), NOW)

        assert isinstance(found, Quoted)
        assert isinstance(nobodys, Quoted)
        assert (found.spent.available, found.spent.used) == (800, 500)
        assert (found.quote.payable, nobodys.quote.payable) == (7_500, 8_000)
        assert await has(ledger) == 800

    async def test_an_order_that_is_locked_has_taken_it(self, ledger: Ledger) -> None:
        await earning(ledger)
        order = await locked(ledger, spending(800))

        assert (order.discount, order.payable, order.balance) == (800, 7_200, 800)
        assert order.balance_shares == {"a": 500, "b": 300}
        assert await has(ledger) == 0

    async def test_a_lock_in_its_place_takes_its_own(self, ledger: Ledger) -> None:
        await earning(ledger)
        await locked(ledger, spending(800))
        order = await locked(ledger, spending(300))

        assert (order.balance, await has(ledger)) == (300, 500)

    @pytest.mark.parametrize("end", ["cancel", "expire"])
    async def test_an_order_that_comes_to_nothing_gives_it_back(
        self, ledger: Ledger, end: str
    ) -> None:
        await earning(ledger)
        order = await locked(ledger, spending(800))
        for _ in range(2):
            if end == "cancel":
                await cancel(ledger, order.id, NOW)
            else:
                await expire_overdue(ledger, NOW + LOCK_LIMIT_MS)

        assert await has(ledger) == 800

    async def test_a_late_payment_takes_it_again(self, ledger: Ledger) -> None:
        await earning(ledger)
        order = await locked(ledger, spending(800))
        await expire_overdue(ledger, NOW + LOCK_LIMIT_MS)
        await paid(ledger, order, NOW + LOCK_LIMIT_MS)

        assert await has(ledger) == 0

    async def test_a_late_payment_whose_balance_is_gone_is_a_conflict(self, ledger: Ledger) -> None:
        await earning(ledger)
        order = await locked(ledger, spending(800))
        await expire_overdue(ledger, NOW + LOCK_LIMIT_MS)
        await locked(ledger, spending(500, "o3"), NOW + LOCK_LIMIT_MS)
        answer = await confirm(ledger, order.id, Payment(), NOW + LOCK_LIMIT_MS)

        assert isinstance(answer, Refused)
        assert answer.code is Code.TOTAL_CHANGED
        assert await has(ledger) == 300

    async def test_what_comes_back_of_an_order_gives_its_part_back(self, ledger: Ledger) -> None:
        await earning(ledger)
        order = await locked(ledger, spending(800))
        await paid(ledger, order)
        back = await refunded(ledger, "o2", RequestedLine("b"))
        assert (back.refunded, back.balance, await has(ledger)) == (2_700, 300, 300)
        rest = await refunded(ledger, "o2")
        assert (rest.balance, await has(ledger)) == (500, 800)

    @pytest.mark.parametrize(
        "steps",
        [
            [(), ()],
            [(RequestedLine("a", amount=1_000),), (RequestedLine("a"),), ()],
            [(RequestedLine("b", quantity=1), RequestedLine("a", amount=1)), ()],
        ],
    )
    async def test_each_refund_says_what_it_gave_back_whenever_it_is_read(
        self, ledger: Ledger, steps: list[tuple[RequestedLine, ...]]
    ) -> None:
        await earning(ledger)
        order = await locked(ledger, spending(800))
        await paid(ledger, order)
        made = []
        for number, lines in enumerate(steps):
            before = await has(ledger)
            found = await refund(ledger, "shop", "o2", RefundForm(f"r{number}", lines or None), NOW)
            if isinstance(found, Refund):  # nothing may be left
                made.append(found)
                assert found.balance == await has(ledger) - before

        again = await find(ledger, order.id)
        assert isinstance(again, Redemption)
        assert again.refunds == tuple(made)
        assert sum(each.balance for each in made) == 800

    async def test_orders_at_the_same_moment_spend_it_once(self, ledger: Ledger) -> None:
        await earning(ledger)
        orders = await asyncio.gather(
            *(locked(ledger, spending(500, f"o{number}")) for number in range(2, 6))
        )

        assert sorted(order.balance for order in orders) == [0, 0, 300, 500]
        assert await has(ledger) == 0


async def test_entries_come_page_by_page_newest_first(ledger: Ledger) -> None:
    async with ledger.begin() as conn:
        for amount in (1, 2, 3):
            entry = BalanceEntry(f"bal_{amount}", NOW, "CNY", amount, EntryKind.REBATE, None)
            await balances.add(conn, "ada", entry)

    first = await show_account(ledger, "ada", 2, None)
    assert isinstance(first, Account)
    rest = await show_account(ledger, "ada", 2, first.next)
    assert isinstance(rest, Account)

    assert [entry.amount for entry in (*first.entries, *rest.entries)] == [3, 2, 1]
    assert (rest.next, first.amounts) == (None, {"CNY": 6})
