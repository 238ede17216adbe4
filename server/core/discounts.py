"""What a coupon can take off at most.

Asked by campaigns, whose money is set aside before anybody has used a coupon.
"""

from typing import assert_never

from server.core.templates import AmountOff, Discount, Gift, ItemsFree, PercentOff, Rebate


def greatest_discount(discount: Discount) -> int | None:
    """What one coupon costs its school at most, in minor units of its currency: a gift by its list price, a
    rebate by what it credits. None where nothing bounds it: a percentage without `max_amount`, free pieces.
    """
    match discount:
        case AmountOff(amount):
            return amount
        case PercentOff(_, max_amount):
            return max_amount
        case ItemsFree():
            return None
        case Gift(_, list_price, quantity):
            return list_price * quantity
        case Rebate(credit):
            return greatest_discount(credit)
        case _:
            assert_never(discount)
