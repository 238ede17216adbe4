"""The effect of refunds on a campaign's budget, on both databases: what was given stays settled, and a coupon
that may be used again has its part set aside anew.
"""

import asyncio

import pytest
from sqlalchemy import update

from server.core.checkout.orders import Order
from server.core.checkout.redemptions import LockForm, Redemption
from server.core.checkout.refunds import Refund, RefundForm, RequestedLine
from server.core.drops.drop_rules import DropForm
from server.core.promotions.batches import Batch
from server.core.promotions.campaigns import BudgetKind
from server.core.promotions.templates import (
    AmountOff,
    BrokenThreshold,
    Discount,
    Gift,
    PercentOff,
    Rebate,
    Returned,
    Returns,
    Threshold,
)
from server.core.refusals import Code, Refused
from server.flows.checkout.redemptions import lock
from server.flows.checkout.refunds import preview, refund
from server.flows.consistency.checks.ledger_checks import check_budgets
from server.flows.consistency.findings import FindingKind
from server.ledger.promotions import budgets
from server.ledger.promotions.budgets import BudgetMove
from server.ledger.tables import refunded_lines
from tests.support.builders.campaigns import PIECES, code_of, locked, paid, parts_of, with_budget
from tests.support.builders.classroom import ROOM, Classroom, granted, now_ms
from tests.support.builders.money import an_order

pytestmark = pytest.mark.asyncio

BACK = Returns(after_refund=Returned.BACK, after_partial_refund=Returned.BACK)
CHARGES = Returns(broken_threshold=BrokenThreshold.CHARGE_BACK)
DEADLINE_S = 60


async def with_coupons(
    classroom: Classroom, money: int, *students: str, **of_template: object
) -> Batch:
    """Return a batch with as many coupons as students."""
    batch = await with_budget(classroom, money, pieces=100, **of_template)
    drop = await classroom.opened(batch, quantity=len(students))
    await classroom.won(drop.id, *students)
    await classroom.confirm(drop.id)
    return batch


async def paid_by(
    classroom: Classroom, student: str, order: Order, order_id: str = "o1"
) -> Redemption:
    return await paid(classroom.ledger, await locked(classroom.ledger, student, order, order_id))


async def refunded(
    classroom: Classroom, *lines: RequestedLine, order_id: str = "o1", refund_id: str = "r1"
) -> Refund:
    form = RefundForm(refund_id, lines or None)
    return granted(await refund(classroom.ledger, "shop", order_id, form, now_ms()))


FEN = RequestedLine("a", amount=1)


# --- A coupon that is used again ----------------------------------------------------------------


async def test_what_was_given_stays_settled_though_the_coupon_goes_back(
    classroom: Classroom,
) -> None:
    batch = await with_coupons(classroom, 3_000, "ann", returns=BACK)
    for number in range(3):
        await paid_by(classroom, "ann", an_order(8_000), f"o{number}")
        made = await refunded(classroom, FEN, order_id=f"o{number}")
        settled = 1_000 * (number + 1)
        is_last = number == 2
        assert made.no_room == ((made.coupons[0][0],) if is_last else ())
        exposed = 0 if is_last else 1_000
        parts = (3_000 - settled - exposed, exposed, settled)
        assert await parts_of(classroom.ledger, batch.campaign_id) == parts


async def test_a_coupon_whose_budget_has_no_room_stays_used(classroom: Classroom) -> None:
    batch = await with_coupons(classroom, 1_000, "ann", returns=BACK)
    redemption = await paid_by(classroom, "ann", an_order(8_000))
    made = await refunded(classroom, FEN)

    code = redemption.coupons[0].code
    assert (made.coupons, made.no_room) == (((code, "redeemed"),), (code,))
    assert await parts_of(classroom.ledger, batch.campaign_id) == (0, 0, 1_000)
    assert await parts_of(classroom.ledger, batch.campaign_id, PIECES) == (99, 0, 1)
    answer = await lock(classroom.ledger, LockForm("o2", "ann", an_order(8_000), (code,)), now_ms())
    assert isinstance(answer, Refused)
    assert answer.code is Code.COUPON_UNUSABLE


async def test_a_refund_that_is_told_again_says_the_same_of_the_coupon(
    classroom: Classroom,
) -> None:
    await with_coupons(classroom, 1_000, "ann", returns=BACK)
    await paid_by(classroom, "ann", an_order(8_000))
    assert await refunded(classroom, FEN) == await refunded(classroom, FEN)


