from hypothesis import given
from hypothesis import strategies as st

from server.core.checkout.orders import MAX_LINES
from server.core.money import DECIMALS, MAX_MINOR, half_up


def test_currencies_have_their_own_number_of_decimals() -> None:
    assert (DECIMALS["JPY"], DECIMALS["CNY"], DECIMALS["KWD"]) == (0, 2, 3)


def test_every_currency_is_three_capitals() -> None:
    assert all(len(code) == 3 and code.isalpha() and code.isupper() for code in DECIMALS)


def test_the_largest_order_stays_within_the_integers_of_javascript() -> None:
    assert MAX_MINOR * MAX_LINES < 2**53


def test_a_half_is_rounded_up() -> None:
    assert [half_up(n, 2) for n in (0, 1, 2, 3)] == [0, 1, 1, 2]


@given(st.integers(0, 10**20), st.integers(1, 10**20))
def test_rounding_is_off_by_a_half_at_most(numerator: int, denominator: int) -> None:
    rounded = half_up(numerator, denominator)
    assert -denominator < 2 * (numerator - rounded * denominator) < denominator or (
        2 * (rounded * denominator - numerator) == denominator
    )
