"""Audiences and claim conditions: both the drop and its batch must admit a student."""

import pytest

from server.core.drops.claims import Audience
from server.core.promotions.claim_conditions import (
    ANYBODY,
    ClaimConditions,
    conditions_to_json,
    read_conditions,
)
from server.core.promotions.splits import PLACES, Split

VIP, BOTH = frozenset({"vip"}), frozenset({"vip", "math"})
NONE: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("conditions", "tags", "is_new", "is_admitted"),
    [
        (ANYBODY, NONE, False, True),
        (ClaimConditions(VIP), BOTH, False, True),
        (ClaimConditions(VIP), NONE, True, False),
        (ClaimConditions(new=True), NONE, True, True),
        (ClaimConditions(new=True), VIP, False, False),
        (ClaimConditions(VIP, new=True), VIP, False, False),
        (ClaimConditions(VIP, new=True), VIP, True, True),
    ],
)
def test_an_account_meets_all_conditions(
    conditions: ClaimConditions, tags: frozenset[str], is_new: bool, is_admitted: bool
) -> None:
    assert Audience(conditions=conditions).admits("ann", tags, is_new) is is_admitted


def test_named_students_must_meet_the_conditions_as_well() -> None:
    audience = Audience(students=frozenset({"ann"}), conditions=ClaimConditions(VIP))
    assert not audience.admits("ann", NONE)
    assert audience.admits("ann", VIP)
    assert not audience.admits("bob", VIP)


def test_a_drop_with_conditions_is_not_for_everybody() -> None:
    assert Audience().is_everybody
    assert not Audience(conditions=ClaimConditions(new=True)).is_everybody


@pytest.mark.parametrize("conditions", [ANYBODY, ClaimConditions(BOTH, new=True)])
def test_conditions_are_read_as_they_were_kept(conditions: ClaimConditions) -> None:
    assert read_conditions(conditions_to_json(conditions)) == conditions


def test_rows_without_conditions_are_for_anybody() -> None:
    assert read_conditions(None) == ANYBODY


def test_a_split_admits_its_share_and_is_read_as_it_was_kept() -> None:
    every, nobody = Split("exp_1", 0, PLACES), Split("exp_1", 0, 0)
    assert Audience(conditions=ClaimConditions(split=every)).admits("ann", NONE)
    assert not Audience(conditions=ClaimConditions(split=nobody)).admits("ann", NONE)
    conditions = ClaimConditions(VIP, split=Split("exp_1", 1_000, 5_500, 1_000))
    assert not conditions.is_anybody
    assert read_conditions(conditions_to_json(conditions)) == conditions
