"""The school's own choices about money. Schools disagree on each of them, so each is a field.

Made by the composition root from the settings; read by `apportionment`, `discounts` and `stacking`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Apportionment(StrEnum):
    """The lines that get the minor units that rounding leaves over: the last lines, or the lines that lost
    most by rounding down."""

    REMAINDER_LAST = "remainder_last"
    LARGEST_REMAINDER = "largest_remainder"


class DiscountBase(StrEnum):
    """The amounts that a later coupon's percentage is taken of: what the coupons before it left, or what
    the lines cost without any coupon."""

    RUNNING = "running"
    ORIGINAL = "original"


@dataclass(frozen=True, slots=True)
class MoneyRules:
    apportionment: Apportionment = Apportionment.REMAINDER_LAST
    base: DiscountBase = DiscountBase.RUNNING


USUAL_RULES: Final = MoneyRules()
