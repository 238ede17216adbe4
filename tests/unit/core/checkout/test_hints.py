"""Hints: "spend X more and save Y". Also reasons that come from outside the wallet, and unknown codes."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.core.checkout.money_rules import Apportionment, DiscountBase, MoneyRules
from server.core.checkout.orders import Order, OrderLine
from server.core.checkout.quoting.eligibility import Unusable
from server.core.checkout.quoting.hints import Hint
from server.core.checkout.quoting.quote_request import BestSelection, QuoteContext
from server.core.checkout.quoting.quotes import Quote, quote
from server.core.checkout.quoting.reasons import Reason
from server.core.coupons.coupons import Coupon
from server.core.promotions.templates import (
    AmountOff,
    Counted,
    Deducts,
    Gift,
    ItemsFree,
    PercentOff,
    Rebate,
    Scope,
    Stacking,
    StackingClass,
    Threshold,
)
from tests.support.builders.money import NOW, a_coupon, a_form, an_order
from tests.support.builders.wallets import COURSES, PACKAGES, a_case

ALL = frozenset(StackingClass)
ALGEBRA, BIOLOGY, PACKAGE = (frozenset({name}) for name in ("algebra", "biology", "spring"))
TOGETHER = Stacking(StackingClass.ORDER, ALL)


def hints(quoted: Quote) -> list[Hint]:
    return list(quoted.hints)


def test_a_hint_says_what_is_missing_and_what_it_would_save() -> None:
    wallet = [a_coupon(a_form(AmountOff(1000), min_amount=10_000)), a_coupon(a_form(), "B")]
    assert hints(quote(an_order(8000), wallet, (), NOW)) == [Hint("A", 2000, 1000)]


def test_a_percentage_is_taken_of_what_is_bought_more_as_well() -> None:
    wallet = [a_coupon(a_form(PercentOff(10), min_amount=10_000))]
    assert hints(quote(an_order(8000), wallet, (), NOW)) == [Hint("A", 2000, 1000)]


def test_a_coupon_that_cannot_be_combined_is_compared_with_the_selected_ones() -> None:
    wallet = [a_coupon(a_form(AmountOff(1500), min_amount=10_000)), a_coupon(a_form(), "B")]
    assert hints(quote(an_order(8000), wallet, ["B"], NOW)) == [Hint("A", 2000, 500)]
    dear = [a_coupon(a_form(AmountOff(900), min_amount=10_000)), a_coupon(a_form(), "B")]
    assert hints(quote(an_order(8000), dear, ["B"], NOW)) == []


def test_a_coupon_that_can_be_combined_saves_on_top() -> None:
    far = replace(a_form(AmountOff(900), min_amount=10_000), stacking=TOGETHER)
    near = replace(a_form(AmountOff(1000)), stacking=TOGETHER)
    wallet = [a_coupon(far), a_coupon(near, "B")]
    assert hints(quote(an_order(8000), wallet, ["B"], NOW)) == [Hint("A", 2000, 900)]


def test_what_is_bought_more_may_lie_outside_the_scope_of_what_is_ticked() -> None:
    both, one = Scope(frozenset({"algebra", "biology"})), Scope(frozenset({"algebra"}))
    far = replace(a_form(AmountOff(900), 10_000, both), stacking=TOGETHER)
    ticked = replace(a_form(PercentOff(10), 0, one), stacking=TOGETHER)
    wallet = [a_coupon(far), a_coupon(ticked, "B")]
    # Biology is bought: A takes 720 off algebra and 180 off biology, so B takes 728 instead of 800.
    assert hints(quote(an_order(8000), wallet, ["B"], NOW)) == [Hint("A", 2000, 900 + 728 - 800)]


def test_a_saving_that_only_equals_the_selected_one_is_no_hint() -> None:
    wallet = [a_coupon(a_form(AmountOff(1000), min_amount=10_000)), a_coupon(a_form(), "B")]
    assert hints(quote(an_order(8000), wallet, ["B"], NOW)) == []


def test_a_hint_says_what_a_selected_rebate_credits_more() -> None:
    far = replace(a_form(AmountOff(900), min_amount=10_000), stacking=TOGETHER)
    rebate = replace(a_form(Rebate(PercentOff(10))), stacking=TOGETHER)
    wallet = [a_coupon(far), a_coupon(rebate, "B")]
    # 10 % of 8000 before, 10 % of 10,000 - 900 then.
    assert hints(quote(an_order(8000), wallet, ["B"], NOW)) == [Hint("A", 2000, 900, worth=110)]


def test_a_gift_of_the_least_worth_is_hinted() -> None:
    wallet = [a_coupon(a_form(Gift("pin", 1), 9000))]
    assert hints(quote(an_order(500), wallet, (), NOW)) == [Hint("A", 8500, 0, worth=1)]


@pytest.mark.parametrize(
    ("scope", "other", "worth"),
    [
        (Scope(BIOLOGY), Scope(ALGEBRA), 300),  # no course is in both
        (Scope(BIOLOGY, PACKAGE), Scope(ALGEBRA), 280),  # algebra may be in the package
        (Scope(BIOLOGY), Scope(ALGEBRA, PACKAGE), 280),
    ],
)
def test_the_least_is_promised_of_all_scopes_in_which_the_purchase_may_lie(
    scope: Scope, other: Scope, worth: int
) -> None:
    """A rebate of 10 % of 3000, of which the selected coupon takes 10 % where it comes off the purchase."""
    rebate = replace(a_form(Rebate(PercentOff(10)), 3000, scope), stacking=TOGETHER)
    ticked = replace(a_form(PercentOff(10), 0, other), stacking=TOGETHER)
    algebra, biology = an_order(8000, 1000).lines
    order = Order("CNY", (algebra, replace(biology, course="biology")))
    found = quote(order, [a_coupon(rebate), a_coupon(ticked, "B")], ["B"], NOW)
    assert hints(found) == [Hint("A", 2000, 0, worth=worth)]


def test_what_is_missing_in_money_is_spread_over_the_pieces_that_are_missing() -> None:
    form = replace(a_form(AmountOff(100)), threshold=Threshold(1000, 3))
    found = hints(quote(an_order(500), [a_coupon(form)], (), NOW))
    assert found == [Hint("A", 500, 100, pieces_more=2)]


def test_pieces_that_are_missing_are_counted() -> None:
    wallet = [a_coupon(a_form(ItemsFree(3, 1))), a_coupon(a_form(Gift("book", 900), 9000), "B")]
    found = hints(quote(an_order(500, 300), wallet, (), NOW))
    assert found == [Hint("A", 300, 300, pieces_more=1), Hint("B", 8200, 0, worth=900)]


def test_shipping_that_would_be_free_is_hinted_only_where_there_is_any() -> None:
    form = replace(a_form(AmountOff(500), 9000), deducts=frozenset({Deducts.SHIPPING}))
    assert hints(quote(an_order(500), [a_coupon(form)], (), NOW)) == []


def test_one_hint_for_all_coupons_of_a_template() -> None:
    form = a_form(AmountOff(1000), min_amount=10_000)
    wallet = [a_coupon(form, "A"), a_coupon(form, "B", valid_until=NOW + 5)]
    assert [each.code for each in hints(quote(an_order(8000), wallet, (), NOW))] == ["B"]


def test_a_coupon_that_the_selected_ones_would_reject_gets_no_hint() -> None:
    ticked = a_coupon(replace(a_form(AmountOff(8000)), stacking=TOGETHER), "B")
    form = replace(a_form(PercentOff(10)), stacking=TOGETHER, threshold=Threshold(0, 9))
    assert hints(quote(an_order(8000), [a_coupon(form), ticked], ["B"], NOW)) == []


def test_used_up_and_stopped_have_their_reasons() -> None:
    coupon = a_coupon(replace(a_form(), uses_per_student=1))
    used = quote(an_order(5000), [coupon], (), NOW, QuoteContext(uses={coupon.template.id: 1}))
    assert used.unusable == (Unusable("A", Reason.LIMIT_REACHED),)
    twice = a_coupon(replace(a_form(), uses_per_student=2))
    left = quote(an_order(5000), [twice], (), NOW, QuoteContext(uses={twice.template.id: 1}))
    assert left.unusable == ()
    stopped = quote(
        an_order(5000), [coupon], (), NOW, QuoteContext(stopped=frozenset({coupon.batch_id}))
    )
    assert stopped.unusable == (Unusable("A", Reason.STOPPED),)


def test_a_lock_gets_no_suggestions() -> None:
    quoted = quote(an_order(5000), [a_coupon()], ["A"], NOW, QuoteContext(with_suggestions=False))
    assert (quoted.discount, quoted.usable, quoted.hints, quoted.best.codes) == (1000, (), (), ())


# --- A hint promises no more than buying it brings ----------------------------------------------

RULES = st.builds(MoneyRules, st.sampled_from(Apportionment), st.sampled_from(DiscountBase))
NOT_TOGETHER = {Reason.NOT_COMBINABLE, Reason.TOO_MANY, Reason.LIMIT_REACHED}


def bought(order: Order, coupon: Coupon, hint: Hint, random: Random) -> Iterator[Order]:
    """The order that the hint describes, with some courses of the coupon's scope."""
    pieces = hint.pieces_more or 1
    price = hint.spend_more // pieces
    packages = coupon.template.scope.packages
    for course in random.sample(COURSES, 12):
        line = OrderLine("new", course, price, pieces, packages & {random.choice(PACKAGES)})
        yield replace(order, lines=(*order.lines, line))


