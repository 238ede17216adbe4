"""Why a coupon cannot be used on an order: one word for each.

Given by `scopes`, `stacking` and `quotes`, told by the quote and by a refused lock; the SDKs have their
texts in both languages.
"""

from enum import StrEnum


class Reason(StrEnum):
    """`unknown` is one answer for codes that do not exist and codes of others, or guessing would find
    out which do.
    """

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
