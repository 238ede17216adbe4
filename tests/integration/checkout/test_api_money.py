"""Every kind of discount over HTTP: what a template takes and shows, and what a quote answers."""

from typing import Any

import pytest

from tests.support.builders.api import Api, a_template, field_errors

pytestmark = pytest.mark.asyncio

FULL: dict[str, Any] = {
    "discount": {
        "kind": "rebate",
        "credit": {"kind": "percent_off", "percent": 10, "max_amount": 900, "of": "lines"},
        "after": "return_window",
        "return_window_days": 7,
    },
    "threshold": {"min_amount": 5, "min_quantity": 2, "counted": "after"},
    "scope": {
        "courses": ["a"],
        "packages": [],
        "except_courses": ["b"],
        "except_packages": ["p"],
        "sale_prices": False,
    },
    "validity": {
        "kind": "relative",
        "seconds": 60,
        "cap_at_batch_end": True,
        "wait_seconds": 30,
    },
    "deducts": ["goods", "shipping"],
    "stacking": {"class": "product", "combines_with": ["order"]},
    "uses_per_student": 2,
    "returns": {
        "after_cancel": "kept",
        "after_refund": "back",
        "after_partial_refund": "back",
        "broken_threshold": "charge_back",
    },
}


async def test_a_template_shows_every_field_it_took(api: Api) -> None:
    made = await api.made_template(**FULL)
    assert {**made, **FULL} == made


@pytest.mark.parametrize(
    "discount",
    [
        {"kind": "percent_off", "percent": 10},
        {"kind": "items_free", "from_items": 3, "free_items": 1},
        {"kind": "gift", "course": "book", "list_price": 900, "quantity": 1},
        {"kind": "gift", "course": "book", "list_price": 900, "quantity": 2, "name": "A book"},
        {"kind": "rebate", "credit": {"kind": "amount_off", "amount": 5}, "after": "payment"},
    ],
)
async def test_each_discount_is_shown_as_it_was_sent(api: Api, discount: dict[str, Any]) -> None:
    assert (await api.made_template(discount=discount))["discount"] == discount


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"deducts": []}, "deducts", "too_few"),
        ({"deducts": ["gold"]}, "deducts.0", "unknown_value"),
        ({"stacking": {"class": "vip"}}, "stacking.class", "unknown_value"),
        ({"uses_per_student": 0}, "uses_per_student", "too_small"),
        (
            {"discount": {"kind": "items_free", "from_items": 2, "free_items": 3}},
            "discount.free_items",
            "too_large",
        ),
        (
            {
                "discount": {"kind": "items_free", "from_items": 2, "free_items": 1},
                "deducts": ["shipping"],
            },
            "deducts",
            "saves_nothing",
        ),
        ({"scope": {"courses": ["a"], "except_courses": ["a"]}}, "scope", "saves_nothing"),
    ],
)
async def test_a_bad_field_is_named(
    api: Api, change: dict[str, Any], field: str, code: str
) -> None:
    operator = await api.operator()
    answer = await operator.post("/v1/templates", json=a_template(**change))
    assert field_errors(answer) == [(field, code)]
