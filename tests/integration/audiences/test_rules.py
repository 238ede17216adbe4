"""Rules against real rows: each fact and comparison finds whom it should, on both databases.

`ada` has done a little of everything; `bob` is known and has done nothing.
"""

from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest
from sqlalchemy import update

from server.core.audiences.rules import rule_of, rule_violations
from server.core.audiences.student_events import StudentEvent, day_of
from server.core.audiences.students import StudentForm
from server.core.checkout.refunds import RefundForm
from server.flows.audiences.student_events import accept_events
from server.flows.audiences.students import upsert_students
from server.flows.checkout.refunds import refund
from server.ledger import tables
from server.ledger.audiences.rules import Moment, clause_of
from server.ledger.engine import Ledger
from tests.support.builders.coupon_rows import change_coupon, give_coupon
from tests.support.builders.money import DAY_MS, NOW
from tests.support.builders.paid_orders import locked_order, paid_order, seed_form

pytestmark = pytest.mark.asyncio
MOMENT = Moment(NOW, day_of(NOW, UTC))
LONG_AGO, EARLIER = "2020-01-01T00:00:00Z", "2026-02-20T00:00:00Z"


async def seed(ledger: Ledger) -> None:
    facts: dict[str, Any] = {"city": "Xi'an", "visits": 3, "paying": True, "born": LONG_AGO}
    ada = StudentForm("ada", "Ada", NOW - 3 * DAY_MS, frozenset({"vip", "new"}), facts)
    await upsert_students(ledger, [ada, StudentForm("bob", tags=frozenset({"new"}))], NOW)
    days = (0, 1, 2, 5)
    lessons = [
        StudentEvent(f"l{ago}", "lesson_finished", "ada", NOW - ago * DAY_MS) for ago in days
    ]
    view = StudentEvent("v", "viewed_course", "ada", NOW - 5 * DAY_MS, {"course": "algebra"})
    await accept_events(ledger, [*lessons, view], UTC, NOW)
    code = await give_coupon(ledger, 1, form=seed_form(), bound_at=NOW)
    await paid_order(ledger, code)  # 10000 is paid
    await locked_order(ledger, order_id="order-2")


async def found(ledger: Ledger, raw: dict[str, Any]) -> set[str]:
    assert list(rule_violations(raw)) == []
    async with ledger.read() as conn:
        query = tables.students.select().where(clause_of(rule_of(raw), MOMENT))
        return {row.id for row in await conn.execute(query)}


BOTH, ADA, BOB = {"ada", "bob"}, {"ada"}, {"bob"}
CASES: list[tuple[str, str, Any, set[str]]] = [
    ("first_seen", ">=", EARLIER, BOTH),
    ("first_seen", "<=", LONG_AGO, set()),
    ("first_seen", "within_days", 2, BOB),
    ("first_seen", "not_within_days", 2, ADA),
    ("last_seen", "within_days", 1, ADA),
    ("last_seen", "not_within_days", 1, BOB),
    ("last_seen", ">=", EARLIER, ADA),
    ("registered_at", "within_days", 4, ADA),
    ("registered_at", "not_within_days", 2, ADA),
    ("registered_at", "<=", LONG_AGO, set()),
    ("tag", "=", "vip", ADA),
    ("tag", "in", ["vip", "new"], BOTH),
    ("orders_30d", ">=", 1, ADA),
    ("orders_30d", ">=", 0, BOTH),
    ("orders_30d", ">=", 2, set()),
    ("orders_30d", "<=", 0, BOB),
    ("orders_30d", "=", 1, ADA),
    ("orders_30d", "=", 0, BOB),
    ("spent_30d", ">=", 10_000, ADA),
    ("spent_30d", ">=", 10_001, set()),
    ("spent_30d", "<=", 9_999, BOB),
    ("claimed_30d", ">=", 1, ADA),
    ("claimed_30d", "=", 0, BOB),
    ("used_30d", "=", 1, ADA),
    ("used_30d", "<=", 1, BOTH),
    ("lessons_done", ">=", 4, ADA),
    ("lessons_done", "=", 0, BOB),
    ("lessons_done", "<=", 3, BOB),
    ("streak", ">=", 3, ADA),
    ("streak", ">=", 4, set()),
    ("streak", "=", 3, ADA),
    ("streak", "=", 2, set()),
    ("streak", "<=", 2, BOB),
    ("interested", "=", "algebra", ADA),
    ("interested", "in", ["music"], set()),
    ("facts.city", "=", "Xi'an", ADA),
    ("facts.city", "in", ["Xi'an", 3], ADA),
    ("facts.visits", ">=", 3, ADA),
    ("facts.visits", "<=", 2.5, set()),
    ("facts.visits", "=", 3, ADA),
    ("facts.paying", "=", True, ADA),
    ("facts.paying", "=", False, set()),
    ("facts.born", "<=", EARLIER, ADA),
    ("facts.born", "within_days", 30, set()),
    ("facts.born", "not_within_days", 30, ADA),
    ("facts.unknown", "=", "x", set()),
]


