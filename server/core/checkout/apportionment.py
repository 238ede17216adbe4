"""Splits a discount over the lines of an order, to the last fen.

Called by discounts. The shares are frozen with the redemption and refunds read them (promise I7).
"""

from collections.abc import Sequence

from server.core.checkout.money_rules import Apportionment
from server.core.money import half_up


def line_shares(
    discount: int,
    weights: Sequence[int],
    rooms: Sequence[int] | None = None,
    method: Apportionment = Apportionment.REMAINDER_LAST,
) -> list[int]:
    """The share of each line, in line order: its weight's part of the whole, never more than its room,
    together exactly the discount. A line's room is its weight where nothing else is said; where a part
    would be more than the room, the line gets its room and the others share the rest as usual.

    5000/3000/3000 with 1000 gives 455/273/272 with the remainder last, 454/273/273 with the largest
    remainder; four lines of 1000 with 2 give 1/1/0/0. Needs weights and rooms of at least 0 and a
    discount between 0 and the sum of the rooms, or raises ValueError.
    """
    limits = weights if rooms is None else rooms
    if min((*weights, *limits), default=0) < 0 or not 0 <= discount <= sum(limits):
        raise ValueError("a discount lies between 0 and the sum of its lines")
    given = [0] * len(weights)
    open_lines = _fill_what_overflows(discount, weights, limits, given)
    left = discount - sum(given)
    whole = sum(weights[line] for line in open_lines)
    if whole and method is Apportionment.LARGEST_REMAINDER:
        left = _largest_remainder(left, whole, weights, open_lines, given)
    elif whole:
        left = _in_line_order(left, whole, weights, open_lines, given)
    _give_to_the_last(left, limits, given)
    return given


def _fill_what_overflows(
    discount: int, weights: Sequence[int], limits: Sequence[int], given: list[int]
) -> list[int]:
    """Fills the lines whose part would be more than they have room for; the lines that are left. One
    that is full leaves more to the others, so they are looked at again.
    """
    open_lines = [line for line, weight in enumerate(weights) if weight]
    left, whole = discount, sum(weights)
    while True:
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
    """Each part rounded half up, never above what is still to give; what is left after the last."""
    left = discount
    for line in lines:
        given[line] = min(half_up(discount * weights[line], whole), left)
        left -= given[line]
    return left


def _largest_remainder(
    discount: int, whole: int, weights: Sequence[int], lines: Sequence[int], given: list[int]
) -> int:
    """Each part rounded down, then one more for those that lost most by it, the first of equal ones
    first.
    """
    remainders = {}
    for line in lines:
        given[line], remainders[line] = divmod(discount * weights[line], whole)
    left = discount - sum(given[line] for line in lines)
    for line in sorted(remainders, key=remainders.__getitem__, reverse=True)[:left]:
        given[line] += 1
    return 0


def _give_to_the_last(left: int, limits: Sequence[int], given: list[int]) -> None:
    """What rounding left over, from the last line backwards."""
    for line in reversed(range(len(given))):
        if not left:
            return
        more = min(left, limits[line] - given[line])
        given[line] += more
        left -= more
