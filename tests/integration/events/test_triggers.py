"""Triggers: each event fires once, within limits and window, whatever dies; on both databases."""

import asyncio
from datetime import UTC
from typing import Any

import pytest
from sqlalchemy import select

from server.core.audiences.student_events import StudentEvent
from server.core.audiences.students import StudentForm
from server.core.checkout.refunds import RefundForm
from server.core.events.triggers import Limits, Trigger, TriggerState
from server.core.refusals import Code, Refused
from server.flows.audiences.student_events import Accepted, accept_events
from server.flows.audiences.students import upsert_students
from server.flows.checkout.refunds import refund
from server.flows.coupons.issuing import issue
from server.flows.events import fire_triggers as fire_triggers_flow
from server.flows.events.dry_run_trigger import DryRun, dry_run
from server.flows.events.triggers import activate_trigger, change_trigger, pause_trigger
from server.ledger import event_positions, tables
from server.ledger.engine import Ledger
from server.ledger.events import triggers as rows
from tests.support.builders.coupon_rows import give_coupon
from tests.support.builders.issuances import worked
from tests.support.builders.money import DAY_MS, NOW, an_order
from tests.support.builders.paid_orders import paid_order
from tests.support.builders.triggers import (
    activated,
    active_trigger,
    fire,
    lesson,
    made_trigger,
    numbered,
    told,
)
from tests.support.faults.interruptions import crash, dies, interpose, once
from tests.support.worker_rig import WorkerRig

pytestmark = pytest.mark.asyncio


async def items(ledger: Ledger) -> list[str]:
    """The students of all issuances, one for each item."""
    async with ledger.read() as conn:
        found = await conn.scalars(
            select(tables.issuance_items.c.student).order_by(tables.issuance_items.c.student)
        )
        return list(found)


async def state_of(ledger: Ledger, trigger: Trigger) -> Trigger:
    async with ledger.read() as conn:
        found = await rows.find(conn, trigger.id)
    assert found is not None
    return found


async def test_an_event_issues_to_its_student_once(ledger: Ledger) -> None:
    await active_trigger(ledger)
    await told(ledger, lesson("e1"), lesson("e2", "bob"))

    assert [await fire(ledger), await fire(ledger)] == [2, 0]
    await told(ledger, lesson("e1"))  # a repeated id is no event
    assert await fire(ledger) == 0
    assert await items(ledger) == ["ann", "bob"]


