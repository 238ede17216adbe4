from collections.abc import Callable
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

from server.api.checkout.quotes import QuoteBody
from server.api.http import validation_errors
from server.api.http.fields import Body, Metadata
from server.api.promotions.batches import BatchBody
from server.api.promotions.templates import TemplateBody
from server.api.stage.running_order import OrderBody


def _errors(model: type[BaseModel], sent: object) -> dict[str, str]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(sent)
    errors = validation_errors.refusal_of(caught.value, sent).facts["errors"]
    assert isinstance(errors, list)
    return {error["field"]: error["code"] for error in errors}


GOOD = {
    "name": "n",
    "currency": "CNY",
    "discount": {"kind": "amount_off", "amount": 100},
    "validity": {"kind": "relative", "seconds": 60},
}
ORDER = {"currency": "CNY", "lines": [{"id": "1", "course": "c", "unit_price": 1, "quantity": 1}]}


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"name": 5}, {"name": "wrong_type"}),
        ({"name": None}, {"name": "wrong_type"}),
        ({"name": "x" * 61}, {"name": "too_long"}),
        ({"name": ""}, {"name": "too_short"}),
        ({"currency": "yuan"}, {"currency": "bad_format"}),
        ({"discount": {"kind": "amount_off"}}, {"discount.amount": "missing"}),
        ({"discount": {"kind": "amount_off", "amount": -1}}, {"discount.amount": "too_small"}),
        ({"discount": {"kind": "amount_off", "amount": 0.5}}, {"discount.amount": "wrong_type"}),
        ({"discount": {"kind": "amount_off", "amount": True}}, {"discount.amount": "wrong_type"}),
        ({"discount": {"kind": "amount_off", "amount": 2**53}}, {"discount.amount": "too_large"}),
        ({"discount": {"kind": "percent_off", "percent": 101}}, {"discount.percent": "too_large"}),
        ({"discount": {"kind": "percent_off", "percent": 0}}, {"discount.percent": "too_small"}),
        ({"discount": {"kind": "points"}}, {"discount.kind": "unknown_value"}),
        ({"discount": {}}, {"discount.kind": "missing"}),
        ({"discount": 5}, {"discount": "wrong_type"}),
        (
            {"discount": {"kind": "amount_off", "amount": 1, "percent": 2}},
            {"discount.percent": "unsupported"},
        ),
        (
            {"validity": {"kind": "fixed", "from": "x", "until": 5}},
            {"validity.from": "bad_format", "validity.until": "wrong_type"},
        ),
        ({"scope": {"courses": ["a", 5]}}, {"scope.courses.1": "wrong_type"}),
        ({"metadata": {"fixed": 5}}, {"metadata.fixed": "wrong_type"}),
        ({"metadata": {str(n): "v" for n in range(21)}}, {"metadata": "too_many"}),
        ({"style": {"colour": "red"}}, {"style.colour": "bad_format"}),
    ],
)
def test_template_errors_name_the_field_as_it_was_sent(
    change: dict[str, object], errors: dict[str, str]
) -> None:
    assert _errors(TemplateBody, {**GOOD, **change}) == errors


def test_all_fields_that_are_missing_are_told_at_once() -> None:
    assert set(_errors(TemplateBody, {})) == {"name", "currency", "discount", "validity"}


@pytest.mark.parametrize("sent", [5, [], "text", None])
def test_a_body_that_is_no_object_is_of_the_wrong_type(sent: object) -> None:
    assert _errors(TemplateBody, sent) == {"": "wrong_type"}


@pytest.mark.parametrize(
    ("coupons", "errors"),
    [
        ("worst", {"coupons": "unknown_value"}),
        ([5], {"coupons.0": "wrong_type"}),
        ({}, {"coupons": "wrong_type"}),
        (["c"] * 21, {"coupons": "too_many"}),
    ],
)
def test_coupons_of_a_quote_are_codes_or_the_word_best(
    coupons: object, errors: dict[str, str]
) -> None:
    assert _errors(QuoteBody, {"order": ORDER, "coupons": coupons}) == errors


def test_path_goes_through_lists() -> None:
    line = {"id": "1", "unit_price": "5", "quantity": 1}
    sent = {"order": {"currency": "CNY", "lines": [line]}}
    assert _errors(QuoteBody, sent) == {"order.lines.0.unit_price": "wrong_type"}


@pytest.mark.parametrize("wrap", [lambda entries: entries, lambda entries: {"entries": entries}])
def test_a_bare_list_has_the_names_of_its_object(wrap: Callable[[Any], Any]) -> None:
    entries = [{"drop_id": "drp_1", "minute": -1}, {"at": "x", "colour": "red"}]
    assert _errors(OrderBody, wrap(entries)) == {
        "entries.0.minute": "too_small",
        "entries.1.drop_id": "missing",
        "entries.1.at": "bad_format",
        "entries.1.colour": "unsupported",
    }


def test_absent_and_null_are_two_things_where_null_means_something() -> None:
    sent = {"template_id": "tpl_1", "name": "n", "channel": "c", "per_student": 1}
    assert _errors(BatchBody, sent) == {"quantity": "missing"}
    assert BatchBody.model_validate({**sent, "quantity": None}).quantity is None


def test_errors_are_limited_in_number_and_length() -> None:
    class Pairs(Body):
        pairs: dict[str, int]

    errors = _errors(Pairs, {"pairs": {"k" * 1_000 + str(n): "v" for n in range(500)}})
    assert len(errors) <= validation_errors.MAX_ERRORS
    assert max(map(len, errors)) <= 200


def test_a_refusal_does_not_repeat_what_was_sent() -> None:
    class Secret(Body):
        kind: Literal["a"]
        metadata: Annotated[Metadata, Field()]

    sent = {"kind": "hunter2", "metadata": {"a": 5}}
    with pytest.raises(ValidationError) as caught:
        Secret.model_validate(sent)
    refused = validation_errors.refusal_of(caught.value, sent)
    assert "hunter2" not in f"{refused.detail}{refused.facts}"
