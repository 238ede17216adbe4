"""The table of discount kinds: the word that each has in JSON, its dataclass, and when it is applied.

The order of application (core/checkout/quoting/stacking.py), reading and writing JSON
(server/contract_json.py) and the table in REFERENCE.md are made from it.
tests/contract/test_discount_kinds.py compares it with the union `Discount`, the API's models and both SDKs,
so that a new kind cannot be forgotten in one of them.
"""

from dataclasses import dataclass
from typing import Final

from server.core.promotions.templates import (
    AmountOff,
    Discount,
    Gift,
    ItemsFree,
    PercentOff,
    Rebate,
)

_RUNNING_AMOUNTS: Final = "the lines as the coupons before it left them"
_BY_SETTING: Final = f"{_RUNNING_AMOUNTS} (`original`: as ordered)"


@dataclass(frozen=True, slots=True)
class DiscountKind:
    """`word` is the JSON member `kind`. `is_reduction`: it lowers the price, in its turn within the stacking
    class of its template; kinds that lower no price are applied after all classes. `computed_on` is text for
    REFERENCE.md."""

    word: str
    shape: type[Discount]
    is_reduction: bool
    computed_on: str


# In the order of application. Free pieces and fixed amounts come before percentages: a percentage is then
# taken of what is left, so that the school gives less.
DISCOUNT_KINDS: Final = (
    DiscountKind("items_free", ItemsFree, True, _BY_SETTING),
    DiscountKind("amount_off", AmountOff, True, _RUNNING_AMOUNTS),
    DiscountKind("percent_off", PercentOff, True, _BY_SETTING),
    DiscountKind("gift", Gift, False, "nothing: it adds its line at 0"),
    DiscountKind("rebate", Rebate, False, "what is paid in the end"),
)
