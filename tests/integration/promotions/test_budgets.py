"""Budgets of campaigns, on both databases: never one over, and amount = free + exposed + settled always."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.checkout.refunds import RefundForm
from server.core.drops.drop_rules import DropForm
from server.core.promotions.batches import Batch, BatchForm
from server.core.promotions.campaigns import BudgetKind, Money
from server.core.promotions.templates import USUAL_RETURNS, PercentOff, Returned, Returns
from server.core.refusals import Code, Refused
from server.flows.checkout.refunds import refund
from server.flows.checkout.unlock import expire_overdue
from server.flows.consistency.checks.ledger_checks import check_budgets
from server.flows.consistency.findings import FindingKind
from server.flows.drops.views.drop_view import DropView
from server.flows.promotions import budgets as flows
from server.flows.promotions.batches import create_batch
from server.ledger.idempotency import IdempotencyKey
from server.ledger.promotions import budgets
from server.ledger.promotions.budgets import BudgetMove
from tests.support.builders.campaigns import (
    PIECES,
    BrokenOffError,
    breaking_off,
    budget_of,
    locked,
    made_campaign,
    paid,
    parts_of,
    with_budget,
)
from tests.support.builders.classroom import ROOM, Classroom, granted, now_ms, refused
from tests.support.builders.money import an_order

pytestmark = pytest.mark.asyncio
DAYS_MS = 24 * 3_600_000


class TestTaking:
    async def test_an_opening_exposes_its_units_at_their_greatest(
        self, classroom: Classroom
    ) -> None:
        batch = await with_budget(classroom, 20_000, pieces=30)
        await classroom.opened(batch)

        assert await parts_of(classroom.ledger, batch.campaign_id) == (10_000, 10_000, 0)
        assert await parts_of(classroom.ledger, batch.campaign_id, PIECES) == (20, 10, 0)

    async def test_a_top_up_takes_more_and_the_end_gives_back_what_nobody_has(
        self, classroom: Classroom
    ) -> None:
        batch = await with_budget(classroom, 20_000)
        drop = await classroom.opened(batch)
        granted(await classroom.drops.top_up(drop.id, ROOM, 5, 10, now_ms()))
        assert await parts_of(classroom.ledger, batch.campaign_id) == (5_000, 15_000, 0)

        await classroom.won(drop.id, "ann", "bob")
        await classroom.confirm(drop.id)
        granted(await classroom.drops.close(drop.id, ROOM, now_ms()))
        assert await parts_of(classroom.ledger, batch.campaign_id) == (18_000, 2_000, 0)

    @pytest.mark.parametrize(
        ("money", "pieces", "short"), [(9_999, None, "money"), (100_000, 9, "pieces")]
    )
    async def test_where_it_is_short_nothing_is_taken(
        self, classroom: Classroom, money: int, pieces: int | None, short: str
    ) -> None:
        batch = await with_budget(classroom, money, pieces)
        form = DropForm(batch.id, 10, 60)
        answer = refused(await classroom.drops.create(ROOM, form, None, now_ms()))

        assert (answer.code, answer.facts) == (
            Code.STOCK_SHORT,
            {"available": 9, "budget": short},
        )
        assert (await classroom.batch(batch.id)).allotted == 0
        assert await parts_of(classroom.ledger, batch.campaign_id) == (money, 0, 0)

    async def test_a_coupon_without_bounds_does_not_belong_to_money(
        self, classroom: Classroom
    ) -> None:
        campaign = await made_campaign(classroom.ledger, money=Money(1, "CNY"))
        template = await classroom.made_template(discount=PercentOff(20))
        form = BatchForm(template.id, "Tuesday", 1, "live", 1, campaign_id=campaign.id)
        answer = refused(await create_batch(classroom.ledger, "op", form, None, now_ms()))

        assert answer.facts["errors"] == [{"field": "template_id", "code": "unbounded"}]


class TestUse:
    async def test_it_is_settled_at_what_was_taken_off(self, classroom: Classroom) -> None:
        batch = await _with_winner(classroom)
        redemption = await locked(classroom.ledger, "ann", an_order(600))
        assert await parts_of(classroom.ledger, batch.campaign_id) == (10_000, 10_000, 0)

        await paid(classroom.ledger, redemption)
        await paid(classroom.ledger, redemption)
        assert await parts_of(classroom.ledger, batch.campaign_id) == (10_400, 9_000, 600)
        assert await parts_of(classroom.ledger, batch.campaign_id, PIECES) == (10, 9, 1)

    async def test_one_that_goes_back_is_exposed_again(self, classroom: Classroom) -> None:
        batch = await _with_winner(classroom, Returns(after_refund=Returned.BACK))
        redemption = await paid(
            classroom.ledger, await locked(classroom.ledger, "ann", an_order(600))
        )
        for _ in range(2):
            form = RefundForm("r1")
            granted(await refund(classroom.ledger, "shop", redemption.order_id, form, now_ms()))

        assert await parts_of(classroom.ledger, batch.campaign_id) == (10_000, 10_000, 0)

    async def test_an_expired_coupon_gives_its_part_back_once(self, classroom: Classroom) -> None:
        batch = await _with_winner(classroom)
        for _ in range(2):
            await flows.give_back_expired(classroom.ledger, now_ms() + DAYS_MS)

        assert await parts_of(classroom.ledger, batch.campaign_id) == (11_000, 9_000, 0)

    async def test_one_on_an_order_does_not_until_its_lock_has_ended(
        self, classroom: Classroom
    ) -> None:
        batch = await _with_winner(classroom)
        await locked(classroom.ledger, "ann", an_order(600))
        later = now_ms() + DAYS_MS
        assert await flows.give_back_expired(classroom.ledger, later) == 0

        await expire_overdue(classroom.ledger, later)
        assert await flows.give_back_expired(classroom.ledger, later) == 1
        assert await parts_of(classroom.ledger, batch.campaign_id) == (11_000, 9_000, 0)

    async def test_a_late_payment_is_honoured_though_its_part_is_somebody_elses(
        self, classroom: Classroom
    ) -> None:
        batch = await _with_winner(classroom)
        redemption = await locked(classroom.ledger, "ann", an_order(600))
        await expire_overdue(classroom.ledger, now_ms() + DAYS_MS)
        await flows.give_back_expired(classroom.ledger, now_ms() + DAYS_MS)
        await classroom.opened(batch, quantity=11)

        await paid(classroom.ledger, redemption)
        assert await parts_of(classroom.ledger, batch.campaign_id) == (-600, 20_000, 600)


class TestWarnings:
    async def test_each_level_is_kept_and_told_once(self, classroom: Classroom) -> None:
        batch = await with_budget(classroom, 20_000)
        told: list[tuple[str, int]] = []
        for units in (9, 7, 4):
            drop = await classroom.opened(batch, quantity=units)
            await flows.log_warnings(
                classroom.ledger, now_ms(), lambda kind, level: told.append((kind, level))
            )
        assert told == [("money", 50), ("money", 80), ("money", 100)]

        granted(await classroom.drops.close(drop.id, ROOM, now_ms()))
        await classroom.opened(batch, quantity=4)
        await flows.log_warnings(
            classroom.ledger, now_ms(), lambda kind, level: told.append((kind, level))
        )
        budget = await budget_of(classroom.ledger, batch.campaign_id)
        assert (len(told), sorted(budget.warnings)) == (3, [50, 80, 100])


class TestAtOnce:
    async def test_of_eight_openings_as_many_succeed_as_there_is_money_for(
        self, classroom: Classroom
    ) -> None:
        answers, campaign_id = await _open_at_once(classroom)

        assert sum(isinstance(answer, DropView) for answer in answers) == 3
        assert await parts_of(classroom.ledger, campaign_id) == (500, 3_000, 0)

    # SQLite has one writer: there is nothing to race with.
    @pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
    async def test_control_counting_first_goes_over(
        self, classroom: Classroom, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looked = asyncio.Barrier(4)

        async def count_then_take(
            conn: AsyncConnection, campaign_id: str, kind: BudgetKind, amount: int, now: int
        ) -> bool:
            free = await budgets.free_of(conn, campaign_id, kind)
            if free is None:
                return False
            async with asyncio.timeout(30):
                await looked.wait()
            if free < amount:
                return False
            await budgets.move(conn, campaign_id, kind, BudgetMove(-amount, amount), now)
            return True

        monkeypatch.setattr("server.flows.promotions.budgets.budgets.take", count_then_take)
        _, campaign_id = await _open_at_once(classroom, teachers=4)

        assert (await budget_of(classroom.ledger, campaign_id)).free < 0


class TestBreakingOff:
    async def test_the_books_add_up_wherever_a_process_dies(self, classroom: Classroom) -> None:
        ledger, batch = classroom.ledger, await with_budget(classroom, 20_000, pieces=20)
        key = IdempotencyKey("tina", "/drops", "k1", "hash")
        form = DropForm(batch.id, 10, 60)
        drop = await _until_it_succeeds(
            classroom,
            batch.campaign_id,
            lambda: classroom.drops.create(ROOM, form, key, now_ms()),
        )
        assert isinstance(drop, DropView)
        await classroom.won(drop.id, "ann", "bob")
        await classroom.confirm(drop.id)
        redemption = await locked(ledger, "ann", an_order(600))
        steps: list[Callable[[], Awaitable[object]]] = [
            lambda: classroom.drops.top_up(drop.id, ROOM, 5, 10, now_ms()),
            lambda: paid(ledger, redemption),
            lambda: classroom.drops.close(drop.id, ROOM, now_ms()),
            lambda: flows.give_back_expired(ledger, now_ms() + DAYS_MS),
        ]
        for step in steps:
            await _until_it_succeeds(classroom, batch.campaign_id, step)

        assert await parts_of(ledger, batch.campaign_id) == (19_400, 0, 600)
        assert await parts_of(ledger, batch.campaign_id, PIECES) == (19, 0, 1)


async def _with_winner(classroom: Classroom, returns: Returns = USUAL_RETURNS) -> Batch:
    """Ann has one of ten units; the campaign has budget for ten more."""
    batch = await with_budget(classroom, 20_000, pieces=20, returns=returns)
    drop = await classroom.opened(batch)
    await classroom.won(drop.id, "ann")
    await classroom.confirm(drop.id)
    return batch


async def _open_at_once(
    classroom: Classroom, teachers: int = 8
) -> tuple[list[DropView | Refused], str]:
    """Each room has a batch of its own; they share the campaign, whose budget is enough for three."""
    campaign = await made_campaign(classroom.ledger, money=Money(3_500, "CNY"))
    template = await classroom.made_template()
    batches = [
        await classroom.made_batch(template, campaign_id=campaign.id) for _ in range(teachers)
    ]
    openings = [
        classroom.drops.create(f"room-{n}", DropForm(batch.id, 1, 60), None, now_ms())
        for n, batch in enumerate(batches)
    ]
    return list(await asyncio.gather(*openings)), campaign.id


async def _until_it_succeeds(
    classroom: Classroom, campaign_id: str | None, step: Callable[[], Awaitable[object]]
) -> object:
    """Interrupt it after its first statement, after its second, and so on; the sums are checked each time."""
    for after in range(1, 100):
        try:
            with breaking_off(classroom.ledger, after):
                answer = await step()
        except BrokenOffError:
            await parts_of(classroom.ledger, campaign_id)
            continue
        await parts_of(classroom.ledger, campaign_id)
        # A top-up that was written before its process died is not done again.
        assert not isinstance(answer, Refused) or answer.code is Code.WRONG_STATE, answer
        return answer
    raise AssertionError("it never came to its end")


async def test_doctor_finds_a_budget_that_says_something_else(classroom: Classroom) -> None:
    batch = await with_budget(classroom, 20_000)
    await classroom.opened(batch)
    assert await check_budgets(classroom.ledger) == []
    assert batch.campaign_id is not None
    async with classroom.ledger.begin() as conn:
        await budgets.move(conn, batch.campaign_id, BudgetKind.MONEY, BudgetMove(5, -5), now_ms())

    (found,) = await check_budgets(classroom.ledger)
    assert (found.kind, found.campaign) == (FindingKind.BUDGET_DIFFERS, batch.campaign_id)
