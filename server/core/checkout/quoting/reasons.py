"""The reasons why a coupon cannot be used on an order, one word for each.

Given by `eligibility`, `stacking` and `quotes`; sent with a quote and with a refused lock. The SDKs have
their texts in both languages.
"""

from enum import StrEnum


class Reason(StrEnum):
    """A reason why not. `unknown` is the same for a code that does not exist and for the code of another
    student: with two words, guessing would reveal which codes exist."""

    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    LOCKED = "locked"
    REDEEMED = "redeemed"
    RELEASED = "released"
    REVOKED = "revoked"
    STOPPED = "stopped"
    LIMIT_REACHED = "limit_reached"
    BELOW_THRESHOLD = "below_threshold"
    OUT_OF_SCOPE = "out_of_scope"
    WRONG_CURRENCY = "wrong_currency"
    SAVES_NOTHING = "saves_nothing"
    NOT_COMBINABLE = "not_combinable"
    TOO_MANY = "too_many"
    UNKNOWN = "unknown"
