"""Stored templates and orders: what is written is read again, and damaged JSON is named by its path."""

import json
from dataclasses import replace

import pytest

from server.contract_json import (
    MalformedJsonError,
    discount_to_json,
    order_from_json,
    order_to_json,
    template_form_from_json,
    template_form_to_json,
    template_to_json,
)
from server.core.checkout.orders import LineKind, Order, OrderLine
from server.core.promotions.templates import (
    AmountOff,
    BrokenThreshold,
    Counted,
    Deducts,
    Discount,
    FixedValidity,
    Gift,
    ItemsFree,
    PercentOf,
    PercentOff,
    Rebate,
    RebateAfter,
    RelativeValidity,
    Returned,
    Returns,
    Scope,
    Stacking,
    StackingClass,
    TemplateForm,
    Threshold,
)
from tests.support.builders.money import a_form, a_template

BODY: dict[str, object] = {
    "name": "Spring",
    "description": "One course",
    "currency": "CNY",
    "discount": {"kind": "percent_off", "percent": 20, "max_amount": 5000},
    "threshold": {"min_amount": 10000},
    "scope": {"courses": ["algebra"], "packages": ["p1"]},
    "validity": {
        "kind": "fixed",
        "from": "2026-03-01T00:00:00.000Z",
        "until": "2026-04-01T00:00:00.000Z",
    },
    "deducts": ["goods", "shipping"],
    "stacking": {"class": "product", "combines_with": ["order", "shipping"]},
    "uses_per_student": 3,
    "returns": {
        "after_cancel": "back",
        "after_refund": "back",
        "after_partial_refund": "kept",
        "broken_threshold": "charge_back",
    },
    "style": {"colour": "#ff8800"},
    "use_url": "/courses",
    "metadata": {"team": "live"},
}


def read(**changes: object) -> TemplateForm:
    return template_form_from_json({**BODY, **changes})


def reread(form: TemplateForm) -> TemplateForm:
    return template_form_from_json(json.loads(json.dumps(template_form_to_json(form))))


def test_a_whole_body_is_read() -> None:
    assert template_form_from_json(BODY) == TemplateForm(
        name="Spring",
        description="One course",
        currency="CNY",
        discount=PercentOff(20, 5000),
        threshold=Threshold(10000),
        scope=Scope(frozenset({"algebra"}), frozenset({"p1"})),
        validity=FixedValidity(1_772_323_200_000, 1_775_001_600_000),
        deducts=frozenset({Deducts.GOODS, Deducts.SHIPPING}),
        stacking=Stacking(
            StackingClass.PRODUCT, frozenset({StackingClass.ORDER, StackingClass.SHIPPING})
        ),
        uses_per_student=3,
        returns=Returns(after_refund=Returned.BACK, broken_threshold=BrokenThreshold.CHARGE_BACK),
        style={"colour": "#ff8800"},
        use_url="/courses",
        metadata={"team": "live"},
    )


def test_what_is_written_is_what_was_read() -> None:
    assert template_form_to_json(read()) == BODY


@pytest.mark.parametrize(
    "discount",
    [
        AmountOff(5),
        PercentOff(30),
        PercentOff(30, 7),
        PercentOff(30, of=PercentOf.LINES),
        ItemsFree(3, 1),
        Gift("algebra", 9900),
        Gift("algebra", 9900, 2, "A book"),
        Rebate(AmountOff(500)),
        Rebate(PercentOff(10, 500), RebateAfter.RETURN_WINDOW, 7),
    ],
)
def test_every_discount_survives_its_json(discount: Discount) -> None:
    form = replace(a_form(), discount=discount)
    assert reread(form) == form
    assert discount_to_json(discount) == template_form_to_json(form)["discount"]


@pytest.mark.parametrize("threshold", [Threshold(), Threshold(5, 2, Counted.AFTER)])
def test_every_threshold_survives_its_json(threshold: Threshold) -> None:
    form = replace(a_form(), threshold=threshold)
    assert reread(form) == form


@pytest.mark.parametrize(
    "scope",
    [
        Scope(frozenset({"a"})),
        Scope(except_courses=frozenset({"b"}), except_packages=frozenset({"p"}), sale_prices=False),
    ],
)
def test_every_scope_survives_its_json(scope: Scope) -> None:
    form = replace(a_form(), scope=scope)
    assert reread(form) == form


@pytest.mark.parametrize(
    "validity",
    [
        FixedValidity(1, 2),
        RelativeValidity(60),
        RelativeValidity(60, cap_at_batch_end=True, wait_seconds=5),
    ],
)
def test_every_validity_survives_its_json(validity: FixedValidity | RelativeValidity) -> None:
    form = replace(a_form(), validity=validity)
    assert reread(form) == form


