from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.checkout.orders import LineKind, Order
from server.core.checkout.quoting.quotes import quote
from server.core.checkout.quoting.reasons import Reason
from server.core.promotions.template_rules import MAX_RELATIVE_SECONDS, refusal, violations
from server.core.promotions.templates import (
    AmountOff,
    BrokenThreshold,
    Deducts,
    FixedValidity,
    Gift,
    ItemsFree,
    PercentOff,
    Rebate,
    RebateAfter,
    RelativeValidity,
    Returns,
    Scope,
    Threshold,
)
from server.core.refusals import Code
from tests.support.builders.money import NOW, a_coupon, a_form, a_line

GOOD = a_form()
SHIPPING = frozenset({Deducts.SHIPPING})


@pytest.mark.parametrize(
    "form",
    [
        GOOD,
        replace(GOOD, name="课" * 60, description="x" * 2000),
        replace(GOOD, discount=AmountOff(1)),
        replace(GOOD, discount=PercentOff(100)),
        replace(GOOD, discount=PercentOff(1, 1)),
        replace(GOOD, currency="JPY"),
        replace(GOOD, validity=RelativeValidity(1)),
        replace(GOOD, validity=RelativeValidity(MAX_RELATIVE_SECONDS)),
        replace(GOOD, style={"colour": "#Ff8800", "image": "https://school.example/a.png"}),
        replace(GOOD, use_url="/courses?from=live"),
        replace(GOOD, metadata={str(n): "" for n in range(20)}),
        replace(GOOD, discount=ItemsFree(1, 1)),
        replace(GOOD, discount=Gift("algebra", 0)),
        replace(GOOD, discount=Rebate(AmountOff(5))),
        replace(GOOD, discount=Rebate(PercentOff(5), RebateAfter.RETURN_WINDOW, 7)),
        replace(GOOD, uses_per_student=1),
        replace(GOOD, discount=ItemsFree(2, 1), deducts=frozenset({Deducts.GOODS, Deducts.FEE})),
        replace(GOOD, discount=Gift("algebra", 0), deducts=SHIPPING),
        replace(GOOD, discount=Rebate(PercentOff(5)), deducts=SHIPPING),
        replace(GOOD, scope=Scope(frozenset("ab"), except_courses=frozenset("a"))),
        replace(GOOD, scope=Scope(packages=frozenset("p"), except_courses=frozenset("a"))),
        replace(GOOD, scope=Scope(except_courses=frozenset("a"))),
    ],
)
def test_good_templates_have_no_violations(form: object) -> None:
    assert violations(form) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"name": ""}, "name", "too_short"),
        ({"name": " \n"}, "name", "too_short"),
        ({"name": "x" * 61}, "name", "too_long"),
        ({"name": "a\0b"}, "name", "bad_character"),
        ({"name": "a\ud800"}, "name", "bad_character"),
        ({"description": "x" * 2001}, "description", "too_long"),
        ({"description": "\0"}, "description", "bad_character"),
        ({"currency": "cny"}, "currency", "unknown"),
        ({"currency": "XXX"}, "currency", "unknown"),
        ({"discount": AmountOff(0)}, "discount.amount", "too_small"),
        ({"discount": AmountOff(10**12 + 1)}, "discount.amount", "too_large"),
        ({"discount": PercentOff(0)}, "discount.percent", "too_small"),
        ({"discount": PercentOff(101)}, "discount.percent", "too_large"),
        ({"discount": PercentOff(5, 0)}, "discount.max_amount", "too_small"),
        ({"discount": ItemsFree(0, 1)}, "discount.from_items", "too_small"),
        ({"discount": ItemsFree(3, 4)}, "discount.free_items", "too_large"),
        ({"discount": Gift("", 5)}, "discount.course", "too_short"),
        ({"discount": Gift("algebra", -1)}, "discount.list_price", "too_small"),
        ({"discount": Gift("algebra", 5, 0)}, "discount.quantity", "too_small"),
        ({"discount": Gift("algebra", 5, 1, "x" * 61)}, "discount.name", "too_long"),
        ({"discount": Rebate(AmountOff(0))}, "discount.credit.amount", "too_small"),
        (
            {"discount": Rebate(AmountOff(5), RebateAfter.PAYMENT, 7)},
            "discount.return_window_days",
            "unknown",
        ),
        (
            {"discount": Rebate(AmountOff(5), RebateAfter.RETURN_WINDOW)},
            "discount.return_window_days",
            "missing",
        ),
        (
            {"discount": Rebate(AmountOff(5), RebateAfter.RETURN_WINDOW, 0)},
            "discount.return_window_days",
            "too_small",
        ),
        ({"uses_per_student": 0}, "uses_per_student", "too_small"),
        ({"threshold": Threshold(-1)}, "threshold.min_amount", "too_small"),
        ({"threshold": Threshold(0, -1)}, "threshold.min_quantity", "too_small"),
        ({"scope": Scope(frozenset({""}))}, "scope.courses", "too_short"),
        ({"scope": Scope(frozenset({"\0"}))}, "scope.courses", "bad_character"),
        ({"scope": Scope(packages=frozenset({"x" * 65}))}, "scope.packages", "too_long"),
        ({"scope": Scope(frozenset(map(str, range(501))))}, "scope.courses", "too_many"),
        ({"validity": FixedValidity(5, 5)}, "validity.until", "empty_window"),
        ({"validity": FixedValidity(-1, 5)}, "validity.from", "too_small"),
        ({"validity": FixedValidity(5, 10**18)}, "validity.until", "too_large"),
        ({"validity": RelativeValidity(0)}, "validity.seconds", "too_small"),
        ({"validity": RelativeValidity(10**10)}, "validity.seconds", "too_large"),
        ({"discount": ItemsFree(2, 1), "deducts": SHIPPING}, "deducts", "saves_nothing"),
        (
            {"scope": Scope(frozenset("a"), frozenset("p"), frozenset("ab"), frozenset("p"))},
            "scope",
            "saves_nothing",
        ),
        (
            {"scope": Scope(packages=frozenset("p"), except_packages=frozenset("p"))},
            "scope",
            "saves_nothing",
        ),
        ({"style": {"colour": "red"}}, "style.colour", "not_a_colour"),
        ({"style": {"colour": "#12345g"}}, "style.colour", "not_a_colour"),
        ({"style": {"image": "javascript:alert(1)"}}, "style.image", "not_a_url"),
        ({"style": {"font": "serif"}}, "style", "unknown"),
        ({"use_url": "http://school.example"}, "use_url", "not_a_url"),
        ({"use_url": "//elsewhere.example"}, "use_url", "not_a_url"),
        ({"use_url": "/\\elsewhere.example"}, "use_url", "not_a_url"),
        ({"use_url": "/\t/elsewhere.example"}, "use_url", "not_a_url"),
        ({"use_url": "https:///nowhere"}, "use_url", "not_a_url"),
        ({"use_url": "https://[broken"}, "use_url", "not_a_url"),
        ({"use_url": "/" + "x" * 2000}, "use_url", "too_long"),
        ({"use_url": "/\0"}, "use_url", "bad_character"),
        ({"metadata": {str(n): "" for n in range(21)}}, "metadata", "too_many"),
        ({"metadata": {"": "x"}}, "metadata", "too_short"),
        ({"metadata": {"k": "x" * 501}}, "metadata.k", "too_long"),
    ],
)
def test_each_rule_names_its_field(changes: dict[str, object], field: str, code: str) -> None:
    found = violations(replace(GOOD, **changes))  # type: ignore[arg-type]
    assert [(violation.field, violation.code) for violation in found] == [(field, code)]


