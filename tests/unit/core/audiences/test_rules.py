"""Rules: which are good, where a bad one is bad, and when one holds."""

from typing import Any

import pytest

from server.core.audiences.rules import (
    MAX_CONDITIONS,
    MAX_VALUES,
    Condition,
    Group,
    Op,
    Quantifier,
    conditions_of,
    is_true,
    rule_of,
    rule_violations,
)
from server.core.violations import Violation

VIP: dict[str, Any] = {"fact": "tag", "op": "=", "value": "vip"}


def violations(raw: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each.field, each.code) for each in rule_violations(raw)]


@pytest.mark.parametrize(
    ("fact", "op", "value"),
    [
        ("tag", "in", ["a", "b"]),
        ("first_seen", ">=", "2026-01-01T00:00:00Z"),
        ("last_seen", "not_within_days", 30),
        ("orders_30d", "=", 0),
        ("spent_30d", ">=", 10_000),
        ("streak", ">=", 7),
        ("facts.city", "=", "Xi'an"),
        ("facts.city", "in", ["x", 3, True]),
        ("facts.visits", ">=", 2.5),
        ("facts.born", "<=", "2026-01-01T00:00:00Z"),
        ("facts.paying", "=", False),
    ],
)
def test_good_conditions(fact: str, op: str, value: object) -> None:
    assert violations({"all": [{"fact": fact, "op": op, "value": value}]}) == []


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"fact": "age"}, "fact", "unknown_value"),
        ({"fact": "facts."}, "fact", "unknown_value"),
        ({"op": ">="}, "op", "unsupported"),
        ({"value": 7}, "value", "wrong_type"),
        ({"value": ""}, "value", "too_short"),
        ({"value": "x" * 201}, "value", "too_long"),
        ({"op": "in"}, "value", "wrong_type"),
        ({"op": "in", "value": []}, "value", "too_few"),
        ({"op": "in", "value": ["x"] * (MAX_VALUES + 1)}, "value", "too_many"),
        ({"op": "in", "value": ["x", 7]}, "value", "wrong_type"),
        ({"fact": "orders_30d", "value": "1"}, "value", "wrong_type"),
        ({"fact": "orders_30d", "value": True}, "value", "wrong_type"),
        ({"fact": "orders_30d", "value": -1}, "value", "too_small"),
        ({"fact": "streak", "value": 367}, "value", "too_large"),
        ({"fact": "last_seen", "op": ">=", "value": "soon"}, "value", "bad_format"),
        ({"fact": "last_seen", "op": ">=", "value": 7}, "value", "wrong_type"),
        ({"fact": "facts.a", "op": ">=", "value": "soon"}, "value", "bad_format"),
        ({"fact": "facts.a", "op": ">=", "value": True}, "value", "wrong_type"),
        ({"fact": "facts.a", "op": "=", "value": ["x"]}, "value", "wrong_type"),
        ({"more": 1}, "more", "unsupported"),
    ],
)
def test_a_bad_condition_names_its_part(change: dict[str, Any], field: str, code: str) -> None:
    assert violations({"all": [VIP, {**VIP, **change}]}) == [(f"rule.all.1.{field}", code)]


def test_a_condition_needs_all_its_parts() -> None:
    assert violations({"any": [{"fact": "tag"}]}) == [
        ("rule.any.0.op", "missing"),
        ("rule.any.0.value", "missing"),
    ]


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        ({}, ("rule", "one_of_all_and_any")),
        ({"all": [VIP], "any": [VIP]}, ("rule", "one_of_all_and_any")),
        ({"all": [VIP], "none": []}, ("rule", "one_of_all_and_any")),
        ({"all": []}, ("rule.all", "too_few")),
        ({"all": [{"any": [{"all": [VIP]}]}]}, ("rule.all.0.any.0", "too_deep")),
        ({"all": [VIP] * (MAX_CONDITIONS + 1)}, ("rule", "too_many")),
    ],
)
def test_a_bad_group_names_its_place(raw: dict[str, Any], error: tuple[str, str]) -> None:
    assert violations(raw) == [error]


def test_facts_of_others_may_be_known_besides() -> None:
    found = [*rule_violations({"all": [VIP]}, "when.conditions", lambda _: None)]
    assert found == [Violation("when.conditions.all.0.fact", "unknown_value")]


def test_a_rule_is_read_and_its_conditions_are_in_order() -> None:
    rule = rule_of({"any": [VIP, {"all": [{**VIP, "op": "in", "value": ["a"]}]}]})
    first, second = Condition("tag", Op.EQUAL, "vip"), Condition("tag", Op.IN, ["a"])
    assert rule == Group(Quantifier.ANY, (first, Group(Quantifier.ALL, (second,))))
    assert list(conditions_of(rule)) == [first, second]


@pytest.mark.parametrize(
    ("true", "holds"), [((), False), (("a",), False), (("a", "b"), True), (("c",), True)]
)
def test_a_rule_holds_by_its_words(true: tuple[str, ...], holds: bool) -> None:
    a, b, c = ({**VIP, "value": name} for name in "abc")
    rule = rule_of({"any": [{"all": [a, b]}, c]})
    assert is_true(rule, lambda condition: condition.value in true) is holds
