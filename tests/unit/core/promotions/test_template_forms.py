import pytest

from server.core.promotions import template_forms, template_parts
from server.core.promotions.template_forms import form_from_json, form_to_json
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
from server.core.refusals import Refused
from server.core.violations import MalformedError
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


def read(**changes: object) -> TemplateForm | Refused:
    return form_from_json({**BODY, **changes})


def errors_of(answer: TemplateForm | Refused) -> object:
    assert isinstance(answer, Refused)
    return answer.facts["errors"]


def test_a_whole_body_is_read() -> None:
    assert form_from_json(BODY) == TemplateForm(
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
    form = form_from_json(BODY)
    assert isinstance(form, TemplateForm)
    assert form_to_json(form) == BODY


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
    written = template_parts.discount_to_json(discount)
    assert template_parts.discount_from_json(written) == discount


@pytest.mark.parametrize("threshold", [Threshold(), Threshold(5, 2, Counted.AFTER)])
def test_every_threshold_survives_its_json(threshold: Threshold) -> None:
    written = template_parts.threshold_to_json(threshold)
    assert template_parts.threshold_from_json(written) == threshold


@pytest.mark.parametrize(
    "scope",
    [
        Scope(frozenset({"a"})),
        Scope(except_courses=frozenset({"b"}), except_packages=frozenset({"p"}), sale_prices=False),
    ],
)
def test_every_scope_survives_its_json(scope: Scope) -> None:
    assert template_parts.scope_from_json(template_parts.scope_to_json(scope)) == scope


@pytest.mark.parametrize(
    "validity",
    [
        FixedValidity(1, 2),
        RelativeValidity(60),
        RelativeValidity(60, cap_at_batch_end=True, wait_seconds=5),
    ],
)
def test_every_validity_survives_its_json(validity: FixedValidity | RelativeValidity) -> None:
    written = template_parts.validity_to_json(validity)
    assert template_parts.validity_from_json(written) == validity


def test_what_may_be_left_out_means_everything_and_no_threshold() -> None:
    form = form_from_json({key: BODY[key] for key in ("name", "currency", "discount", "validity")})
    assert isinstance(form, TemplateForm)
    assert (form.threshold, form.scope, form.description) == (Threshold(0), Scope(), "")


def test_an_empty_threshold_is_a_threshold_of_nothing() -> None:
    form = read(threshold={})
    assert isinstance(form, TemplateForm)
    assert form.threshold == Threshold(0)


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"name": None}, "name", "missing"),
        ({"name": 5}, "name", "wrong_type"),
        ({"discount": None}, "discount", "missing"),
        ({"discount": "10"}, "discount", "wrong_type"),
        ({"discount": {"kind": "free"}}, "discount.kind", "unknown"),
        ({"deducts": ["air"]}, "deducts", "unknown"),
        ({"threshold": {"counted": "during"}}, "threshold.counted", "unknown"),
        ({"discount": {"kind": "amount_off"}}, "discount.amount", "missing"),
        ({"discount": {"kind": "amount_off", "amount": 1.0}}, "discount.amount", "wrong_type"),
        ({"discount": {"kind": "amount_off", "amount": True}}, "discount.amount", "wrong_type"),
        ({"validity": {"kind": "always"}}, "validity.kind", "unknown"),
        (
            {"validity": {"kind": "fixed", "from": "2026-03-01", "until": "x"}},
            "validity.from",
            "not_a_time",
        ),
        (
            {"validity": {"kind": "relative", "seconds": 5, "cap_at_batch_end": 1}},
            "validity.cap_at_batch_end",
            "wrong_type",
        ),
        ({"scope": {"courses": "algebra"}}, "scope.courses", "wrong_type"),
        ({"scope": {"courses": [1]}}, "scope.courses", "wrong_type"),
        ({"metadata": {"a": 1}}, "metadata.a", "wrong_type"),
        ({"metadata": []}, "metadata", "wrong_type"),
    ],
)
def test_what_is_not_of_its_shape_is_named(
    changes: dict[str, object], field: str, code: str
) -> None:
    assert errors_of(read(**changes)) == [{"field": field, "code": code}]


def test_all_broken_parts_are_named_at_once() -> None:
    assert errors_of(read(name=None, discount={}, style=7)) == [
        {"field": "name", "code": "missing"},
        {"field": "discount.kind", "code": "missing"},
        {"field": "style", "code": "wrong_type"},
    ]


def test_null_members_of_a_style_are_absent() -> None:
    form = read(style={"colour": "#ffffff", "image": None})
    assert isinstance(form, TemplateForm)
    assert form.style == {"colour": "#ffffff"}


def test_a_stored_row_of_the_wrong_shape_is_a_broken_promise() -> None:
    with pytest.raises(MalformedError):
        template_forms.form_from_columns({**BODY, "discount": {}})


def test_a_template_is_its_form_with_id_version_and_date() -> None:
    template = a_template()
    assert template.form == a_form()
    written = template_forms.template_to_json(template)
    assert (written["id"], written["version"]) == ("tpl_1", 1)
    assert written["created_at"] == "2026-03-01T09:00:00.000Z"


def test_a_row_gives_back_the_form_it_was_made_of() -> None:
    form = a_form()
    assert template_forms.form_from_columns(form_to_json(form)) == form
