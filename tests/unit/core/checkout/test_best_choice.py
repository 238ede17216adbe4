"""The best choice: compared with trying every combination on small wallets, and exact on the published
ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.core.checkout.money_rules import Apportionment, DiscountBase, MoneyRules
from server.core.checkout.quoting.quote_request import BestSelection, QuoteContext, QuoteRequest
from server.core.checkout.quoting.quotes import Quote, quote, quoting
from server.core.checkout.quoting.work_budget import SLICE, WorkBudget
from server.core.coupons.coupons import Coupon
from server.core.promotions.templates import (
    AmountOff,
    Gift,
    PercentOff,
    Rebate,
    Stacking,
    StackingClass,
)
from tests.support.builders.money import DAY_MS, NOW, a_coupon, a_form, an_order
from tests.support.builders.wallets import Case, a_case, limited, uses_of

ALL = frozenset(StackingClass)
RULES = st.builds(MoneyRules, st.sampled_from(Apportionment), st.sampled_from(DiscountBase))


def worth_of(quoted: Quote) -> tuple[int, int]:
    return quoted.discount, sum(each.later for each in quoted.applied)


def best_by_trying(
    case: Case, rules: MoneyRules, uses: Mapping[str, int] | None = None
) -> tuple[int, int]:
    codes = [coupon.code for coupon in case.wallet]
    context = QuoteContext(rules=rules, with_suggestions=False, uses=uses or {})
    return max(
        worth_of(quote(case.order, case.wallet, chosen, NOW, context))
        for size in range(6)
        for chosen in combinations(codes, size)
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), RULES)
def test_no_tried_combination_beats_the_best_choice(seed: int, rules: MoneyRules) -> None:
    case = a_case(seed, lines=6, coupons=7)
    found = quote(case.order, case.wallet, BestSelection.BEST, NOW, QuoteContext(rules=rules))
    assert worth_of(found) == best_by_trying(case, rules)
    assert found.best.exact
    assert found.discount == found.best.discount
    assert [each.coupon.code for each in found.applied] == list(found.best.codes)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), RULES)
def test_no_tried_combination_beats_the_best_choice_within_use_limits(
    seed: int, rules: MoneyRules
) -> None:
    # Several templates have a limit, in versions that differ, and some of it is used.
    case = limited(a_case(seed, lines=6, coupons=8), seed)
    uses = uses_of(case, seed)
    found = quote(
        case.order, case.wallet, BestSelection.BEST, NOW, QuoteContext(rules=rules, uses=uses)
    )
    assert worth_of(found) == best_by_trying(case, rules, uses)
    assert found.best.exact
    assert is_within_limits([each.coupon for each in found.applied], uses)


def is_within_limits(coupons: Sequence[Coupon], uses: Mapping[str, int]) -> bool:
    """Count as the lock does: one coupon after the other, those of one template together."""
    counted = dict(uses)
    for coupon in coupons:
        limit, of = coupon.template.uses_per_student, coupon.template.id
        if limit is None:
            continue
        if counted.get(of, 0) >= limit:
            return False
        counted[of] = counted.get(of, 0) + 1
    return True


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), RULES)
def test_parts_add_up_whatever_is_together(seed: int, rules: MoneyRules) -> None:
    # Promise I7, with every kind of discount, floor prices and both ways to split.
    case = a_case(seed)
    found = quote(case.order, case.wallet, BestSelection.BEST, NOW, QuoteContext(rules=rules))
    for each in found.applied:
        assert sum(each.line_shares) == each.discount
        assert min(each.line_shares) >= 0
    for at, line in enumerate(case.order.lines):
        told = found.lines[at]
        assert told.discount == sum(each.line_shares[at] for each in found.applied)
        assert (
            told.payable == line.amount - told.discount >= min(line.floor_price or 0, line.amount)
        )
        assert 0 <= sum(each.line_shares[at] for each in found.rebates) <= told.payable
    assert found.payable == found.subtotal - found.discount
    assert all(sum(each.line_shares) == each.amount for each in found.rebates)


@pytest.mark.parametrize("seed", range(12))
def test_the_best_of_a_published_wallet_is_exact(seed: int) -> None:
    case = a_case(seed)
    assert len(case.order.lines) == 20
    assert len(case.wallet) == 30
    assert quote(case.order, case.wallet, (), NOW).best.exact


def test_the_best_choice_fills_all_five_places_of_an_order() -> None:
    """Six coupons that go together and differ by one: the five largest, not four of them."""
    wallet = [
        a_coupon(
            replace(a_form(AmountOff(amount)), stacking=Stacking(StackingClass.ORDER, ALL)),
            f"C{amount}",
        )
        for amount in range(100, 106)
    ]

    found = quote(an_order(10_000), wallet, BestSelection.BEST, NOW)

    assert sorted(found.best.codes) == ["C101", "C102", "C103", "C104", "C105"]
    assert found.discount == 515


def test_coupons_of_one_template_are_one_kind() -> None:
    few, many = WorkBudget(), WorkBudget()
    form = replace(a_form(AmountOff(10)), stacking=Stacking(StackingClass.ORDER, ALL))
    for count, work in ((5, few), (60, many)):
        wallet = [a_coupon(form, f"C{number}") for number in range(count)]
        steps = quoting(QuoteRequest(an_order(5000), wallet, BestSelection.BEST, NOW), work)
        assert len(list(steps)) == 0
    assert many.total == few.total


def test_a_search_that_is_cut_off_says_so_and_has_the_best_it_saw() -> None:
    forms = [
        replace(a_form(PercentOff(number)), stacking=Stacking(StackingClass.ORDER, ALL))
        for number in range(1, 9)
    ]
    wallet = [a_coupon(form, f"C{number}") for number, form in enumerate(forms)]
    cut = quote(an_order(10_000), wallet, BestSelection.BEST, NOW, QuoteContext(search_budget=0))
    assert (cut.best.exact, cut.best.codes, cut.discount) == (False, ("C7",), 800)
    assert quote(an_order(10_000), wallet, BestSelection.BEST, NOW).best.exact


@pytest.mark.parametrize(("lines", "coupons"), [(20, 30), (100, 100)])
def test_no_slice_is_long(lines: int, coupons: int) -> None:
    # Counted in line visits, of which a thousand take less than a millisecond of any core.
    for seed in range(3):
        case, work = a_case(seed, lines, coupons), WorkBudget()
        steps = quoting(QuoteRequest(case.order, case.wallet, BestSelection.BEST, NOW), work)
        ends = [0, *(work.total for _ in steps), work.total]
        longest = max(end - begun for begun, end in pairwise(ends))
        assert longest <= SLICE + 30 * lines  # a slice, and the one step that filled it


# --- Ties ---------------------------------------------------------------------------------------


def test_of_equal_savings_the_coupons_that_end_first_are_taken() -> None:
    wallet = [
        a_coupon(a_form(AmountOff(1000)), "A", valid_until=NOW + 2 * DAY_MS),
        a_coupon(a_form(PercentOff(10)), "B", valid_until=NOW + DAY_MS),
    ]
    assert quote(an_order(10_000), wallet, (), NOW).best.codes == ("B",)


def test_one_coupon_is_better_than_two_for_the_same_saving() -> None:
    together = Stacking(StackingClass.ORDER, ALL)
    wallet = [
        a_coupon(replace(a_form(AmountOff(300)), stacking=together), "A"),
        a_coupon(replace(a_form(AmountOff(700)), stacking=together), "B"),
        a_coupon(a_form(AmountOff(1000)), "C", valid_until=NOW + 9 * DAY_MS),
    ]
    assert quote(an_order(5000), wallet, (), NOW).best.codes == ("C",)


def test_what_is_saved_now_comes_before_what_is_credited_or_given() -> None:
    wallet = [
        a_coupon(a_form(AmountOff(1)), "A"),
        a_coupon(a_form(Rebate(AmountOff(900))), "B"),
        a_coupon(a_form(Gift("book", 800)), "C"),
    ]
    assert quote(an_order(5000), wallet, (), NOW).best.codes == ("A",)
    assert quote(an_order(5000), wallet[1:], (), NOW).best.codes == ("B",)
    assert quote(an_order(5000), wallet[2:], (), NOW).best.codes == ("C",)


def test_versions_of_one_template_share_its_limit() -> None:
    form = replace(
        a_form(AmountOff(10)), stacking=Stacking(StackingClass.ORDER, ALL), uses_per_student=1
    )
    one = a_coupon(form, "A")
    wallet = [one, replace(a_coupon(form, "B"), template=replace(one.template, version=2))]
    assert quote(an_order(5000), wallet, (), NOW).best.codes == ("A",)


def test_versions_of_a_template_without_a_limit_go_together() -> None:
    form = replace(a_form(AmountOff(10)), stacking=Stacking(StackingClass.ORDER, ALL))
    one = a_coupon(form, "A")
    wallet = [one, replace(a_coupon(form, "B"), template=replace(one.template, version=2))]
    assert set(quote(an_order(5000), wallet, (), NOW).best.codes) == {"A", "B"}


def test_versions_with_a_limit_count_together_however_they_alternate() -> None:
    form = replace(
        a_form(AmountOff(10)), stacking=Stacking(StackingClass.ORDER, ALL), uses_per_student=3
    )
    old = [a_coupon(form, code) for code in "AB"]
    new = [
        replace(a_coupon(form, code), template=replace(old[0].template, version=2)) for code in "CD"
    ]
    assert len(quote(an_order(5000), [*old, *new], (), NOW).best.codes) == 3


def test_what_was_used_before_leaves_less_for_the_best() -> None:
    form = replace(
        a_form(AmountOff(500)), stacking=Stacking(StackingClass.ORDER, ALL), uses_per_student=2
    )
    wallet = [a_coupon(form, code) for code in "AB"]
    uses = {wallet[0].template.id: 1}
    found = quote(an_order(5000), wallet, BestSelection.BEST, NOW, QuoteContext(uses=uses))
    assert (found.discount, found.best.exact, len(found.applied)) == (500, True, 1)
