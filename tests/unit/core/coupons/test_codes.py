from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.coupons import codes

ENTROPY = st.binary(min_size=codes.ENTROPY_BYTES, max_size=codes.ENTROPY_BYTES)
PREFIX = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", max_size=12)
BODY = range(-14, 0)


def test_the_alphabet_has_31_symbols_and_no_look_alikes() -> None:
    assert len(set(codes.ALPHABET)) == 31
    assert set(codes.ALPHABET).isdisjoint("0O1IL")


def test_a_code_is_grouped_for_reading_behind_its_channel() -> None:
    code = codes.make(bytes(8), "LIVE")
    assert [len(group) for group in code.split("-")] == [4, 4, 4, 4, 2]
    assert code.startswith("LIVE-")


def test_a_code_without_a_channel_begins_with_its_symbols() -> None:
    assert [len(group) for group in codes.make(bytes(8)).split("-")] == [4, 4, 4, 2]


@given(ENTROPY, PREFIX)
def test_every_code_made_fits_its_column(entropy: bytes, prefix: str) -> None:
    code = codes.make(entropy, prefix)
    assert len(code) <= 40


@given(ENTROPY, ENTROPY)
def test_other_bytes_make_another_code(first: bytes, second: bytes) -> None:
    assert (codes.make(first) == codes.make(second)) == (first == second)


@given(ENTROPY, PREFIX)
def test_a_code_is_normalised_to_itself(entropy: bytes, prefix: str) -> None:
    code = codes.make(entropy, prefix)
    assert codes.normalise(code) == code


@pytest.mark.parametrize(
    "spoil",
    [
        str.lower,
        lambda code: code.replace("-", ""),
        lambda code: f"  {code.replace('-', ' ')}\n",
        lambda code: code.replace("-", "—"),
        lambda code: "".join(chr(ord(c) + 0xFEE0) if c != "-" else "－" for c in code),
    ],
    ids=["lower case", "no dashes", "spaces", "long dashes", "full width"],
)
def test_typing_is_forgiven(spoil: Callable[[str], str]) -> None:
    code = codes.make(b"\x07" * 8, "LIVE")
    assert codes.normalise(spoil(code)) == code


@pytest.mark.parametrize(
    ("typed", "is_corrected"), [({2: "O"}, True), ({2: "O", 5: "1"}, False), ({2: "Ä"}, False)]
)
def test_one_look_alike_in_a_code_is_corrected(typed: dict[int, str], is_corrected: bool) -> None:
    code = codes.make(b"\x07" * 8)
    symbols = dict(enumerate(code.replace("-", ""))) | typed
    assert (codes.normalise("".join(symbols.values())) == code) is is_corrected


@given(ENTROPY, PREFIX, st.sampled_from(BODY), st.sampled_from("0O1IL"))
def test_one_look_alike_is_read_as_what_was_printed(
    entropy: bytes, prefix: str, at: int, symbol: str
) -> None:
    """Only one symbol satisfies the check, whichever was misread."""
    code = codes.make(entropy, prefix)
    symbols = list(code.replace("-", ""))
    symbols[at] = symbol
    assert codes.normalise("".join(symbols)) == code


@given(ENTROPY, st.lists(st.sampled_from(BODY), min_size=2, max_size=5, unique=True))
def test_more_than_one_look_alike_is_left_as_it_was_typed(
    entropy: bytes, places: list[int]
) -> None:
    symbols = list(codes.make(entropy).replace("-", ""))
    for at in places:
        symbols[at] = "O"
    assert codes.normalise("".join(symbols)).count("O") == len(places)


@pytest.mark.parametrize("typed", ["11ve2026", "IIVE2O26", "live-2026", "LiV E2o26"])
def test_the_look_alikes_of_a_prefix_stand_for_each_other(typed: str) -> None:
    code = codes.make(b"\x07" * 8, "LIVE2026")
    assert code in codes.spellings(typed + code.removeprefix("LIVE2026"))


@given(ENTROPY, PREFIX)
def test_what_is_looked_for_is_bounded_and_begins_with_what_was_typed(
    entropy: bytes, prefix: str
) -> None:
    code = codes.make(entropy, prefix)
    found = codes.spellings(code)
    assert found[0] == code
    assert len(found) == len(set(found)) <= 81


def test_four_look_alikes_of_a_prefix_are_the_most_that_are_looked_for() -> None:
    assert len(codes.spellings(codes.make(bytes(8), "ILL1"))) == 81


def test_a_prefix_of_nothing_but_look_alikes_is_taken_as_it_is() -> None:
    code = codes.make(bytes(8), "ILOVEILLINOI")
    assert codes.spellings(code) == (code,)


def test_there_are_at_least_sixty_random_bits_in_a_code() -> None:
    assert len(codes.ALPHABET) ** 13 > 2**64 >= 2 ** (8 * codes.ENTROPY_BYTES) > 2**60


@pytest.mark.parametrize(
    ("entropy", "prefix"), [(b"short", ""), (bytes(8), "live"), (bytes(9), "")]
)
def test_a_code_needs_eight_bytes_and_a_proper_prefix(entropy: bytes, prefix: str) -> None:
    with pytest.raises(ValueError, match="8 bytes"):
        codes.make(entropy, prefix)


def test_several_are_looked_for_at_once() -> None:
    one, two = codes.make(bytes(8), "L0VE"), codes.make(bytes([1] * 8))
    assert codes.spellings_of_all([one, two]) == {*codes.spellings(one), *codes.spellings(two)}
    assert codes.spellings_of_all([]) == set()