def test_members_that_were_added_later_are_written_only_where_they_differ() -> None:
    form = replace(a_form(), discount=Gift("algebra", 9900), validity=RelativeValidity(60))
    written = template_form_to_json(form)
    gift = {"kind": "gift", "course": "algebra", "list_price": 9900, "quantity": 1}
    assert json.dumps(written["discount"]) == json.dumps(gift)
    assert written["threshold"] == {"min_amount": 0}
    assert written["scope"] == {"courses": [], "packages": []}
    assert written["validity"] == {"kind": "relative", "seconds": 60, "cap_at_batch_end": False}


def test_rows_of_before_a_member_was_added_have_its_default() -> None:
    form = read(threshold={}, scope={}, stacking={}, returns={}, deducts=["goods"])
    assert (form.threshold, form.scope) == (Threshold(0), Scope())
    assert (form.stacking, form.returns) == (Stacking(), Returns())


def test_null_members_are_absent() -> None:
    form = read(
        style={"colour": "#ffffff", "image": None},
        discount={"kind": "percent_off", "percent": 5, "of": None},
    )
    assert form.style == {"colour": "#ffffff"}
    assert form.discount == PercentOff(5)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"name": None}, "$.name"),
        ({"name": 5}, "$.name"),
        ({"discount": None}, "$.discount"),
        ({"discount": "10"}, "$.discount"),
        ({"discount": {"kind": "free"}}, "$.discount"),
        ({"discount": {"kind": "rebate", "credit": {"kind": "gift"}}}, "$.discount.credit"),
        ({"deducts": ["air"]}, "$.deducts[0]"),
        ({"threshold": {"counted": "during"}}, "$.threshold.counted"),
        ({"discount": {"kind": "amount_off"}}, "$.discount.amount"),
        ({"discount": {"kind": "amount_off", "amount": 1.0}}, "$.discount.amount"),
        ({"discount": {"kind": "amount_off", "amount": True}}, "$.discount.amount"),
        ({"validity": {"kind": "always"}}, "$.validity"),
        ({"validity": {"kind": "fixed", "from": "2026-03-01", "until": "x"}}, "$.validity.from"),
        (
            {"validity": {"kind": "relative", "seconds": 5, "cap_at_batch_end": 1}},
            "cap_at_batch_end",
        ),
        ({"scope": {"courses": "algebra"}}, "$.scope.courses"),
        ({"scope": {"courses": [1]}}, "$.scope.courses[0]"),
        ({"metadata": {"a": 1}}, "$.metadata"),
        ({"metadata": []}, "$.metadata"),
    ],
)
def test_what_is_not_of_its_shape_is_named(changes: dict[str, object], path: str) -> None:
    with pytest.raises(MalformedJsonError) as raised:
        read(**changes)
    assert path in str(raised.value)


def test_all_broken_parts_are_named_at_once() -> None:
    with pytest.raises(MalformedJsonError) as raised:
        read(name=None, discount={}, style=7)
    assert [part in str(raised.value) for part in ("$.name", "$.discount", "$.style")] == [True] * 3


def test_a_template_is_its_form_with_id_version_and_date() -> None:
    template = a_template()
    assert template.form == a_form()
    written = template_to_json(template)
    assert (written["id"], written["version"]) == ("tpl_1", 1)
    assert written["created_at"] == "2026-03-01T09:00:00.000Z"


def test_an_order_survives_its_json() -> None:
    full = OrderLine("a", "algebra", 5, 2, frozenset({"p"}), 9, LineKind.COURSE, 3)
    shipping = OrderLine("s", None, 10, 1, kind=LineKind.SHIPPING)
    order = Order("CNY", (full, shipping))
    assert order_from_json(json.loads(json.dumps(order_to_json(order)))) == order


def test_members_of_a_line_that_say_nothing_are_left_out() -> None:
    written = order_to_json(Order("CNY", (OrderLine("s", None, 10, 1, kind=LineKind.FEE),)))
    line = {"id": "s", "unit_price": 10, "quantity": 1, "packages": [], "kind": "fee"}
    assert written == {"currency": "CNY", "lines": [line]}


@pytest.mark.parametrize(
    "stored", [None, [], {"currency": "CNY"}, {"currency": "CNY", "lines": {}}]
)
def test_an_order_of_the_wrong_shape_is_refused(stored: object) -> None:
    with pytest.raises(MalformedJsonError):
        order_from_json(stored)
