"""A discount kind is known everywhere, or a test says where it is missing."""

import json
from typing import get_args

import pytest

from client_sdk.python import shapes
from server.api.promotions import template_parts
from server.core.checkout.quoting.stacking import APPLICATION_ORDER
from server.core.promotions.discount_kinds import DISCOUNT_KINDS
from server.core.promotions.templates import Discount, StackingClass
from tests.contract.jsdoc_shapes import JsDoc
from tests.contract.test_twins import SDK, in_javascript

WORDS = {kind.word for kind in DISCOUNT_KINDS}
# One of each kind, as the API takes it.
EXAMPLES: dict[str, dict[str, object]] = {
    "items_free": {"from_items": 3, "free_items": 1},
    "amount_off": {"amount": 1000},
    "percent_off": {"percent": 20},
    "gift": {"course": "algebra", "list_price": 900},
    "rebate": {"credit": {"kind": "amount_off", "amount": 500}},
}


def kinds_of(annotation: object) -> set[str]:
    """Return the words that a `Literal` allows."""
    return {word for word in get_args(annotation) if isinstance(word, str)}


def test_the_table_has_every_kind_once() -> None:
    assert {kind.shape for kind in DISCOUNT_KINDS} == set(get_args(Discount))
    assert len(DISCOUNT_KINDS) == len(WORDS) == len(get_args(Discount))


def test_every_kind_of_every_class_has_its_step() -> None:
    steps = {
        (step.kind.shape, in_class)
        for step in APPLICATION_ORDER
        for in_class in ([step.in_class] if step.in_class else StackingClass)
    }
    assert steps == {(kind, in_class) for kind in get_args(Discount) for in_class in StackingClass}


def test_the_api_takes_the_same_kinds() -> None:
    models = get_args(get_args(template_parts.Discount)[0])
    words = [kinds_of(model.model_fields["kind"].annotation) for model in models]
    assert set.union(*words) == WORDS
    assert {model.__name__ for model in models} == {each.__name__ for each in get_args(Discount)}


def test_both_sdks_know_the_same_kinds() -> None:
    javascript = JsDoc(SDK / "javascript" / "shapes").named("Discount")
    assert kinds_of(shapes.Discount.__annotations__["kind"]) == WORDS
    assert javascript["object"]["kind"].shape["string"] == WORDS


@pytest.mark.parametrize("word", sorted(WORDS))
def test_the_card_says_what_each_kind_is_worth(word: str) -> None:
    discount = json.dumps({"kind": word, **EXAMPLES[word]})
    call = f"(await import('./element/value.js')).shortValue({discount}, 'CNY', 'en')"
    nothing = call.replace(discount, json.dumps({"kind": "a kind of tomorrow"}))
    assert in_javascript(call) != in_javascript(nothing)
