"""Price rules: depth, days on offer and the days between two offers."""

from dataclasses import replace

import pytest

from server.core.promotions.batches import ClaimWindow
from server.core.promotions.price_rules import (
    DAY_MS,
    CourseOffer,
    PriceRule,
    days_around,
    days_on_offer,
    depth_percent,
    price_refusal,
    window_of,
)
from server.core.promotions.templates import (
    AmountOff,
    Discount,
    FixedValidity,
    Gift,
    ItemsFree,
    PercentOff,
    Rebate,
    Scope,
    Template,
    TemplateForm,
    Threshold,
)

RULE = PriceRule("prl_1", ("c1",), "op", 0)


def template(discount: Discount, least: int = 0, scope: Scope | None = None) -> Template:
    valid = FixedValidity(0, 1)
    form = TemplateForm(
        "x", "", "CNY", discount, Threshold(least), scope or Scope(frozenset({"c1"})), valid
    )
    return Template(form, "tpl_1", 1)


def days(first: int, behind: int) -> ClaimWindow:
    return ClaimWindow(first * DAY_MS, behind * DAY_MS)


def offer(first: int, behind: int) -> CourseOffer:
    return CourseOffer(days(first, behind), template(PercentOff(20)))


@pytest.mark.parametrize(
    ("discount", "least", "depth"),
    [
        (PercentOff(30), 0, 30),
        (Rebate(PercentOff(5)), 0, 5),
        (ItemsFree(3, 1), 0, 34),
        (AmountOff(50), 200, 25),
        (AmountOff(50), 0, 100),
        (Gift("c9", 10), 0, 100),
    ],
)
def test_depth_is_the_most_that_may_come_off(discount: Discount, least: int, depth: int) -> None:
    assert depth_percent(template(discount, least)) == depth


@pytest.mark.parametrize(
    ("scope", "is_about"),
    [
        (Scope(), True),
        (Scope(frozenset({"c2"})), False),
        (Scope(packages=frozenset({"p"})), False),
        (Scope(except_courses=frozenset({"c1"})), False),
    ],
)
def test_an_offer_is_about_the_courses_of_its_scope(scope: Scope, *, is_about: bool) -> None:
    of = template(PercentOff(1), scope=scope)
    assert CourseOffer(days(0, 1), of).is_about("c1") is is_about


def test_a_gift_is_about_its_own_course() -> None:
    assert CourseOffer(days(0, 1), template(Gift("c9", 10))).is_about("c9")


def test_a_batch_without_an_end_is_offered_for_a_period() -> None:
    assert window_of(None, 0) == days(0, 30)
    assert window_of(days(1, 2), 0) == days(1, 2)


def test_days_are_counted_once_and_within_the_period() -> None:
    assert days_on_offer([days(0, 3), days(2, 5), days(29, 40)], 1) == 6


def test_what_is_too_deep_is_refused_with_its_figure() -> None:
    found = price_refusal([replace(RULE, max_depth_percent=10)], offer(0, 1), [])
    assert found is not None
    assert found.facts == {
        "rule": "prl_1",
        "course": "c1",
        "limit": "max_depth_percent",
        "most": 10,
        "figure": 20,
    }


def test_days_of_any_period_with_the_offer_count() -> None:
    rule = replace(RULE, max_days_on_offer=5)
    assert price_refusal([rule], offer(40, 43), [offer(20, 22), offer(1, 9)]) is None
    assert price_refusal([rule], offer(40, 43), [offer(20, 23)]) is not None
    assert price_refusal([rule], offer(40, 43), [offer(60, 63)]) is not None
    assert price_refusal([rule], offer(40, 400), []) is not None


def test_two_offers_have_days_between_them_unless_they_are_one() -> None:
    rule = replace(RULE, min_days_between=7)
    assert price_refusal([rule], offer(10, 12), [offer(0, 4)]) is not None
    assert price_refusal([rule], offer(10, 12), [offer(18, 19)]) is not None
    assert price_refusal([rule], offer(10, 12), [offer(0, 3), offer(19, 20)]) is None
    assert price_refusal([rule], offer(10, 12), [offer(11, 13)]) is None


def test_a_rule_is_about_its_courses_alone() -> None:
    rule = replace(RULE, courses=("c2",), max_depth_percent=0)
    assert price_refusal([rule], offer(0, 1), []) is None


def test_the_years_of_another_offer_count_in_the_period_alone() -> None:
    rule = replace(RULE, max_days_on_offer=29)
    found = price_refusal([rule], offer(40, 43), [offer(0, 3_000_000)])
    assert found is not None
    assert found.facts["figure"] == 30


def test_rules_look_as_far_as_their_longest_gap() -> None:
    assert days_around([RULE]) == 30
    assert days_around([RULE, replace(RULE, min_days_between=90)]) == 90
