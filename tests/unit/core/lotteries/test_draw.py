"""Draws: by the seed alone, by the odds, and as often as the odds say."""

import hashlib
import hmac
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.lotteries.draw import commitment_of, number_of, place_of
from server.core.lotteries.lotteries import PPM

SEED = bytes(range(32))
ODDS = (10, 990, 9_000, 90_000, 400_000, 500_000)
# Of the chi-square distribution with 5 degrees of freedom: 1 of 1,000 fair draws is beyond it.
CRITICAL = 20.515


def test_a_number_is_the_hmac_modulo_a_million() -> None:
    word = hmac.new(SEED, b"lot_1|ann|3", hashlib.sha256).digest()[:8]
    assert number_of(SEED, "lot_1", "ann", 3) == int.from_bytes(word) % PPM
    assert commitment_of(SEED) == hashlib.sha256(SEED).hexdigest()


def test_a_word_that_would_favour_the_first_prizes_is_drawn_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = {b"lot_1|ann|1": 2**64 - 1, b"lot_1|ann|1|1": 2**64 - 2, b"lot_1|ann|1|2": 7}
    monkeypatch.setattr(
        hmac, "digest", lambda _key, message, _hash: words[message].to_bytes(8) + b"rest"
    )
    assert number_of(SEED, "lot_1", "ann", 1) == 7


def test_a_million_spins_fall_as_the_odds_say() -> None:
    """Chi-square, p > 0.001. The seed is fixed: the test says the same every time."""
    key, expected = random.Random(20_260_301).randbytes(32), ODDS
    counted = Counter(
        place_of(ODDS, number_of(key, "lot_1", f"s{student}", n))
        for student in range(100_000)
        for n in range(1, 11)
    )
    chi_square = sum((counted[place] - ppm) ** 2 / ppm for place, ppm in enumerate(expected))
    assert chi_square < CRITICAL


def test_control_modulo_of_few_bits_does_not_fall_as_the_odds_say() -> None:
    """The same figure notices a draw of 2^21 values, of which the first 97,152 come three times."""
    source = random.Random(1)
    counted = Counter(place_of(ODDS, source.getrandbits(21) % PPM) for _ in range(100_000))
    chi_square = sum((counted[place] - ppm / 10) ** 2 / ppm * 10 for place, ppm in enumerate(ODDS))
    assert chi_square > CRITICAL


@given(st.lists(st.integers(1, 1_000), min_size=1, max_size=20))
def test_each_prize_has_as_many_numbers_as_its_odds(odds: list[int]) -> None:
    counted = Counter(place_of(odds, number) for number in range(sum(odds)))
    assert [counted[place] for place in range(len(odds))] == odds


def test_a_number_beyond_the_odds_is_an_error() -> None:
    with pytest.raises(ValueError, match="beyond the odds"):
        place_of([1, 2], 3)
