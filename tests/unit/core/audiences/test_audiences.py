"""Audiences as an operator writes them."""

from server.core.audiences.audiences import (
    MAX_MEMBERS,
    AudienceForm,
    AudienceKind,
    audience_violations,
    members_of,
)
from server.core.violations import Violation


def test_a_list_has_a_limit_and_each_member_once() -> None:
    form = AudienceForm("x", AudienceKind.LIST, ("b", "a", "b"))
    assert members_of(form) == ["b", "a"]
    assert list(audience_violations(form)) == []
    large = AudienceForm("x", AudienceKind.LIST, ("a",) * (MAX_MEMBERS + 1))
    assert list(audience_violations(large)) == [Violation("students", "too_many")]


def test_a_rule_is_checked() -> None:
    form = AudienceForm("x", AudienceKind.RULE, rule={"all": []})
    assert list(audience_violations(form)) == [Violation("rule.all", "too_few")]


def test_metadata_are_20_pairs_at_most() -> None:
    pairs = {str(number): "x" for number in range(21)}
    form = AudienceForm("x", AudienceKind.TAG, tag="vip", metadata=pairs)
    assert list(audience_violations(form)) == [Violation("metadata", "too_many")]
