"""Apportionment: how a discount is divided over the lines of an order, exact to the last minor unit.

Called by discounts, balances and paid_orders. Line shares are frozen with the redemption, and refunds read
them (promise I7).
"""

from collections.abc import Sequence

from server.core.checkout.money_rules import Apportionment
from server.core.money import half_up


def line_shares(
    discount: int,
    weights: Sequence[int],
    limits: Sequence[int] | None = None,
    method: Apportionment = Apportionment.REMAINDER_LAST,
) -> list[int]:
    """Return the share of each line, in the order of the lines.

    A share is the line's part of the discount by its weight, and never more than the line's limit; together
    the shares are exactly the discount. The limits are the weights unless they are given. A line whose part
    would exceed its limit gets its limit, and the other lines divide the rest in the same way.

    Weights 5000/3000/3000 with a discount of 1000 give 455/273/272 with REMAINDER_LAST and 454/273/273 with
    LARGEST_REMAINDER. Four lines of 1000 with a discount of 2 give 1/1/0/0.

    Raises ValueError if a weight or limit is negative, or if the discount is not between 0 and the sum of
    the limits.
    """
    limits = weights if limits is None else limits
    if min((*weights, *limits), default=0) < 0 or not 0 <= discount <= sum(limits):
        raise ValueError("a discount must lie between 0 and the sum of its lines")
    given = [0] * len(weights)
    open_lines = _fill_what_overflows(discount, weights, limits, given)
    left = discount - sum(given)
    whole = sum(weights[line] for line in open_lines)
    if whole and method is Apportionment.LARGEST_REMAINDER:
        left = _largest_remainder(left, whole, weights, open_lines, given)
    elif whole:
        left = _in_line_order(left, whole, weights, open_lines, given)
    # The remainder of rounding, or all of the discount if no line has weight.
    _give_to_the_last(left, limits, given)
    return given


def _fill_what_overflows(
    discount: int, weights: Sequence[int], limits: Sequence[int], given: list[int]
) -> list[int]:
    """Give full lines their limit, and return the lines that are not full. A full line leaves more to the
    others, so these are checked again until none overflows."""
    # A line without weight has no part; it may get a remainder at the end.
    open_lines = [line for line, weight in enumerate(weights) if weight]
    left, whole = discount, sum(weights)
    while True:
        # left * weight / whole > limit, without a division: integers stay exact.
        full = [line for line in open_lines if left * weights[line] > limits[line] * whole]
        if not full:
            return open_lines
        for line in full:
            given[line] = limits[line]
        left -= sum(limits[line] for line in full)
        whole -= sum(weights[line] for line in full)
        open_lines = [line for line in open_lines if line not in full]


def _in_line_order(
    discount: int, whole: int, weights: Sequence[int], lines: Sequence[int], given: list[int]
) -> int:
    """Round each part half up, but give no more than is left. Return what is left after the last line."""
    left = discount
    for line in lines:
        # Rounding up line after line may ask for more than there is; the last lines then get less.
        given[line] = min(half_up(discount * weights[line], whole), left)
        left -= given[line]
    return left


def _largest_remainder(
    discount: int, whole: int, weights: Sequence[int], lines: Sequence[int], given: list[int]
) -> int:
    """Round each part down, then give one more to the lines that lost most by it; of equal remainders the
    first line is first. Return what is left: always 0."""
    remainders = {}
    for line in lines:
        given[line], remainders[line] = divmod(discount * weights[line], whole)
    left = discount - sum(given[line] for line in lines)
    # sorted() is stable, so the first of equal remainders comes first.
    for line in sorted(remainders, key=remainders.__getitem__, reverse=True)[:left]:
        given[line] += 1
    return 0


def _give_to_the_last(left: int, limits: Sequence[int], given: list[int]) -> None:
    """Give what rounding left over, from the last line backwards."""
    for line in reversed(range(len(given))):
        if not left:
            return
        more = min(left, limits[line] - given[line])
        given[line] += more
        left -= more