async def test_it_goes_back_once_the_whole_order_is_undone(classroom: Classroom) -> None:
    batch = await with_coupons(classroom, 1_000, "ann", returns=BACK)
    await paid_by(classroom, "ann", an_order(8_000))
    await refunded(classroom, FEN)
    made = await refunded(classroom, refund_id="r2")

    assert [state for _, state in made.coupons] == ["usable"]
    assert await parts_of(classroom.ledger, batch.campaign_id) == (0, 1_000, 0)
    assert await parts_of(classroom.ledger, batch.campaign_id, PIECES) == (99, 1, 0)


async def test_the_first_order_pays_back_while_the_coupon_is_on_its_second(
    classroom: Classroom,
) -> None:
    batch = await with_coupons(classroom, 2_000, "ann", returns=BACK)
    await paid_by(classroom, "ann", an_order(8_000))
    await refunded(classroom, FEN)
    await paid_by(classroom, "ann", an_order(8_000), "o2")
    assert await parts_of(classroom.ledger, batch.campaign_id) == (0, 0, 2_000)

    await refunded(classroom, refund_id="r2")
    assert await parts_of(classroom.ledger, batch.campaign_id) == (1_000, 0, 1_000)


# --- What is settled, by line -------------------------------------------------------------------


async def test_what_came_back_of_a_line_is_free_again(classroom: Classroom) -> None:
    batch = await with_coupons(classroom, 1_000, "ann")
    await paid_by(classroom, "ann", an_order(5_000, 3_000, 2_000))
    await refunded(classroom, RequestedLine("b"))
    assert await parts_of(classroom.ledger, batch.campaign_id) == (300, 0, 700)
    await refunded(classroom, refund_id="r2")
    assert await parts_of(classroom.ledger, batch.campaign_id) == (1_000, 0, 0)


async def test_what_is_charged_back_was_not_given(classroom: Classroom) -> None:
    changes = {"returns": CHARGES, "threshold": Threshold(10_000)}
    batch = await with_coupons(classroom, 1_000, "ann", **changes)
    await paid_by(classroom, "ann", an_order(5_000, 3_000, 2_000))
    await refunded(classroom, RequestedLine("b"))
    assert await parts_of(classroom.ledger, batch.campaign_id) == (1_000, 0, 0)


async def test_what_could_not_be_charged_back_was_given(classroom: Classroom) -> None:
    changes = {"returns": CHARGES, "threshold": Threshold(10_000)}
    batch = await with_coupons(classroom, 1_000, "ann", **changes)
    await paid_by(classroom, "ann", an_order(9_990, 10))
    made = await refunded(classroom, RequestedLine("b"))
    # The line that stays costs 9990 without the coupon, and 9000 were paid.
    assert made.refunded == 0
    assert await parts_of(classroom.ledger, batch.campaign_id) == (10, 0, 990)


@pytest.mark.parametrize(
    ("discount", "cost", "half"),
    [
        (Rebate(AmountOff(1_000)), 1_000, 500),
        (Rebate(PercentOff(10, max_amount=1_000)), 800, 400),
        (Gift("poetry", 400, 2), 800, 800),  # it is not sent back
    ],
)
async def test_what_takes_nothing_off_is_settled_too(
    classroom: Classroom, discount: Discount, cost: int, half: int
) -> None:
    batch = await with_coupons(classroom, 5_000, "ann", discount=discount)
    await paid_by(classroom, "ann", an_order(4_000, 4_000))
    assert await parts_of(classroom.ledger, batch.campaign_id) == (5_000 - cost, 0, cost)
    await refunded(classroom, RequestedLine("a"))
    assert await parts_of(classroom.ledger, batch.campaign_id) == (5_000 - half, 0, half)
    await refunded(classroom, refund_id="r2")
    assert await parts_of(classroom.ledger, batch.campaign_id) == (5_000, 0, 0)


# --- A preview ----------------------------------------------------------------------------------


async def test_a_preview_says_what_the_refund_will_and_changes_nothing(
    classroom: Classroom,
) -> None:
    batch = await with_coupons(classroom, 1_000, "ann", returns=BACK)
    await paid_by(classroom, "ann", an_order(8_000))
    form, now = RefundForm("r1", (FEN,)), now_ms()
    seen = await preview(classroom.ledger, "shop", "o1", form, now)

    assert await parts_of(classroom.ledger, batch.campaign_id) == (0, 0, 1_000)
    assert granted(await refund(classroom.ledger, "shop", "o1", form, now)) == seen