async def test_each_fact_finds_whom_it_should(ledger: Ledger) -> None:
    await seed(ledger)
    wrong = {}
    for fact, op, value, expected in CASES:
        got = await found(ledger, {"all": [{"fact": fact, "op": op, "value": value}]})
        if got != expected:
            wrong[fact, op, str(value)] = got
    assert wrong == {}


async def test_groups_join_their_conditions(ledger: Ledger) -> None:
    await seed(ledger)
    vip = {"fact": "tag", "op": "=", "value": "vip"}
    new = {"fact": "tag", "op": "=", "value": "new"}
    never = {"fact": "lessons_done", "op": "=", "value": 0}

    assert await found(ledger, {"all": [vip, new]}) == ADA
    assert await found(ledger, {"any": [vip, never]}) == BOTH
    assert await found(ledger, {"all": [new, {"any": [never]}]}) == BOB
    assert await found(ledger, {"all": [never, vip]}) == set()


async def test_what_was_refunded_is_not_spent(ledger: Ledger) -> None:
    await seed(ledger)
    rule = {"all": [{"fact": "spent_30d", "op": ">=", "value": 10_000}]}
    assert await found(ledger, rule) == ADA
    await refund(ledger, "shop", "order-1", RefundForm("r1"), NOW)
    assert await found(ledger, rule) == set()


async def test_a_streak_of_yesterday_still_counts_and_one_of_before_does_not(
    ledger: Ledger,
) -> None:
    await seed(ledger)
    async with ledger.read() as conn:

        async def has(days_later: int) -> bool:
            moment = replace(MOMENT, today=MOMENT.today + days_later)
            raw = {"all": [{"fact": "streak", "op": ">=", "value": 3}]}
            query = tables.students.select().where(clause_of(rule_of(raw), moment))
            return (await conn.execute(query)).first() is not None

        assert [await has(0), await has(1), await has(2)] == [True, True, False]


async def test_what_is_older_than_30_days_does_not_count(ledger: Ledger) -> None:
    await seed(ledger)
    old = NOW - 31 * DAY_MS
    async with ledger.begin() as conn:
        await conn.execute(update(tables.redemptions).values(paid_at=old))
        await conn.execute(update(tables.coupons).values(bound_at=old))
        await conn.execute(update(tables.student_interests).values(last_at=old))
    for fact in ("orders_30d", "spent_30d", "used_30d", "claimed_30d"):
        assert await found(ledger, {"all": [{"fact": fact, "op": ">=", "value": 1}]}) == set()
    interested = {"fact": "interested", "op": "=", "value": "algebra"}
    assert await found(ledger, {"all": [interested]}) == set()


async def test_a_coupon_that_was_given_is_not_claimed(ledger: Ledger) -> None:
    await upsert_students(ledger, [StudentForm("ada")], NOW)
    code = await give_coupon(ledger, 1)
    rule = {"all": [{"fact": "claimed_30d", "op": ">=", "value": 1}]}
    assert await found(ledger, rule) == set()
    await change_coupon(ledger, code, bound_at=NOW)
    assert await found(ledger, rule) == ADA
