"""Promise I7, first half: line shares add up to the discount, each between 0 and its line."""

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.checkout.apportionment import line_shares
from server.core.checkout.money_rules import Apportionment
from server.core.money import MAX_MINOR

AMOUNTS = st.lists(st.integers(0, MAX_MINOR) | st.integers(0, 5), min_size=1, max_size=100)


@st.composite
def discounted(draw: st.DrawFn) -> tuple[int, list[int]]:
    amounts = draw(AMOUNTS)
    return draw(st.integers(0, sum(amounts))), amounts


@pytest.mark.parametrize(
    ("discount", "amounts", "expected"),
    [
        (1000, [5000, 3000, 3000], [455, 273, 272]),
        (2, [1000, 1000, 1000, 1000], [1, 1, 0, 0]),
        (2, [1, 1, 1, 1], [1, 1, 0, 0]),
        (10, [3, 3, 4], [3, 3, 4]),
        (1, [1000, 0], [1, 0]),
        (0, [5, 5], [0, 0]),
        (0, [0, 0], [0, 0]),
        (0, [], []),
    ],
)
def test_shares_of_known_orders(discount: int, amounts: list[int], expected: list[int]) -> None:
    assert line_shares(discount, amounts) == expected


def test_what_rounding_left_over_goes_to_the_last_line_that_has_room() -> None:
    # Thirds of 100 round down to 33 each; the one that is left goes to the last.
    assert line_shares(100, [1000, 1000, 1000]) == [33, 33, 34]


def test_a_line_without_weight_gets_none_of_the_remainder() -> None:
    assert line_shares(100, [1000, 1000, 1000, 0]) == [33, 33, 34, 0]


@given(discounted())
def test_shares_add_up_to_the_discount(case: tuple[int, list[int]]) -> None:
    discount, amounts = case
    assert sum(line_shares(discount, amounts)) == discount


@given(discounted())
def test_every_share_lies_between_nothing_and_its_line(case: tuple[int, list[int]]) -> None:
    discount, amounts = case
    assert all(
        0 <= share <= amount
        for share, amount in zip(line_shares(discount, amounts), amounts, strict=True)
    )


@given(discounted())
def test_lines_refunded_in_any_order_never_give_back_more_than_was_paid(
    case: tuple[int, list[int]],
) -> None:
    discount, amounts = case
    paid = sum(amounts) - discount
    refunds = [a - s for a, s in zip(amounts, line_shares(discount, amounts), strict=True)]
    assert max(accumulate(reversed(refunds))) <= paid
    assert sum(refunds) == paid


@pytest.mark.parametrize(("discount", "amounts"), [(-1, [5]), (6, [5]), (1, [-1, 5])])
def test_a_discount_beyond_its_lines_raises(discount: int, amounts: list[int]) -> None:
    with pytest.raises(ValueError, match="between 0"):
        line_shares(discount, amounts)


@st.composite
def with_rooms(draw: st.DrawFn) -> tuple[int, list[int], list[int]]:
    amounts = draw(AMOUNTS)
    rooms = [draw(st.integers(0, amount)) for amount in amounts]
    return draw(st.integers(0, sum(rooms))), amounts, rooms


@given(with_rooms(), st.sampled_from(Apportionment))
def test_no_share_is_more_than_its_room_however_the_rest_is_given(
    case: tuple[int, list[int], list[int]], method: Apportionment
) -> None:
    discount, amounts, rooms = case
    parts = line_shares(discount, amounts, rooms, method)
    assert sum(parts) == discount
    assert all(0 <= part <= room for part, room in zip(parts, rooms, strict=True))


@given(discounted())
def test_the_largest_remainder_is_never_a_whole_fen_from_the_exact_part(
    case: tuple[int, list[int]],
) -> None:
    discount, amounts = case
    parts = line_shares(discount, amounts, method=Apportionment.LARGEST_REMAINDER)
    assert sum(parts) == discount
    whole = sum(amounts)
    assert all(
        abs(part * whole - discount * amount) < max(whole, 1)
        for part, amount in zip(parts, amounts, strict=True)
    )


def test_the_largest_remainder_gives_the_odd_fen_to_the_line_that_lost_most() -> None:
    parts = line_shares(1000, [5000, 3000, 3000], method=Apportionment.LARGEST_REMAINDER)
    assert parts == [454, 273, 273]


def test_a_line_that_is_full_leaves_its_rest_to_the_others() -> None:
    assert line_shares(400, [1000, 1000, 2000], [50, 1000, 2000]) == [50, 117, 233]


def test_a_line_whose_part_is_just_its_limit_takes_its_turn() -> None:
    assert line_shares(2, [1, 1, 2], [1, 1, 1]) == [1, 1, 0]


def test_a_remainder_goes_past_a_last_line_that_is_full() -> None:
    assert line_shares(2, [0, 1], [1, 1]) == [1, 1]


def test_a_discount_that_no_weight_asks_for_goes_to_the_last_with_room() -> None:
    assert line_shares(3, [0, 0], [2, 2]) == [1, 2]