# --- Doctor -------------------------------------------------------------------------------------


async def test_doctor_finds_money_that_a_budget_forgot(classroom: Classroom) -> None:
    batch = await with_coupons(classroom, 2_000, "ann", returns=BACK)
    await paid_by(classroom, "ann", an_order(8_000))
    await refunded(classroom, FEN)
    assert await check_budgets(classroom.ledger) == []
    assert batch.campaign_id is not None
    async with classroom.ledger.begin() as conn:
        forgets = BudgetMove(free=1_000, settled=-1_000)
        await budgets.move(conn, batch.campaign_id, BudgetKind.MONEY, forgets, now_ms())

    (found,) = await check_budgets(classroom.ledger)
    assert (found.kind, found.campaign) == (FindingKind.BUDGET_DIFFERS, batch.campaign_id)


async def test_doctor_finds_a_line_that_came_back_behind_the_budgets_back(
    classroom: Classroom,
) -> None:
    await with_coupons(classroom, 2_000, "ann")
    await paid_by(classroom, "ann", an_order(5_000, 3_000))
    await refunded(classroom, FEN)
    async with classroom.ledger.begin() as conn:
        await conn.execute(update(refunded_lines).values(returned=1))

    (found,) = await check_budgets(classroom.ledger)
    assert found.kind is FindingKind.BUDGET_DIFFERS


# --- At once ------------------------------------------------------------------------------------


async def test_of_two_refunds_at_once_one_has_the_last_of_the_budget(
    classroom: Classroom,
) -> None:
    batch = await with_coupons(classroom, 3_000, "ann", "bob", returns=BACK)
    for student in ("ann", "bob"):
        await paid_by(classroom, student, an_order(8_000), f"of-{student}")
    async with asyncio.timeout(DEADLINE_S):
        made = await asyncio.gather(
            *(refunded(classroom, FEN, order_id=f"of-{student}") for student in ("ann", "bob"))
        )

    assert sorted(len(one.no_room) for one in made) == [0, 1]
    assert await parts_of(classroom.ledger, batch.campaign_id) == (0, 1_000, 2_000)


async def test_a_refund_and_an_opening_share_the_last_of_the_budget(
    classroom: Classroom,
) -> None:
    batch = await with_coupons(classroom, 2_000, "ann", returns=BACK)
    await paid_by(classroom, "ann", an_order(8_000))
    async with asyncio.timeout(DEADLINE_S):
        made, opened = await asyncio.gather(
            refunded(classroom, FEN),
            classroom.drops.create(ROOM, DropForm(batch.id, 1, 60), None, now_ms()),
        )

    assert bool(made.no_room) is not isinstance(opened, Refused)
    assert await parts_of(classroom.ledger, batch.campaign_id) == (0, 1_000, 1_000)


async def test_control_who_looks_first_sets_aside_more_than_there_is(
    classroom: Classroom,
) -> None:
    batch = await with_coupons(classroom, 3_000, "ann", "bob", returns=BACK)
    campaign_id = batch.campaign_id
    assert campaign_id is not None
    for student in ("ann", "bob"):
        await paid_by(classroom, student, an_order(8_000), f"of-{student}")
    barrier = asyncio.Barrier(2)

    async def looks_then_takes() -> bool:
        async with classroom.ledger.read() as conn:
            free = await budgets.free_of(conn, campaign_id, BudgetKind.MONEY) or 0
        await barrier.wait()
        if free >= 1_000:
            async with classroom.ledger.begin() as conn:
                by = BudgetMove(-1_000, 1_000)
                await budgets.move(conn, campaign_id, BudgetKind.MONEY, by, now_ms())
        return free >= 1_000

    async with asyncio.timeout(DEADLINE_S):
        took = await asyncio.gather(looks_then_takes(), looks_then_takes())
    assert all(took)
    async with classroom.ledger.read() as conn:
        assert await budgets.free_of(conn, campaign_id, BudgetKind.MONEY) == -1_000


async def test_a_code_is_not_lost_where_nobody_set_a_budget(classroom: Classroom) -> None:
    template = await classroom.made_template(returns=BACK)
    drop = await classroom.opened(await classroom.made_batch(template), quantity=1)
    await classroom.won(drop.id, "ann")
    await classroom.confirm(drop.id)
    await paid_by(classroom, "ann", an_order(8_000))
    made = await refunded(classroom, FEN)
    assert made.coupons == ((await code_of(classroom.ledger, "ann"), "usable"),)
