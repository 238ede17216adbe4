from dataclasses import replace

import pytest

from server.core.promotions import campaigns
from server.core.promotions.batches import ClaimWindow
from server.core.promotions.campaigns import (
    Budget,
    BudgetKind,
    Campaign,
    CampaignForm,
    Money,
    Phase,
)
from server.core.refusals import Refused
from tests.support.builders.money import a_form, a_template

GOOD = CampaignForm("Spring", "Win back who left", 100, 200)
HALVES = (Phase("early", 100, 150), Phase("late", 150, 200))
BUDGET = Budget(BudgetKind.MONEY, 1000, "CNY", 1000, 0, 0)
CAMPAIGN = Campaign("cmp_1", "Spring", "why", 100, 200, HALVES, None, {}, "op", 0, (BUDGET,))


def found(**changes: object) -> list[tuple[str, str]]:
    form = replace(GOOD, **changes)  # type: ignore[arg-type]
    return [(one.field, one.code) for one in campaigns.violations(form)]


def test_a_full_campaign_is_legal() -> None:
    assert found() == []
    assert found(money=Money(1, "CNY"), pieces=1, phases=HALVES, per_student=1) == []


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"name": " "}, "name", "too_short"),
        ({"purpose": ""}, "purpose", "too_short"),
        ({"ends_at": 100}, "ends_at", "empty_window"),
        ({"money": Money(0, "CNY")}, "budget.money.amount", "too_small"),
        ({"money": Money(1, "XXX")}, "budget.money.currency", "unknown"),
        ({"pieces": 0}, "budget.pieces", "too_small"),
        ({"per_student": 101}, "per_student", "too_large"),
        ({"phases": (Phase("", 100, 200),)}, "phases.0.name", "too_short"),
        ({"phases": (Phase("a", 150, 150),)}, "phases.0.until", "empty_window"),
        ({"phases": (Phase("a", 99, 150),)}, "phases.0.from", "outside_campaign"),
        ({"phases": (Phase("a", 150, 201),)}, "phases.0.until", "outside_campaign"),
        ({"phases": (HALVES[0], Phase("b", 149, 200))}, "phases.1.from", "overlaps"),
        ({"phases": (HALVES[0], replace(HALVES[1], name="early"))}, "phases.1.name", "duplicate"),
        ({"phases": (HALVES[0],) * 51}, "phases", "too_many"),
    ],
)
def test_each_rule_names_its_field(changes: dict[str, object], field: str, code: str) -> None:
    assert found(**changes) == [(field, code)]


def test_at_any_moment_there_is_at_most_one_phase() -> None:
    names = [phase and phase.name for phase in map(CAMPAIGN.phase_at, (99, 100, 149, 150, 200))]
    assert names == [None, "early", "early", "late", None]


@pytest.mark.parametrize(
    ("before", "after", "levels"),
    [
        (0, 499, []),
        (0, 500, [50]),
        (500, 799, []),
        (499, 1000, [50, 80, 100]),
        (1000, 1100, []),
        (1000, 400, []),
    ],
)
def test_a_level_is_crossed_by_reaching_it(before: int, after: int, levels: list[int]) -> None:
    assert campaigns.levels_crossed(1000, before, after) == levels


def errors_of(answer: Refused | None) -> object:
    assert answer is not None
    return answer.facts["errors"]


def test_a_batch_lies_within_its_campaign() -> None:
    for window in (None, ClaimWindow(100, 200)):
        assert campaigns.batch_refusal(CAMPAIGN, a_template(), 1000, window) is None
    early = campaigns.batch_refusal(CAMPAIGN, a_template(), 1000, ClaimWindow(99, 200))
    late = campaigns.batch_refusal(CAMPAIGN, a_template(), 1000, ClaimWindow(100, 201))
    assert errors_of(early) == [{"field": "claim_window.from", "code": "outside_campaign"}]
    assert errors_of(late) == [{"field": "claim_window.until", "code": "outside_campaign"}]


def test_a_money_budget_needs_a_greatest_discount_in_its_currency() -> None:
    dollars = a_template(replace(a_form(), currency="USD"))
    other = campaigns.batch_refusal(CAMPAIGN, dollars, 1000, None)
    unbounded = campaigns.batch_refusal(CAMPAIGN, a_template(), None, None)
    assert errors_of(other) == [{"field": "template_id", "code": "wrong_currency"}]
    assert errors_of(unbounded) == [{"field": "template_id", "code": "unbounded"}]
    without = replace(CAMPAIGN, budgets=())
    assert campaigns.batch_refusal(without, dollars, None, None) is None
