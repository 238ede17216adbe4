"""Spend X more and save Y, the reasons that others set, and codes of strangers."""

from dataclasses import replace

from server.core.hints import Hint
from server.core.quotes import Quote, Reason, Unusable, quote
from server.core.templates import (
    AmountOff,
    Deducts,
    Gift,
    ItemsFree,
    PercentOff,
    Stacking,
    StackingClass,
    Threshold,
)
from tests.support.money import NOW, a_coupon, a_form, an_order

ALL = frozenset(StackingClass)
TOGETHER = Stacking(StackingClass.ORDER, ALL)


def hints(quoted: Quote) -> list[Hint]:
    return list(quoted.hints)


def test_what_is_missing_and_what_it_would_save() -> None:
    wallet = [a_coupon(a_form(AmountOff(1000), min_amount=10_000)), a_coupon(a_form(), "B")]
    assert hints(quote(an_order(8000), wallet, (), NOW)) == [Hint("A", 2000, 1000)]


def test_a_percentage_is_taken_of_what_is_bought_more_as_well() -> None:
    wallet = [a_coupon(a_form(PercentOff(10), min_amount=10_000))]
    assert hints(quote(an_order(8000), wallet, (), NOW)) == [Hint("A", 2000, 1000)]


def test_what_cannot_be_combined_is_compared_with_what_is_ticked() -> None:
    wallet = [a_coupon(a_form(AmountOff(1500), min_amount=10_000)), a_coupon(a_form(), "B")]
    assert hints(quote(an_order(8000), wallet, ["B"], NOW)) == [Hint("A", 2000, 500)]
    dear = [a_coupon(a_form(AmountOff(900), min_amount=10_000)), a_coupon(a_form(), "B")]
    assert hints(quote(an_order(8000), dear, ["B"], NOW)) == []


def test_what_can_be_combined_comes_on_top() -> None:
    far = replace(a_form(AmountOff(900), min_amount=10_000), stacking=TOGETHER)
    near = replace(a_form(AmountOff(1000)), stacking=TOGETHER)
    wallet = [a_coupon(far), a_coupon(near, "B")]
    assert hints(quote(an_order(8000), wallet, ["B"], NOW)) == [Hint("A", 2000, 900)]


def test_pieces_that_are_missing_are_counted() -> None:
    wallet = [a_coupon(a_form(ItemsFree(3, 1))), a_coupon(a_form(Gift("book", 900), 9000), "B")]
    found = hints(quote(an_order(500, 300), wallet, (), NOW))
    assert found == [Hint("A", 0, 300, pieces_more=1), Hint("B", 8200, 0, worth=900)]


def test_shipping_that_would_be_free_is_hinted_only_where_there_is_any() -> None:
    form = replace(a_form(AmountOff(500), 9000), deducts=frozenset({Deducts.SHIPPING}))
    assert hints(quote(an_order(500), [a_coupon(form)], (), NOW)) == []


def test_one_hint_for_all_coupons_of_a_template() -> None:
    form = a_form(AmountOff(1000), min_amount=10_000)
    wallet = [a_coupon(form, "A"), a_coupon(form, "B", valid_until=NOW + 5)]
    assert [each.code for each in hints(quote(an_order(8000), wallet, (), NOW))] == ["B"]


def test_a_hint_that_what_is_ticked_would_turn_is_none() -> None:
    ticked = a_coupon(replace(a_form(AmountOff(8000)), stacking=TOGETHER), "B")
    form = replace(a_form(PercentOff(10)), stacking=TOGETHER, threshold=Threshold(0, 9))
    assert hints(quote(an_order(8000), [a_coupon(form), ticked], ["B"], NOW)) == []


def test_used_up_and_stopped_have_their_reasons() -> None:
    coupon = a_coupon(replace(a_form(), uses_per_student=1))
    used = quote(an_order(5000), [coupon], (), NOW, uses={coupon.template.id: 1})
    assert used.unusable == (Unusable("A", Reason.LIMIT_REACHED),)
    stopped = quote(an_order(5000), [coupon], (), NOW, stopped=frozenset({coupon.batch_id}))
    assert stopped.unusable == (Unusable("A", Reason.STOPPED),)


def test_a_lock_needs_no_advice() -> None:
    quoted = quote(an_order(5000), [a_coupon()], ["A"], NOW, is_advised=False)
    assert (quoted.discount, quoted.usable, quoted.hints, quoted.best.codes) == (1000, (), (), ())
