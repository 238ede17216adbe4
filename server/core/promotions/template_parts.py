"""A template's parts <-> the contract's JSON, which is also what the ledger stores.

Called by `template_forms` and by flows that show a drop. Knows shapes only; whether they make sense is
asked of `core.template_rules`. What was added after the first templates is left out of the JSON where it
is at its default, so that older rows and newer answers are the same text.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar, assert_never

from server.core import instants, json_fields
from server.core.promotions.templates import (
    GOODS_ONLY,
    AmountOff,
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
    Returns,
    Scope,
    Stacking,
    StackingClass,
    Threshold,
    Validity,
)
from server.core.violations import MalformedError

Json = dict[str, object]
E = TypeVar("E", bound=StrEnum)


def discount_from_json(value: object) -> Discount:
    return _discount(json_fields.mapping(value, "discount"), "discount")


def discount_to_json(discount: Discount) -> Json:
    match discount:
        case AmountOff(amount):
            return {"kind": "amount_off", "amount": amount}
        case PercentOff(percent, max_amount, of):
            return {
                "kind": "percent_off",
                "percent": percent,
                **_unless("max_amount", max_amount, None),
                **_unless("of", of.value, PercentOf.TOTAL),
            }
        case ItemsFree(from_items, free_items):
            return {"kind": "items_free", "from_items": from_items, "free_items": free_items}
        case Gift(course, list_price, quantity, name):
            return {
                "kind": "gift",
                "course": course,
                "list_price": list_price,
                "quantity": quantity,
                **_unless("name", name, ""),
            }
        case Rebate(credit, after, days):
            return {
                "kind": "rebate",
                "credit": discount_to_json(credit),
                "after": after.value,
                **_unless("return_window_days", days, None),
            }
        case _:
            assert_never(discount)


def threshold_from_json(value: object) -> Threshold:
    """No threshold, written by leaving it out, is a threshold of 0."""
    if value is None:
        return Threshold()
    fields = json_fields.mapping(value, "threshold")
    return Threshold(
        json_fields.optional_integer(fields, "min_amount", "threshold") or 0,
        json_fields.optional_integer(fields, "min_quantity", "threshold") or 0,
        _choice(fields, "counted", "threshold", Counted.BEFORE),
    )


def threshold_to_json(threshold: Threshold) -> Json:
    return {
        "min_amount": threshold.min_amount,
        **_unless("min_quantity", threshold.min_quantity, 0),
        **_unless("counted", threshold.counted.value, Counted.BEFORE),
    }


def scope_from_json(value: object) -> Scope:
    if value is None:
        return Scope()
    fields = json_fields.mapping(value, "scope")
    return Scope(
        json_fields.texts(fields, "courses", "scope"),
        json_fields.texts(fields, "packages", "scope"),
        json_fields.texts(fields, "except_courses", "scope"),
        json_fields.texts(fields, "except_packages", "scope"),
        fields.get("sale_prices") is None or json_fields.flag(fields, "sale_prices", "scope"),
    )


def scope_to_json(scope: Scope) -> Json:
    """Sorted, so that the same scope is always the same text."""
    return {
        "courses": sorted(scope.courses),
        "packages": sorted(scope.packages),
        **_unless("except_courses", sorted(scope.except_courses), []),
        **_unless("except_packages", sorted(scope.except_packages), []),
        **_unless("sale_prices", scope.sale_prices, True),
    }


def validity_from_json(value: object) -> Validity:
    fields = json_fields.mapping(value, "validity")
    match json_fields.text(fields, "kind", "validity"):
        case "fixed":
            return FixedValidity(
                json_fields.instant(fields, "from", "validity"),
                json_fields.instant(fields, "until", "validity"),
            )
        case "relative":
            return RelativeValidity(
                json_fields.integer(fields, "seconds", "validity"),
                json_fields.flag(fields, "cap_at_batch_end", "validity"),
                json_fields.optional_integer(fields, "wait_seconds", "validity") or 0,
            )
    raise MalformedError("validity.kind", "unknown")


def validity_to_json(validity: Validity) -> Json:
    match validity:
        case FixedValidity(from_at, until_at):
            return {
                "kind": "fixed",
                "from": instants.to_text(from_at),
                "until": instants.to_text(until_at),
            }
        case RelativeValidity(seconds, cap_at_batch_end, wait_seconds):
            return {
                "kind": "relative",
                "seconds": seconds,
                "cap_at_batch_end": cap_at_batch_end,
                **_unless("wait_seconds", wait_seconds, 0),
            }
        case _:
            assert_never(validity)


def deducts_from_json(value: object) -> frozenset[Deducts]:
    words = json_fields.texts({"deducts": value}, "deducts")
    return frozenset(_member(Deducts, word, "deducts") for word in words) or GOODS_ONLY


def deducts_to_json(deducts: frozenset[Deducts]) -> list[str]:
    return sorted(each.value for each in deducts)


def stacking_from_json(value: object) -> Stacking:
    if value is None:
        return Stacking()
    fields = json_fields.mapping(value, "stacking")
    others = json_fields.texts(fields, "combines_with", "stacking")
    return Stacking(
        _choice(fields, "class", "stacking", StackingClass.ORDER),
        frozenset(_member(StackingClass, word, "stacking.combines_with") for word in others),
    )


def stacking_to_json(stacking: Stacking) -> Json:
    return {
        "class": stacking.in_class.value,
        "combines_with": sorted(each.value for each in stacking.combines_with),
    }


def returns_from_json(value: object) -> Returns:
    if value is None:
        return Returns()
    fields = json_fields.mapping(value, "returns")
    usual = Returns()
    return Returns(
        _choice(fields, "after_cancel", "returns", usual.after_cancel),
        _choice(fields, "after_refund", "returns", usual.after_refund),
        _choice(fields, "after_partial_refund", "returns", usual.after_partial_refund),
        _choice(fields, "broken_threshold", "returns", usual.broken_threshold),
    )


def returns_to_json(returns: Returns) -> Json:
    return {
        "after_cancel": returns.after_cancel.value,
        "after_refund": returns.after_refund.value,
        "after_partial_refund": returns.after_partial_refund.value,
        "broken_threshold": returns.broken_threshold.value,
    }


def _discount(fields: Mapping[str, object], at: str) -> Discount:
    match json_fields.text(fields, "kind", at):
        case "items_free":
            return ItemsFree(
                json_fields.integer(fields, "from_items", at),
                json_fields.integer(fields, "free_items", at),
            )
        case "gift":
            pieces = json_fields.optional_integer(fields, "quantity", at)
            return Gift(
                json_fields.text(fields, "course", at),
                json_fields.integer(fields, "list_price", at),
                1 if pieces is None else pieces,
                json_fields.optional_text(fields, "name", at) or "",
            )
        case "rebate":
            return Rebate(
                _reduction(
                    json_fields.mapping(fields.get("credit"), f"{at}.credit"), f"{at}.credit"
                ),
                _choice(fields, "after", at, RebateAfter.PAYMENT),
                json_fields.optional_integer(fields, "return_window_days", at),
            )
    return _reduction(fields, at)


def _reduction(fields: Mapping[str, object], at: str) -> AmountOff | PercentOff:
    match json_fields.text(fields, "kind", at):
        case "amount_off":
            return AmountOff(json_fields.integer(fields, "amount", at))
        case "percent_off":
            return PercentOff(
                json_fields.integer(fields, "percent", at),
                json_fields.optional_integer(fields, "max_amount", at),
                _choice(fields, "of", at, PercentOf.TOTAL),
            )
    raise MalformedError(f"{at}.kind", "unknown")


def _unless(key: str, value: object, usual: object) -> Json:
    return {} if value == usual else {key: value}


def _choice(fields: Mapping[str, object], key: str, at: str, usual: E) -> E:
    word = json_fields.optional_text(fields, key, at)
    return usual if word is None else _member(type(usual), word, json_fields.path(at, key))


def _member(words: type[E], word: str, field: str) -> E:
    try:
        return words(word)
    except ValueError as error:
        raise MalformedError(field, "unknown") from error
