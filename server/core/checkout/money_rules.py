"""The school's own choices about money: where schools disagree, each is a field.

Made by the composition root from the settings, read by `apportionment`, `discounts` and `stacking`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Apportionment(StrEnum):
    """Where the fen that rounding leaves over go: to the last lines, or to the lines that lost most
    by rounding down.
    """

    REMAINDER_LAST = "remainder_last"
    LARGEST_REMAINDER = "largest_remainder"


class DiscountBase(StrEnum):
    """What a later coupon's percentage is taken of: what is left after the coupons before it, or what
    the lines cost without any.
    """

    RUNNING = "running"
    ORIGINAL = "original"


@dataclass(frozen=True, slots=True)
class MoneyRules:
    apportionment: Apportionment = Apportionment.REMAINDER_LAST
    base: DiscountBase = DiscountBase.RUNNING


USUAL_RULES: Final = MoneyRules()
