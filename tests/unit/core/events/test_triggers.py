"""Triggers: which are good, which events they wait for, and when a condition holds."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from server.core.audiences.rules import Condition, Op
from server.core.events.triggers import (
    Happening,
    Limits,
    RemainingFirings,
    Trigger,
    TriggerForm,
    TriggerState,
    completes_streak,
    conditions_in,
    crosses,
    form_violations,
    happening_of,
    is_met_by,
    waits_for,
)

FORM = TriggerForm("x", "logged_in", "bat_1", None, Limits(1))
STREAK = {"all": [{"fact": "streak", "op": ">=", "value": 7}]}
SPENT = {"all": [{"fact": "spent", "op": ">=", "value": 7}]}


def violations(**change: Any) -> list[tuple[str, str]]:
    return [(each.field, each.code) for each in form_violations(replace(FORM, **change))]


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"event": "x.badge", "conditions": STREAK},
        {"event": "redemption.redeemed", "conditions": SPENT},
        {"batch_id": None, "pack_id": "pck_1"},
        {"limits": Limits(100, 1, 10**9)},
        {"from_at": 1, "until_at": 2},
        {"conditions": {"any": [{"fact": "data.a.b", "op": "<=", "value": 3}]}},
        {"conditions": {"any": [{"fact": "tag", "op": "=", "value": "vip"}]}},
    ],
)
def test_good_triggers(change: dict[str, Any]) -> None:
    assert violations(**change) == []


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"event": "coupon.confirmed"}, ("when.event", "loop")),
        ({"event": "issuance.finished"}, ("when.event", "loop")),
        ({"event": "slept"}, ("when.event", "unknown_value")),
        ({"batch_id": None}, ("then", "one_of_batch_and_pack")),
        ({"pack_id": "pck_1"}, ("then", "one_of_batch_and_pack")),
        ({"limits": Limits(101)}, ("limits.per_student", "too_large")),
        ({"limits": Limits(1, per_day=0)}, ("limits.per_day", "too_small")),
        ({"ignore_older_than_s": 59}, ("ignore_older_than_seconds", "too_small")),
        ({"from_at": 2, "until_at": 2}, ("window.until", "not_after_from")),
        ({"metadata": {str(n): "x" for n in range(21)}}, ("metadata", "too_many")),
        ({"conditions": SPENT}, ("when.conditions.all.0.fact", "unknown_value")),
        (
            {"event": "redemption.refunded", "conditions": STREAK},
            ("when.conditions.all.0.fact", "unknown_value"),
        ),
        (
            {"conditions": {"all": [{"fact": "streak", "op": "=", "value": 7}]}},
            ("when.conditions.all.0.op", "unsupported"),
        ),
    ],
)
def test_a_bad_trigger_names_its_field(change: dict[str, Any], error: tuple[str, str]) -> None:
    assert violations(**change) == [error]


def a_trigger(**change: Any) -> Trigger:
    form = replace(FORM, **change)
    return Trigger(id="trg_1", version=1, state=TriggerState.ACTIVE, form=form, created_at=0)


def happening(at: int = 100, type_: str = "logged_in") -> Happening:
    return Happening(1, "evt_1", type_, "ann", at, "e1", {})


@pytest.mark.parametrize(
    ("change", "event", "now", "waits"),
    [
        ({}, happening(), 100, True),
        ({}, happening(type_="x.badge"), 100, False),
        ({"ignore_older_than_s": 60}, happening(), 60_100, True),
        ({"ignore_older_than_s": 60}, happening(), 60_101, False),
        ({"ignore_older_than_s": 60}, happening(), None, True),
        ({"from_at": 101}, happening(), 100, False),
        ({"from_at": 100, "until_at": 101}, happening(), 100, True),
        ({"until_at": 100}, happening(), 100, False),
    ],
)
def test_it_waits_for_events_of_its_type_window_and_age(
    change: dict[str, Any], event: Happening, now: int | None, waits: bool
) -> None:
    assert waits_for(a_trigger(**change), event, now) is waits


def test_conditions_are_read_where_there_are_any() -> None:
    assert conditions_in(FORM) == []
    assert conditions_in(replace(FORM, conditions=STREAK)) == [Condition("streak", Op.AT_LEAST, 7)]


@dataclass
class Logged:
    type: str
    student: str | None = "ann"
    seq: int = 1
    id: str = "evt_1"
    at: int = 5
    subject: str = "e1"


def test_events_of_students_are_seen_as_the_school_told_them() -> None:
    data = {"type": "x.badge", "at": "1970-01-01T00:00:02Z", "data": {"level": 3}}
    seen = Happening(1, "evt_1", "x.badge", "ann", 2_000, "e1", {"level": 3})
    assert happening_of(Logged("student.event"), data) == seen
    odd = happening_of(Logged("student.event"), {"type": "x.a", "at": "?", "data": None})
    assert odd == Happening(1, "evt_1", "x.a", "ann", 5, "e1", {})


def test_payments_are_seen_and_nothing_else_is() -> None:
    paid = happening_of(Logged("redemption.redeemed"), {"payable": 7})
    assert paid == Happening(1, "evt_1", "redemption.redeemed", "ann", 5, "e1", {"payable": 7})
    assert happening_of(Logged("coupon.confirmed"), {}) is None
    assert happening_of(Logged("redemption.redeemed", student=None), {}) is None


@pytest.mark.parametrize(
    ("fact", "op", "value", "holds"),
    [
        ("data.course", Op.EQUAL, "algebra", True),
        ("data.course", Op.EQUAL, "music", False),
        ("data.course", Op.IN, ["music", "algebra"], True),
        ("data.course", Op.IN, ["music"], False),
        ("data.course", Op.AT_LEAST, 3, False),
        ("data.score", Op.AT_LEAST, 3, True),
        ("data.score", Op.AT_MOST, 2.5, False),
        ("data.deep.x", Op.EQUAL, True, True),
        ("data.deep.x", Op.EQUAL, 1, False),
        ("data.deep.x", Op.AT_LEAST, 1, False),
        ("data.course.x", Op.EQUAL, "algebra", False),
        ("data.missing", Op.AT_MOST, 3, False),
        ("data.on", Op.AT_LEAST, "2026-01-01T00:00:00Z", True),
        ("data.on", Op.AT_MOST, "2026-01-01T00:00:00Z", False),
    ],
)
def test_conditions_on_the_events_own_data(fact: str, op: Op, value: Any, holds: bool) -> None:
    data = {
        "course": "algebra",
        "score": 3,
        "deep": {"x": True},
        "on": "2026-02-01T00:00:00Z",
    }
    assert is_met_by(Condition(fact, op, value), data) is holds


def test_a_sum_crosses_once() -> None:
    assert [crosses(0, 5, 5), crosses(5, 9, 5), crosses(0, 4, 5)] == [True, False, False]


@pytest.mark.parametrize(
    ("days", "day", "completes"),
    [
        ([1, 2, 3], 3, True),
        ([1, 2, 3], 2, True),
        ([1, 2], 2, False),
        ([1, 2, 3, 4], 4, False),
        ([1, 2, 4], 4, False),
        ([1, 2, 3, 5, 6], 4, False),
        ([], 1, False),
    ],
)
def test_a_day_completes_a_streak_of_three(days: list[int], day: int, completes: bool) -> None:
    assert completes_streak(days, day, 3) is completes


def test_remaining_firings_count_students_days_and_the_total() -> None:
    remaining = RemainingFirings(
        total=3, per_student=2, per_day=2, fired_on={1: 1}, fired_for={"ann": 1}
    )
    taken = [
        remaining.take("ann", 1),
        remaining.take("bob", 1),
        remaining.take("ann", 2),
        remaining.take("bob", 2),
    ]
    assert taken == [2, None, None, 1]
    assert [remaining.take("cem", 3), remaining.take("dan", 3)] == [1, None]
    endless = RemainingFirings(None, 1, None, {}, {})
    assert [endless.take("ann", 1), endless.take("ann", 1)] == [1, None]
