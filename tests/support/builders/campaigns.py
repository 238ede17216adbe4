"""Campaigns of a `classroom`, the shortest way, and what is left of their budgets."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from sqlalchemy import event

from server.core.checkout.orders import Order
from server.core.checkout.redemptions import LockForm, Payment, Redemption
from server.core.promotions.batches import Batch
from server.core.promotions.campaigns import Budget, BudgetKind, Campaign, CampaignForm, Money
from server.flows.checkout.confirm_payment import confirm
from server.flows.checkout.redemptions import lock
from server.flows.promotions.campaigns import create_campaign
from server.ledger.checkout.means import read_means
from server.ledger.consistency import budget_audit
from server.ledger.engine import Ledger
from server.ledger.promotions import campaigns
from tests.support.builders.classroom import Classroom, granted, now_ms

HOUR_MS = 3_600_000
MONEY, PIECES = BudgetKind.MONEY, BudgetKind.PIECES


async def made_campaign(ledger: Ledger, **changes: object) -> Campaign:
    """Create a campaign from an hour ago to an hour from now, without a budget."""
    now = now_ms()
    form = CampaignForm("Spring", "New faces", now - HOUR_MS, now + HOUR_MS)
    form = replace(form, **changes)  # type: ignore[arg-type]
    return granted(await create_campaign(ledger, "op", form, None, now))


async def with_budget(
    classroom: Classroom, money: int, pieces: int | None = None, **of_template: object
) -> Batch:
    """A batch of coupons of 10.00 off, in a campaign with this much."""
    campaign = await made_campaign(classroom.ledger, money=Money(money, "CNY"), pieces=pieces)
    template = await classroom.made_template(**of_template)
    return await classroom.made_batch(template, campaign_id=campaign.id)


async def budget_of(ledger: Ledger, campaign_id: str | None, kind: BudgetKind = MONEY) -> Budget:
    assert campaign_id is not None
    async with ledger.read() as conn:
        campaign = await campaigns.find(conn, campaign_id)
    assert campaign is not None
    budget = campaign.budget(kind)
    assert budget is not None
    return budget


async def parts_of(
    ledger: Ledger, campaign_id: str | None, kind: BudgetKind = MONEY
) -> tuple[int, int, int]:
    """Free, exposed, settled; and the books of every budget add up."""
    async with ledger.read() as conn:
        assert await budget_audit.mismatched_budgets(conn) == []
    budget = await budget_of(ledger, campaign_id, kind)
    assert budget.free + budget.exposed + budget.settled == budget.amount
    return budget.free, budget.exposed, budget.settled


async def code_of(ledger: Ledger, student: str) -> str:
    async with ledger.read() as conn:
        (coupon,) = (await read_means(conn, student, (), 0, 2)).available
    return coupon.code


async def locked(ledger: Ledger, student: str, order: Order, order_id: str = "o1") -> Redemption:
    form = LockForm(order_id, student, order, (await code_of(ledger, student),))
    return granted(await lock(ledger, form, now_ms()))


async def paid(ledger: Ledger, redemption: Redemption) -> Redemption:
    return granted(await confirm(ledger, redemption.id, Payment(), now_ms()))


class BrokenOffError(Exception):
    pass


@contextmanager
def breaking_off(ledger: Ledger, after: int) -> Iterator[None]:
    """The process dies when the ledger has carried out so many statements."""
    done = 0

    def count(*_args: Any) -> None:
        nonlocal done
        done += 1
        if done == after:
            raise BrokenOffError

    event.listen(ledger.engine.sync_engine, "after_cursor_execute", count)
    try:
        yield
    finally:
        event.remove(ledger.engine.sync_engine, "after_cursor_execute", count)
