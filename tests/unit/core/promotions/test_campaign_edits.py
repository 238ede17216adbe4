"""The rules of changes of a campaign: which field may be changed when."""

from dataclasses import replace

import pytest

from server.core.promotions.campaign_edits import (
    CampaignEdit,
    CampaignUse,
    changed_fields,
    edited_form,
    form_of,
    refusal,
)
from server.core.promotions.campaigns import Budget, BudgetKind, Campaign, Money, Phase
from server.core.refusals import Code, Refused

NOW = 150
HALVES = (Phase("early", 100, 150), Phase("late", 150, 200))
MONEY = Budget(BudgetKind.MONEY, 1000, "CNY", 400, 500, 100)
PIECES = Budget(BudgetKind.PIECES, 10, None, 4, 6, 0)
CAMPAIGN = Campaign(
    *("cmp_1", "Spring", "why", 100, 200, HALVES, 2, {}, "op", 0, (MONEY, PIECES)), version=3
)
BARE = replace(CAMPAIGN, budgets=(), per_student=None, phases=())
FRESH = CampaignUse()
USED = CampaignUse(has_batches=True, claims_from=110, claims_until=190, most_held=2)


def refused(
    changes: dict[str, object],
    campaign: Campaign = CAMPAIGN,
    use: CampaignUse = USED,
    version: int = 3,
    now: int = NOW,
) -> Refused | None:
    return refusal(campaign, CampaignEdit(version, changes), use, now)


def errors(
    changes: dict[str, object], campaign: Campaign = CAMPAIGN, use: CampaignUse = USED
) -> list[tuple[str, str]]:
    found = refused(changes, campaign, use)
    if found is None:
        return []
    assert found.code is Code.INVALID_FIELD
    broken = found.facts["errors"]
    assert isinstance(broken, list)
    return [(one["field"], one["code"]) for one in broken]


def test_a_campaign_in_use_may_be_named_moved_and_enlarged() -> None:
    changes: dict[str, object] = {
        **{"name": "Summer", "purpose": "more", "metadata": {"a": "b"}, "phases": ()},
        **{"starts_at": 90, "ends_at": 300, "per_student": 3},
        **{"money": Money(2000, "CNY"), "pieces": 20},
    }

    assert errors(changes) == []
    assert changed_fields(CAMPAIGN, edited_form(CAMPAIGN, CampaignEdit(3, changes))) == [
        *("name", "purpose", "starts_at", "ends_at", "money", "pieces", "phases"),
        *("per_student", "metadata"),
    ]


def test_what_is_the_same_is_no_change() -> None:
    same: dict[str, object] = {"money": Money(1000, "CNY"), "pieces": 10, "per_student": 2}

    assert errors(same) == []
    assert changed_fields(CAMPAIGN, edited_form(CAMPAIGN, CampaignEdit(3, same))) == []
    assert form_of(BARE).money is None


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"starts_at": 111, "phases": ()}, "starts_at", "batch_outside"),
        ({"ends_at": 189, "phases": ()}, "ends_at", "batch_outside"),
        ({"ends_at": NOW, "phases": ()}, "ends_at", "past"),
        ({"per_student": 1}, "per_student", "below_held"),
        ({"per_student": None}, "per_student", "fixed"),
        ({"money": Money(599, "CNY")}, "budget.money.amount", "below_taken"),
        ({"money": Money(1000, "USD")}, "budget.money.currency", "fixed"),
        ({"money": None}, "budget.money", "fixed"),
        ({"pieces": 5}, "budget.pieces", "below_taken"),
        ({"pieces": None}, "budget.pieces", "fixed"),
        ({"name": " "}, "name", "too_short"),
        ({"phases": (Phase("a", 50, 120),)}, "phases.0.from", "outside_campaign"),
        ({"pieces": 0}, "budget.pieces", "below_taken"),
    ],
)
def test_each_rule_names_its_field(changes: dict[str, object], field: str, code: str) -> None:
    assert errors(changes) == [(field, code)]


def test_down_to_what_is_taken_and_held_it_may_be_lowered() -> None:
    low: dict[str, object] = {"money": Money(600, "CNY"), "pieces": 6, "per_student": 2}

    assert errors(low) == []


def test_a_budget_that_is_overdrawn_may_be_raised_though_it_does_not_cover_all() -> None:
    overdrawn = replace(MONEY, amount=500, free=-100)

    assert errors({"money": Money(550, "CNY")}, replace(CAMPAIGN, budgets=(overdrawn,))) == []


def test_what_counts_coupons_is_fixed_by_the_first_batch() -> None:
    fresh: dict[str, object] = {"money": Money(1, "USD"), "pieces": 1, "per_student": 1}

    assert errors(fresh, BARE, FRESH) == []
    assert errors(fresh, BARE) == [
        *(("per_student", "fixed"), ("budget.money", "fixed"), ("budget.pieces", "fixed")),
    ]
    untouched = replace(CAMPAIGN, budgets=(replace(MONEY, free=1000, exposed=0, settled=0),))
    assert errors({"money": Money(1, "USD")}, untouched, FRESH) == []


def test_a_campaign_without_windows_to_keep_may_be_moved_anywhere() -> None:
    assert errors({"starts_at": 160, "ends_at": 170}, BARE, FRESH) == []


def test_the_version_is_compared_and_an_ended_campaign_is_not_changed() -> None:
    overtaken = refused({"name": "x"}, version=2)
    assert overtaken is not None
    assert (overtaken.code, overtaken.facts) == (Code.WRONG_STATE, {"version": 3})
    ended = refused({"name": "x"}, now=200)
    assert ended is not None
    assert (ended.code, ended.facts) == (Code.WRONG_STATE, {"state": "ended"})
