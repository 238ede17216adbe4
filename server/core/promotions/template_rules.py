"""Template rules: what a template must obey beyond its shape.

Used by the flows that write templates, on the form that an operator sent. The codes are stable words for
the SDKs' texts: `too_short too_long too_small too_large too_many unknown bad_character empty_window
not_a_colour not_a_url credentials saves_nothing does_nothing`.

A template that saves nothing on every possible order is refused. One that saves on some orders is the
school's own decision: a gift for orders with a shipping line, a rebate on fees, a percentage that takes 0
off what is cheap.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final, assert_never

from server.core.money import DECIMALS, MAX_MINOR
from server.core.promotions.templates import (
    AmountOff,
    BrokenThreshold,
    Deducts,
    Discount,
    FixedValidity,
    Gift,
    ItemsFree,
    PercentOff,
    Rebate,
    RebateAfter,
    RelativeValidity,
    Scope,
    TemplateForm,
    Validity,
)
from server.core.refusals import Refused
from server.core.urls import url_fault
from server.core.violations import Violation, refused

MAX_NAME: Final = 60
MAX_DESCRIPTION: Final = 2_000
MAX_URL: Final = 2_000
MAX_SCOPE_IDS: Final = 500  # of each list; core/drops/room_cards.py shortens what a room sees
MAX_ID: Final = 64
MAX_METADATA_PAIRS: Final = 20
MAX_METADATA_KEY: Final = 64
MAX_METADATA_VALUE: Final = 500
MAX_RELATIVE_SECONDS: Final = 10 * 366 * 24 * 3600  # ten years
MAX_WAIT_SECONDS: Final = 366 * 24 * 3600
MAX_PIECES: Final = 1_000_000  # of an order: orders.MAX_QUANTITY
MAX_GIFTS: Final = 100
MAX_USES: Final = 1_000_000
MAX_RETURN_DAYS: Final = 366
# In ms: the year 9000. Adding a relative validity still gives a date that can be written.
MAX_INSTANT: Final = 221_845_392_000_000

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL stores no NUL, UTF-8 no surrogates


def violations(form: TemplateForm) -> list[Violation]:
    """Return everything that is wrong with the form, in the order of its fields; empty if it is good."""
    return [
        *_text("name", form.name if form.name.strip() else "", 1, MAX_NAME),
        *_text("description", form.description, 0, MAX_DESCRIPTION),
        *currency_violations("currency", form.currency),
        *_discount(form.discount),
        *amount_violations("threshold.min_amount", form.threshold.min_amount, 0),
        *amount_violations("threshold.min_quantity", form.threshold.min_quantity, 0, MAX_PIECES),
        *_scope(form.scope),
        *_deducts(form),
        *_validity(form.validity),
        *_uses(form.uses_per_student),
        *_returns(form),
        *_style(form.style),
        *_url("use_url", form.use_url),
        *metadata_violations("metadata", form.metadata),
    ]


def refusal(form: TemplateForm) -> Refused | None:
    """Return all violations as one `invalid_field` refusal; None if the form is good."""
    found = violations(form)
    return refused(found) if found else None


def currency_violations(field: str, currency: str) -> Iterator[Violation]:
    if currency not in DECIMALS:
        yield Violation(field, "unknown")


def text_violations(field: str, value: str, longest: int) -> Iterator[Violation]:
    """Yield what is wrong with a text that must not be empty, must fit its column and must be storable."""
    yield from _text(field, value, 1, longest)


def metadata_violations(field: str, metadata: Mapping[str, str]) -> Iterator[Violation]:
    """Yield what is wrong with metadata: up to 20 pairs on everything that is created
    (client_sdk/PROTOCOL.md, Formats)."""
    if len(metadata) > MAX_METADATA_PAIRS:
        yield Violation(field, "too_many")
        return
    for key, value in metadata.items():
        bad_key = next(_text(field, key, 1, MAX_METADATA_KEY), None)
        if bad_key:
            yield bad_key
        else:
            yield from _text(f"{field}.{key}", value, 0, MAX_METADATA_VALUE)


def _text(field: str, value: str, shortest: int, longest: int) -> Iterator[Violation]:
    if _NOT_STORABLE.search(value):
        yield Violation(field, "bad_character")
    elif len(value) < shortest:
        yield Violation(field, "too_short")
    elif len(value) > longest:
        yield Violation(field, "too_long")


def amount_violations(
    field: str, amount: int, least: int, most: int = MAX_MINOR
) -> Iterator[Violation]:
    if amount < least:
        yield Violation(field, "too_small")
    elif amount > most:
        yield Violation(field, "too_large")


def _discount(discount: Discount, at: str = "discount") -> Iterator[Violation]:
    match discount:
        case AmountOff(amount):
            yield from amount_violations(f"{at}.amount", amount, 1)
        case PercentOff(percent, max_amount):
            yield from amount_violations(f"{at}.percent", percent, 1, 100)
            if max_amount is not None:
                yield from amount_violations(f"{at}.max_amount", max_amount, 1)
        case ItemsFree(from_items, free_items):
            yield from amount_violations(f"{at}.from_items", from_items, 1, MAX_PIECES)
            yield from amount_violations(f"{at}.free_items", free_items, 1, max(1, from_items))
        case Gift(course, list_price, quantity, name):
            yield from text_violations(f"{at}.course", course, MAX_ID)
            yield from amount_violations(f"{at}.list_price", list_price, 0)
            yield from amount_violations(f"{at}.quantity", quantity, 1, MAX_GIFTS)
            yield from _text(f"{at}.name", name, 0, MAX_NAME)
        case Rebate(credit, after, days):
            yield from _discount(credit, f"{at}.credit")
            yield from _return_window(after, days, f"{at}.return_window_days")
        case _:
            assert_never(discount)


def _return_window(after: RebateAfter, days: int | None, at: str) -> Iterator[Violation]:
    if after is RebateAfter.PAYMENT and days is not None:
        yield Violation(at, "unknown")
    if after is RebateAfter.RETURN_WINDOW:
        if days is None:
            yield Violation(at, "missing")
        else:
            yield from amount_violations(at, days, 1, MAX_RETURN_DAYS)


def _uses(uses_per_student: int | None) -> Iterator[Violation]:
    if uses_per_student is not None:
        yield from amount_violations("uses_per_student", uses_per_student, 1, MAX_USES)


def _returns(form: TemplateForm) -> Iterator[Violation]:
    """Yield a threshold rule that does nothing: a gift is not sent back, so no part of it can be charged
    back."""
    is_charged = form.returns.broken_threshold is BrokenThreshold.CHARGE_BACK
    if is_charged and isinstance(form.discount, Gift):
        yield Violation("returns.broken_threshold", "does_nothing")


def _scope(scope: Scope) -> Iterator[Violation]:
    for field, ids in (
        ("scope.courses", scope.courses),
        ("scope.packages", scope.packages),
        ("scope.except_courses", scope.except_courses),
        ("scope.except_packages", scope.except_packages),
    ):
        if len(ids) > MAX_SCOPE_IDS:
            yield Violation(field, "too_many")
        bad = (violation for name in sorted(ids) for violation in _text(field, name, 1, MAX_ID))
        yield from islice(bad, 1)  # one violation for each list is enough
    if _excepts_itself(scope):
        yield Violation("scope", "saves_nothing")


def _excepts_itself(scope: Scope) -> bool:
    """Return whether the scope names courses or packages and excepts each of them, so that no line is in
    it."""
    # A scope without names is every course, which no list can except.
    is_limited = bool(scope.courses or scope.packages)
    is_excepted = scope.courses <= scope.except_courses and scope.packages <= scope.except_packages
    return is_limited and is_excepted


def _deducts(form: TemplateForm) -> Iterator[Violation]:
    """Yield a discount that saves nothing: free pieces are pieces of goods. Other kinds of lines besides
    goods do no harm."""
    if isinstance(form.discount, ItemsFree) and Deducts.GOODS not in form.deducts:
        yield Violation("deducts", "saves_nothing")


def _validity(validity: Validity) -> Iterator[Violation]:
    match validity:
        case FixedValidity(from_at, until_at):
            yield from amount_violations("validity.from", from_at, 0, MAX_INSTANT)
            yield from amount_violations("validity.until", until_at, 0, MAX_INSTANT)
            if from_at >= until_at:
                yield Violation("validity.until", "empty_window")
        case RelativeValidity(seconds, _, wait_seconds):
            yield from amount_violations("validity.seconds", seconds, 1, MAX_RELATIVE_SECONDS)
            yield from amount_violations("validity.wait_seconds", wait_seconds, 0, MAX_WAIT_SECONDS)
        case _:
            assert_never(validity)


def _style(style: Mapping[str, str]) -> Iterator[Violation]:
    for key, value in style.items():
        match key:
            case "colour":
                if not _COLOUR.fullmatch(value):
                    yield Violation("style.colour", "not_a_colour")
            case "image":
                yield from _url("style.image", value)
            case _:
                yield Violation("style", "unknown")


def _url(field: str, value: str | None) -> Iterator[Violation]:
    if value is None:
        return
    if len(value) > MAX_URL:
        yield Violation(field, "too_long")
    elif _NOT_STORABLE.search(value):
        yield Violation(field, "bad_character")
    elif (fault := url_fault(value)) is not None:
        yield Violation(field, fault)