def test_a_refusal_tells_all_violations_at_once() -> None:
    refused = refusal(replace(GOOD, name="", currency="?"))
    assert refused is not None
    assert refused.code is Code.INVALID_FIELD
    assert refused.facts["errors"] == [
        {"field": "name", "code": "too_short"},
        {"field": "currency", "code": "unknown"},
    ]


def test_a_good_template_is_not_refused() -> None:
    assert refusal(GOOD) is None


@given(
    orders=st.lists(
        st.tuples(st.sampled_from(LineKind), st.sampled_from("ab"), st.sampled_from("pq")),
        min_size=1,
        max_size=6,
    )
)
def test_what_is_refused_saves_nothing_on_any_order(
    orders: list[tuple[LineKind, str, str]],
) -> None:
    lines = [
        a_line(500, str(at), course, frozenset(package), kind)
        for at, (kind, course, package) in enumerate(orders)
    ]
    scope = Scope(frozenset("a"), frozenset("p"), frozenset("a"), frozenset("p"))
    refused = [
        replace(GOOD, discount=ItemsFree(1, 1), deducts=frozenset(Deducts) - {Deducts.GOODS}),
        *(replace(GOOD, scope=scope, deducts=frozenset({kind})) for kind in Deducts),
    ]

    for form in refused:
        (said,) = quote(Order("CNY", tuple(lines)), [a_coupon(form)], (), NOW).unusable
        assert said.reason in (Reason.OUT_OF_SCOPE, Reason.SAVES_NOTHING, Reason.BELOW_THRESHOLD)


def test_a_gift_cannot_be_charged_back() -> None:
    charges = Returns(broken_threshold=BrokenThreshold.CHARGE_BACK)
    (broken,) = violations(replace(GOOD, discount=Gift("algebra", 0), returns=charges))
    assert (broken.field, broken.code) == ("returns.broken_threshold", "does_nothing")
    assert violations(replace(GOOD, discount=Rebate(AmountOff(5)), returns=charges)) == []
