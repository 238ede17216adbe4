"""The stock of a drop: its parts add up, or the difference says by how many units they do not."""

import pytest

from server.core.drops.stock import Stock, total


@pytest.mark.parametrize(
    ("stock", "difference"),
    [
        (Stock(), 0),
        (Stock(500, free=310, held=180, redeemed=10), 0),
        (Stock(500, held=200, redeemed=100, returned=200), 0),
        (Stock(500, free=499), 1),
        (Stock(500, free=400, held=100, redeemed=2), -2),
    ],
)
def test_units_that_are_nowhere_or_in_two_places_are_the_difference(
    stock: Stock, difference: int
) -> None:
    assert stock.difference == difference


def test_sums_go_part_by_part() -> None:
    assert total([Stock(10, 1, 2, 3, 4), Stock(20, 5, 5, 5, 5)]) == Stock(30, 6, 7, 8, 9)
    assert total([]) == Stock()