def is_in_scope(order: Order, coupon: Coupon, rules: MoneyRules) -> bool:
    """Return whether the last line is in the coupon's scope: alone on an order it is not out of scope."""
    alone = replace(order, lines=order.lines[-1:])
    free = replace(coupon.template, form=replace(coupon.template.form, threshold=Threshold()))
    found = quote(alone, [replace(coupon, template=free)], (), NOW, QuoteContext(rules=rules))
    return all(each.reason is not Reason.OUT_OF_SCOPE for each in found.unusable)


def taken_up(
    order: Order, wallet: list[Coupon], ticked: list[str], code: str, rules: MoneyRules
) -> Quote:
    """Quote with the coupon selected too, or instead of the others if they cannot be combined."""
    both = quote(order, wallet, [*ticked, code], NOW, QuoteContext(rules=rules))
    told = {each.code: each.reason for each in both.unusable}
    return (
        quote(order, wallet, [code], NOW, QuoteContext(rules=rules))
        if told.get(code) in NOT_TOGETHER
        else both
    )


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6), RULES)
def test_buying_what_a_hint_describes_saves_at_least_what_it_promised(
    seed: int, rules: MoneyRules
) -> None:
    case, random = a_case(seed, lines=7, coupons=14), Random(seed)
    wallet = list(case.wallet)
    ticks: list[list[str] | BestSelection] = [
        [],
        BestSelection.BEST,
        [each.code for each in random.sample(wallet, 4)],
    ]
    before = quote(case.order, wallet, random.choice(ticks), NOW, QuoteContext(rules=rules))
    ticked = [each.coupon.code for each in before.applied]
    coupons = {each.code: each for each in wallet}
    for hint in before.hints:
        for order in bought(case.order, coupons[hint.code], hint, random):
            if not is_in_scope(order, coupons[hint.code], rules):
                continue
            after = taken_up(order, wallet, ticked, hint.code, rules)
            assert hint.code in {each.coupon.code for each in after.applied}
            assert after.discount - before.discount >= hint.save_more


