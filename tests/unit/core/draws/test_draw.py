"""The draw: the rules word for word, fair, and caught wherever somebody touches it."""

import hmac
from collections import Counter
from hashlib import sha256
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.draws.draw import _below, key_of, numbers, order_of
from server.core.draws.entries import Entry, leaf_of
from server.core.drops.draw_cards import commitment_of

SEED, ROOT = bytes(range(32)), sha256(b"root").digest()
KEY = key_of(SEED, ROOT, "drp_1")


def test_the_commitment_is_the_hash_of_the_seed() -> None:
    assert commitment_of(SEED) == sha256(SEED).digest()


def test_the_key_mixes_seed_root_beacon_and_drop() -> None:
    assert (
        key_of(SEED, ROOT, "drp_1", b"beacon")
        == sha256(SEED + ROOT + b"beacon" + b"drp_1").digest()
    )
    others = {
        key_of(bytes(32), ROOT, "drp_1"),
        key_of(SEED, bytes(32), "drp_1"),
        key_of(SEED, ROOT, "drp_2"),
        key_of(SEED, ROOT, "drp_1", b"b"),
    }
    assert len(others | {KEY}) == 5


def test_numbers_are_the_first_bytes_of_a_keyed_hash_of_a_counter() -> None:
    expected = [
        int.from_bytes(hmac.new(KEY, n.to_bytes(8, "big"), sha256).digest()[:8], "big")
        for n in range(5)
    ]
    assert list(islice(numbers(KEY), 5)) == expected


def test_the_order_is_the_shuffle_as_the_contract_words_it() -> None:
    """The entry i + (number modulo (count - i)) comes to place i."""
    count, n = 40, 0
    expected = list(range(count))
    for i in range(count - 1):
        choices = count - i
        while True:
            number = int.from_bytes(hmac.new(KEY, n.to_bytes(8, "big"), sha256).digest()[:8], "big")
            n += 1
            if number < (2**64 // choices) * choices:
                break
        j = i + number % choices
        expected[i], expected[j] = expected[j], expected[i]
    assert order_of(KEY, count) == expected


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_entries_are_drawn_too(count: int) -> None:
    assert sorted(order_of(KEY, count)) == list(range(count))


@given(st.binary(min_size=32, max_size=32), st.integers(0, 200))
def test_everybody_has_one_place(key: bytes, count: int) -> None:
    assert sorted(order_of(key, count)) == list(range(count))


def test_a_number_of_the_incomplete_round_is_skipped() -> None:
    """2^64 is 1 modulo 3: the highest number would give the first choice a larger share."""
    assert _below(iter([2**64 - 1, 2**64 - 2]), 3) == (2**64 - 2) % 3
    assert _below(iter([2**64 - 1]), 2) == 1


def test_over_a_thousand_draws_every_entry_wins_equally_often() -> None:
    """Chi-square with 19 degrees of freedom: 43.8 is exceeded once in a thousand."""
    entries, units, draws = 20, 5, 1_000
    won = Counter[int]()
    for draw in range(draws):
        key = key_of(draw.to_bytes(32), ROOT, "drp_1")
        won.update(order_of(key, entries)[:units])
    expected = draws * units / entries
    chi_square = sum((won[entry] - expected) ** 2 / expected for entry in range(entries))
    # Without replacement within a draw the sum is smaller by (entries - units) / (entries - 1).
    assert chi_square * (entries - 1) / (entries - units) < 43.8


def test_over_a_thousand_draws_every_entry_comes_first_equally_often() -> None:
    first = Counter(order_of(key_of(n.to_bytes(32), ROOT, "drp_1"), 10)[0] for n in range(1_000))
    assert sum((first[entry] - 100) ** 2 / 100 for entry in range(10)) < 27.9


def test_the_receipt_has_the_parts_of_its_leaf() -> None:
    entry = Entry(7, "00ff00ff00ff00ff", "r1", 1_772_355_600_250, "ab" * 16)
    receipt = entry.receipt("drp_1")
    names = ("drop_id", "pseudonym", "request_id", "entered_at", "client_random")
    text = "|".join(str(receipt[name]) for name in names)

    assert receipt["entered_at"] == "2026-03-01T09:00:00.250Z"
    assert receipt["leaf"] == sha256(b"\x00" + text.encode()).hexdigest()
    assert leaf_of(*(str(receipt[name]) for name in names)).hex() == receipt["leaf"]
    assert receipt["index"] == 7
