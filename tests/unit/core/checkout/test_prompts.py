"""Prompts: "one more coupon saves X", exactly, for what a student does not have yet."""

from collections.abc import Sequence
from dataclasses import replace

from server.core.checkout.orders import Order
from server.core.checkout.quoting.hints import Hint
from server.core.checkout.quoting.prompts import MAX_COULD_GET, prompting
from server.core.checkout.quoting.quote_request import BestSelection, QuoteRequest
from server.core.checkout.quoting.quotes import quote
from server.core.checkout.quoting.work_budget import WorkBudget, run_to_completion
from server.core.coupons.coupons import Coupon, CouponState
from server.core.promotions.templates import (
    AmountOff,
    Gift,
    PercentOff,
    Scope,
    Stacking,
    StackingClass,
)
from tests.support.builders.money import NOW, a_coupon, a_form, an_order

TOGETHER = Stacking(StackingClass.ORDER, frozenset(StackingClass))
ORDER = an_order(8000)


def prompts(
    could_get: Sequence[Coupon],
    wallet: Sequence[Coupon] = (),
    selected: Sequence[str] | BestSelection = (),
    order: Order = ORDER,
) -> list[Hint]:
    request = QuoteRequest(order, wallet, selected, NOW)
    return run_to_completion(prompting(request, could_get, WorkBudget()))


def test_a_coupon_that_the_order_has_reached_saves_now() -> None:
    assert prompts([a_coupon(a_form(AmountOff(900)), "drp")]) == [Hint("drp", 0, 900)]


def test_one_below_its_threshold_says_what_is_to_be_spent_and_comes_behind() -> None:
    near = a_coupon(a_form(AmountOff(900)), "near")
    far = a_coupon(a_form(PercentOff(10), min_amount=10_000), "far")
    assert prompts([far, near]) == [Hint("near", 0, 900), Hint("far", 2000, 1000)]


def test_what_is_added_to_the_selected_ones_is_what_is_promised() -> None:
    tenth = replace(a_form(PercentOff(10)), stacking=TOGETHER)
    has = a_coupon(replace(a_form(AmountOff(1000)), stacking=TOGETHER), "B")
    (prompt,) = prompts([a_coupon(tenth, "D")], [has], ["B"])
    both = quote(ORDER, [has, a_coupon(tenth, "D")], ["B", "D"], NOW)

    assert prompt == Hint("D", 0, both.discount - 1000) == Hint("D", 0, 700)


def test_one_that_cannot_be_combined_promises_only_the_difference() -> None:
    has = a_coupon(a_form(AmountOff(1000)), "B")
    more, less = (a_coupon(a_form(AmountOff(amount)), str(amount)) for amount in (1300, 700))
    assert prompts([more, less], [has], ["B"]) == [Hint("1300", 0, 300)]


def test_the_best_choice_of_what_one_has_is_the_measure_where_that_is_selected() -> None:
    wallet = [a_coupon(a_form(AmountOff(500)), "B"), a_coupon(a_form(AmountOff(1000)), "C")]
    more = a_coupon(a_form(AmountOff(1300)), "drp")
    assert prompts([more], wallet, BestSelection.BEST) == [Hint("drp", 0, 300)]


def test_a_template_that_one_has_is_no_prompt_unless_it_is_used_up() -> None:
    again, used = a_coupon(code="drp"), a_coupon(code="B", state=CouponState.REDEEMED)
    assert prompts([again], [a_coupon(code="B")]) == []
    assert prompts([again], [used]) == [Hint("drp", 0, 1000)]


def test_what_saves_nothing_on_this_order_is_no_prompt() -> None:
    other = a_coupon(a_form(scope=Scope(frozenset({"chess"}))), "drp")
    dollars = a_coupon(a_form(currency="USD"), "drp2")
    assert prompts([other, dollars]) == []


def test_a_gift_is_named_by_its_worth() -> None:
    gift = a_coupon(a_form(Gift("chess", 3000)), "drp")
    assert prompts([gift]) == [Hint("drp", 0, 0, worth=3000)]


def test_at_most_twenty_are_looked_at() -> None:
    many = [a_coupon(a_form(AmountOff(100 + n)), f"d{n:02}") for n in range(MAX_COULD_GET + 5)]
    assert len(prompts(many)) == MAX_COULD_GET