def test_a_cheap_piece_that_is_bought_is_the_free_one() -> None:
    # The cheapest of three is free: 26456 only where the third costs as much.
    form = replace(a_form(ItemsFree(3, 1)), threshold=Threshold(26_456 + 30_000 + 19_488))
    order = an_order(26_456, 30_000)
    (hint,) = hints(quote(order, [a_coupon(form)], (), NOW))
    assert hint == Hint("A", 26_456, 26_456, pieces_more=1)
    reached = an_order(26_456, 30_000, 26_456)
    assert quote(reached, [a_coupon(form)], ["A"], NOW).discount == 26_456


def test_a_piece_that_only_money_is_missing_for_may_be_the_free_one() -> None:
    form = replace(a_form(ItemsFree(2, 1)), threshold=Threshold(75_944))
    (hint,) = hints(quote(an_order(26_456, 30_000), [a_coupon(form)], (), NOW))
    assert hint == Hint("A", 19_488, 19_488)


def test_an_amount_that_finds_nothing_to_come_off_gets_no_hint() -> None:
    # A percentage of so little rounds to nothing; an amount finds nothing to come off.
    for form, order in ((a_form(PercentOff(1)), an_order(20)), (a_form(AmountOff(5)), an_order(0))):
        found = quote(order, [a_coupon(form)], ["A"], NOW)
        assert found.unusable == (Unusable("A", Reason.SAVES_NOTHING),)
        assert found.hints == ()


def test_a_hint_for_a_threshold_after_other_coupons_follows_the_discount_base() -> None:
    # 10 % of the original 1000 is 100, of which the 60 that are left can come off.
    first = a_coupon(replace(a_form(AmountOff(940)), stacking=TOGETHER), "B")
    after = Threshold(0, counted=Counted.AFTER)
    form = replace(a_form(PercentOff(10)), stacking=TOGETHER, threshold=after)
    rules = MoneyRules(base=DiscountBase.ORIGINAL)
    found = quote(
        an_order(1000), [a_coupon(form), first], ["A", "B"], NOW, QuoteContext(rules=rules)
    )
    assert (found.discount, found.unusable) == (1000, ())
    one_left = a_coupon(replace(a_form(AmountOff(997)), stacking=TOGETHER), "B")
    found = quote(
        an_order(1000), [a_coupon(form), one_left], ["A", "B"], NOW, QuoteContext(rules=rules)
    )
    assert (found.discount, found.unusable) == (1000, ())


def test_a_purchase_may_lie_outside_the_scope_of_selected_coupons() -> None:
    # 10 % of algebra, and 10 off from 100 on of writing: none of what is bought is algebra.
    ticked = replace(a_form(PercentOff(10), scope=Scope(courses=frozenset({"algebra"}))))
    far = a_form(AmountOff(1000), 3000, scope=Scope(courses=frozenset({"writing"})))
    wallet = [
        a_coupon(replace(far, stacking=TOGETHER)),
        a_coupon(replace(ticked, stacking=TOGETHER), "B"),
    ]
    line = OrderLine("w", "writing", 2000, 1)
    order = replace(an_order(8000), lines=(*an_order(8000).lines, line))
    assert hints(quote(order, wallet, ["B"], NOW)) == [Hint("A", 1000, 1000)]
