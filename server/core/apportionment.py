"""Splits a discount over the lines of an order, to the last fen.

Called by quotes. The shares are frozen with the redemption and refunds read them (promise I7).
"""

from collections.abc import Sequence

from server.core.money import half_up


def shares(discount: int, amounts: Sequence[int]) -> list[int]:
    """The share of each line, in line order: its part of the whole rounded half up, never above the
    line nor above what is still to give; what rounding left over goes to the last lines first.

    5000/3000/3000 with 1000 gives 455/273/272; four lines of 1000 with 2 give 1/1/0/0. Needs
    amounts of at least 0 and a discount between 0 and their sum, or raises ValueError.
    """
    whole = sum(amounts)
    if min(amounts, default=0) < 0 or not 0 <= discount <= whole:
        raise ValueError("a discount lies between 0 and the sum of its lines")
    given: list[int] = []
    left = discount
    for amount in amounts:
        share = min(half_up(discount * amount, whole), amount, left) if whole else 0
        given.append(share)
        left -= share
    for line in reversed(range(len(amounts))):
        more = min(left, amounts[line] - given[line])
        given[line] += more
        left -= more
    return given