async def test_the_coupon_lies_in_the_wallet(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch(quantity=20)
    await active_trigger(rig.ledger, batch_id=batch.id)
    await told(rig.ledger, lesson("e1"))
    await fire(rig.ledger)
    await worked(rig)

    async with rig.ledger.read() as conn:
        query = select(tables.coupons.c.student, tables.coupons.c.source)
        found = (await conn.execute(query.where(tables.coupons.c.batch_id == batch.id))).all()
    assert [tuple(row) for row in found] == [("ann", "trigger")]


async def test_a_draft_and_a_paused_one_do_not_fire(ledger: Ledger) -> None:
    await made_trigger(ledger)
    paused = await active_trigger(ledger)
    await pause_trigger(ledger, "olga", paused.id, NOW)
    await told(ledger, lesson("e1"))
    assert await fire(ledger) == 0


async def test_what_was_before_the_activation_does_not_count(ledger: Ledger) -> None:
    draft = await made_trigger(ledger)
    await told(ledger, lesson("e1"))
    await activated(ledger, draft)
    await told(ledger, lesson("e2", "bob"))
    await fire(ledger)
    assert await items(ledger) == ["bob"]


async def test_what_was_accepted_before_the_activation_does_not_count_though_it_has_no_number(
    ledger: Ledger,
) -> None:
    draft = await made_trigger(ledger)
    assert isinstance(await accept_events(ledger, [lesson("e1")], UTC, NOW), Accepted)
    await activated(ledger, draft)
    await told(ledger, lesson("e2", "bob"))

    assert await fire(ledger) == 1
    assert await items(ledger) == ["bob"]


async def test_a_paused_one_catches_up_what_had_no_number_when_it_went_on(ledger: Ledger) -> None:
    trigger = await active_trigger(ledger)
    await pause_trigger(ledger, "olga", trigger.id, NOW)
    assert isinstance(await accept_events(ledger, [lesson("e1")], UTC, NOW), Accepted)
    await activated(ledger, trigger, catch_up=True)
    await told(ledger, lesson("e2", "bob"))

    assert await fire(ledger) == 2
    assert await items(ledger) == ["ann", "bob"]


async def test_a_paused_one_catches_up_only_if_asked(ledger: Ledger) -> None:
    asked, not_asked = await active_trigger(ledger), await active_trigger(ledger)
    await told(ledger, lesson("e0", "zoe"))
    assert await fire(ledger) == 2
    for each in (asked, not_asked):
        await pause_trigger(ledger, "olga", each.id, NOW)
    await told(ledger, lesson("e1"))
    await fire(ledger)

    await activated(ledger, asked, catch_up=True)
    await activated(ledger, not_asked)
    await told(ledger, lesson("e2", "bob"))

    assert await fire(ledger) == 3  # ann once, bob for both
    assert await fire(ledger) == 0
    assert await items(ledger) == ["ann", "bob", "bob", "zoe", "zoe"]


async def test_limits_hold(ledger: Ledger) -> None:
    per_student = await active_trigger(ledger, limits=Limits(2))
    per_day = await active_trigger(ledger, limits=Limits(9, per_day=1))
    total = await active_trigger(ledger, limits=Limits(9, total=3))
    await told(ledger, *(lesson(f"e{n}") for n in range(4)))
    await fire(ledger)
    await told(ledger, *(lesson(f"f{n}") for n in range(4)))
    await fire(ledger)

    fired = [(await state_of(ledger, each)).fired for each in (per_student, per_day, total)]
    assert fired == [2, 1, 3]
    assert (await state_of(ledger, total)).state is TriggerState.ENDED
    await told(ledger, lesson("g1"), now=NOW)
    assert await fire(ledger, NOW + DAY_MS) == 1  # a new day


async def test_old_events_and_those_outside_the_window_do_not_fire(ledger: Ledger) -> None:
    await active_trigger(ledger, limits=Limits(9))
    windowed = await active_trigger(ledger, limits=Limits(9), from_at=NOW, until_at=NOW + DAY_MS)
    await told(ledger, lesson("e1", at=NOW - 2 * DAY_MS - 1), lesson("e2", at=NOW - 2 * DAY_MS))
    assert await fire(ledger) == 1
    await told(ledger, lesson("e3", at=NOW))
    assert await fire(ledger) == 2
    await told(ledger, lesson("e4", at=NOW + DAY_MS), now=NOW + DAY_MS)
    assert await fire(ledger, NOW + DAY_MS) == 1
    await told(ledger, lesson("e5", at=NOW + 4 * DAY_MS), now=NOW + 4 * DAY_MS)
    await fire(ledger, NOW + 4 * DAY_MS)
    assert (await state_of(ledger, windowed)).state is TriggerState.ENDED


async def test_conditions_on_data_and_facts(ledger: Ledger) -> None:
    conditions: dict[str, Any] = {
        "all": [
            {"fact": "data.course", "op": "in", "value": ["algebra"]},
            {"any": [{"fact": "tag", "op": "=", "value": "vip"}]},
        ]
    }
    await upsert_students(ledger, [StudentForm("ann", tags=frozenset({"vip"}))], NOW)
    await active_trigger(ledger, limits=Limits(9), conditions=conditions)
    await told(
        ledger,
        lesson("e1", course="algebra"),
        lesson("e2", course="music"),
        lesson("e3", "bob", course="algebra"),
        lesson("e4"),
    )
    assert await fire(ledger) == 1
    assert await items(ledger) == ["ann"]


async def test_a_streak_fires_when_it_is_reached_late_events_too(ledger: Ledger) -> None:
    conditions = {"all": [{"fact": "streak", "op": ">=", "value": 3}]}
    await active_trigger(ledger, limits=Limits(9), conditions=conditions)
    await told(ledger, lesson("e1", at=NOW - 2 * DAY_MS), lesson("e2", at=NOW))
    assert await fire(ledger) == 0
    await told(ledger, lesson("e3", at=NOW - DAY_MS), lesson("e4", at=NOW))
    assert await fire(ledger) == 1
    await told(ledger, lesson("e5", at=NOW + DAY_MS), now=NOW + DAY_MS)
    assert await fire(ledger, NOW + DAY_MS) == 0  # it had been reached


async def test_spending_fires_once_for_each_crossing_net_of_refunds(ledger: Ledger) -> None:
    conditions = {"all": [{"fact": "spent", "op": ">=", "value": 10_000}]}
    await active_trigger(ledger, "redemption.redeemed", limits=Limits(9), conditions=conditions)
    fired = []
    for number in (1, 2, 3):
        await paid_order(ledger, order_id=f"o{number}", order=an_order(6_000))
        await numbered(ledger)
        fired.append(await fire(ledger))
    await refund(ledger, "shop", "o1", RefundForm("r1"), NOW)
    await refund(ledger, "shop", "o2", RefundForm("r2"), NOW)
    await paid_order(ledger, order_id="o4", order=an_order(6_000))
    await numbered(ledger)
    fired.append(await fire(ledger))
    assert fired == [0, 1, 0, 1]


async def test_an_edit_reaches_later_events_only(ledger: Ledger) -> None:
    trigger = await active_trigger(ledger)
    await told(ledger, lesson("e1"))
    await fire(ledger)
    changes = {"event": "x.badge"}
    changed = await change_trigger(
        ledger, actor="olga", trigger_id=trigger.id, expected_version=1, changes=changes, now=NOW
    )
    await told(ledger, lesson("e2", "bob"), StudentEvent("e3", "x.badge", "cem", NOW))
    await fire(ledger)

    assert isinstance(changed, Trigger)
    assert changed.version == 2
    assert await items(ledger) == ["ann", "cem"]
    async with ledger.read() as conn:
        query = select(tables.trigger_firings.c.version).order_by(tables.trigger_firings.c.student)
        assert list(await conn.scalars(query)) == [1, 2]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("part", "call"),
    [
        (issue, "add"),
        (rows, "insert_firings"),
        (rows, "add_fired"),
        (event_positions, "move"),
    ],
    ids=lambda each: str(getattr(each, "__name__", each)),
)
async def test_it_dies_at_any_step_and_each_event_issues_once(
    ledger: Ledger, part: Any, call: str, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await active_trigger(ledger)
    await told(ledger, lesson("e1"), lesson("e2", "bob"))
    monkeypatch.setattr(part, call, getattr(part, call))
    interpose(part, call, **{when: once(crash)})

    with dies():
        await fire(ledger)
    await fire(ledger)

    assert await items(ledger) == ["ann", "bob"]


async def test_several_workers_at_once_fire_each_event_once(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fire_triggers_flow, "PAGE", 3)
    await active_trigger(ledger)
    await told(ledger, *(lesson(f"e{n}", f"s{n:02}") for n in range(20)))
    await asyncio.gather(*(fire(ledger) for _ in range(4)))
    await fire(ledger)
    assert await items(ledger) == [f"s{n:02}" for n in range(20)]


async def test_a_dry_run_counts_and_writes_nothing(ledger: Ledger) -> None:
    draft = await made_trigger(ledger, limits=Limits(1, total=2))
    old = NOW - 9 * DAY_MS
    await told(ledger, lesson("e0", "old", old), now=old)
    await told(ledger, *(lesson(f"e{n}", f"s{n % 3}") for n in range(1, 6)))

    found = await dry_run(ledger, draft.id, 7, UTC, NOW)

    assert isinstance(found, DryRun)
    assert (found.events, found.fulfilled, found.issued) == (5, 5, 2)
    assert list(found.students) == ["s1", "s2"]
    assert await items(ledger) == []
    assert isinstance(await dry_run(ledger, "trg_no", 7, UTC, NOW), Refused)


async def test_states_are_repeatable_and_an_end_is_final(ledger: Ledger) -> None:
    trigger = await made_trigger(ledger, limits=Limits(1, total=1))
    early = await pause_trigger(ledger, "olga", trigger.id, NOW)
    assert isinstance(early, Refused)
    await activated(ledger, trigger)
    again = await activated(ledger, trigger)
    assert again.state is TriggerState.ACTIVE
    await told(ledger, lesson("e1"))
    await fire(ledger)
    late = await activate_trigger(ledger, "olga", trigger.id, NOW, catch_up=False)
    assert isinstance(late, Refused)
    assert (late.code, late.facts) == (Code.WRONG_STATE, {"state": "ended"})


async def test_a_batch_has_to_exist(ledger: Ledger) -> None:
    await give_coupon(ledger, 1)
    with pytest.raises(AssertionError, match="unknown"):
        await made_trigger(ledger, batch_id="bat_no")
