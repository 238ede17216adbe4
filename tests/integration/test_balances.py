"""A rebate's way to a student's balance and back, and a balance onto an order, on both databases."""

import asyncio

import pytest

from server.core.balances import DAY_MS, BalanceEntry, DueRebate, EntryKind, RebateState
from server.core.redemptions import LockForm, Redemption
from server.flows.balances import Account, credit_due, earn, give_back, show_account, take_back
from server.flows.redemptions import lock
from server.ids import new_id
from server.ledger import balances
from server.ledger.engine import Ledger
from tests.support.coupon_rows import coupon_of, give_coupon
from tests.support.money import NOW, an_order

pytestmark = pytest.mark.asyncio

PAID = {"a": 5_000, "b": 3_000}
SHARES = {"a": 500, "b": 300}


async def an_order_that_earns(ledger: Ledger, days: int = 0) -> DueRebate:
    """800, over two lines."""
    code = await give_coupon(ledger, 1)
    found = await lock(ledger, LockForm("order-1", "ada", an_order(5_000, 4_000), (code,)), NOW)
    assert isinstance(found, Redemption)
    coupon = await coupon_of(ledger, code)
    return DueRebate(
        id=new_id("rbt"),
        redemption_id=found.id,
        coupon_id=coupon.id,
        student="ada",
        currency="CNY",
        amount=800,
        shares=SHARES,
        state=RebateState.PENDING,
        due_at=NOW + days * DAY_MS,
    )


async def earned(ledger: Ledger, rebate: DueRebate) -> None:
    async with ledger.begin() as conn:
        await earn(conn, rebate, NOW)


async def refunded(ledger: Ledger, rebate: DueRebate, **lines: int) -> None:
    async with ledger.begin() as conn:
        await take_back(conn, rebate.redemption_id, lines, PAID, NOW)


async def account(ledger: Ledger) -> Account:
    found = await show_account(ledger, "ada", 50, None)
    assert isinstance(found, Account)
    assert sum(entry.amount for entry in found.entries) == found.amounts.get("CNY", 0)
    return found


async def has(ledger: Ledger) -> int:
    return (await account(ledger)).amounts.get("CNY", 0)


async def test_what_is_due_at_the_payment_is_there_at_once_and_once(ledger: Ledger) -> None:
    rebate = await an_order_that_earns(ledger)
    await earned(ledger, rebate)
    await earned(ledger, rebate)

    (entry,) = (await account(ledger)).entries
    assert (entry.amount, entry.kind) == (800, EntryKind.REBATE)
    assert entry.redemption_id == rebate.redemption_id


async def test_what_waits_for_the_return_window_is_there_after_it(ledger: Ledger) -> None:
    await earned(ledger, await an_order_that_earns(ledger, days=7))
    await credit_due(ledger, NOW + 7 * DAY_MS - 1)
    assert await has(ledger) == 0

    workers = (credit_due(ledger, NOW + 7 * DAY_MS) for _ in range(3))
    await asyncio.gather(*workers)

    assert await has(ledger) == 800


async def test_a_refund_before_that_day_makes_it_less(ledger: Ledger) -> None:
    rebate = await an_order_that_earns(ledger, days=7)
    await earned(ledger, rebate)
    await refunded(ledger, rebate, a=2_500)
    await credit_due(ledger, NOW + 7 * DAY_MS)

    assert await has(ledger) == 550


async def test_of_an_order_that_came_back_whole_there_is_no_rebate(ledger: Ledger) -> None:
    rebate = await an_order_that_earns(ledger, days=7)
    await earned(ledger, rebate)
    await refunded(ledger, rebate, a=5_000, b=3_000)
    await credit_due(ledger, NOW + 7 * DAY_MS)

    assert (await account(ledger)).entries == ()


async def test_a_refund_afterwards_takes_it_off_the_balance_line_by_line(ledger: Ledger) -> None:
    rebate = await an_order_that_earns(ledger)
    await earned(ledger, rebate)
    await refunded(ledger, rebate, b=3_000)
    assert await has(ledger) == 500
    await refunded(ledger, rebate, b=3_000)
    assert await has(ledger) == 500
    await refunded(ledger, rebate, b=3_000, a=5_000)
    assert await has(ledger) == 0


async def test_what_was_spent_is_owed_and_buys_nothing(ledger: Ledger) -> None:
    rebate = await an_order_that_earns(ledger)
    await earned(ledger, rebate)
    async with ledger.begin() as conn:
        assert await balances.spend(conn, "ada", "CNY", 800, rebate.redemption_id, NOW)
    await refunded(ledger, rebate, b=3_000)

    assert await has(ledger) == -300
    async with ledger.begin() as conn:
        assert not await balances.spend(conn, "ada", "CNY", 1, rebate.redemption_id, NOW)
    assert await has(ledger) == -300


async def test_a_balance_is_spent_once_by_orders_at_the_same_moment(ledger: Ledger) -> None:
    rebate = await an_order_that_earns(ledger)
    await earned(ledger, rebate)

    async def spend() -> bool:
        async with ledger.begin() as conn:
            return await balances.spend(conn, "ada", "CNY", 500, rebate.redemption_id, NOW)

    spent = await asyncio.gather(*(spend() for _ in range(4)))

    assert sorted(spent) == [False, False, False, True]
    assert await has(ledger) == 300


async def test_what_an_order_took_and_gave_back_is_there_again(ledger: Ledger) -> None:
    rebate = await an_order_that_earns(ledger)
    await earned(ledger, rebate)
    async with ledger.begin() as conn:
        await balances.spend(conn, "ada", "CNY", 500, rebate.redemption_id, NOW)
        assert await balances.spent_on(conn, rebate.redemption_id) == 500
        await give_back(conn, rebate.redemption_id, "ada", "CNY", 500, NOW)
        assert await balances.spent_on(conn, rebate.redemption_id) == 0

    assert await has(ledger) == 800


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
