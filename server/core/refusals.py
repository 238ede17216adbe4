"""Refusals: every way to say no, once, with its code and the facts that go with it.

A refusal is a value that a flow returns and not an exception: nothing is broken when stock is short. The
API turns it into `application/problem+json` (api/http/problems.py has the status of each code), and the
SDKs have its text in Chinese and English. Claims have outcomes of their own (core/drops/claims.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Code(StrEnum):
    """The codes, stable words that clients compare with."""

    TOKEN_MISSING = "token_missing"
    TOKEN_INVALID = "token_invalid"
    TOKEN_EXPIRED = "token_expired"
    WRONG_ROLE = "wrong_role"
    WRONG_ROOM = "wrong_room"
    TICKET_INVALID = "ticket_invalid"
    TICKET_EXPIRED = "ticket_expired"
    NOT_FOUND = "not_found"
    STOCK_SHORT = "stock_short"
    LIMIT_REACHED = "limit_reached"
    BLOCKED = "blocked"
    INSTRUCTOR_STOPPED = "instructor_stopped"
    COUPON_LOCKED = "coupon_locked"
    COUPON_UNUSABLE = "coupon_unusable"
    TOTAL_CHANGED = "total_changed"
    IN_PROGRESS = "in_progress"
    IDEMPOTENCY_MISMATCH = "idempotency_mismatch"
    WRONG_STATE = "wrong_state"
    REFUND_TOO_LARGE = "refund_too_large"
    SUPPORT_LIMIT = "support_limit"
    TOO_MANY = "too_many"
    PRICE_RULE = "price_rule"
    TOO_LARGE = "too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    INVALID_FIELD = "invalid_field"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    WRONG_METHOD = "wrong_method"
    INTERNAL = "internal"  # a bug of ours; the caller can only report it


@dataclass(frozen=True, slots=True)
class Refused:
    """One refusal. `facts` is what the caller needs to act on it, in the names of the contract: `available`
    for stock_short, `limit` for limit_reached, `coupons` for a redemption, `errors` for invalid_field,
    `retry_after_s`."""

    code: Code
    detail: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)


def invalid_field(name: str, code: str, detail: str = "") -> Refused:
    """Return a refusal of one field; `name` is its path in the request's body (`discount.percent`)."""
    return Refused(
        Code.INVALID_FIELD, detail or f"{name}: {code}", {"errors": [{"field": name, "code": code}]}
    )
