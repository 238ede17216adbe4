"""Coupon codes: what is printed on a coupon and typed at a checkout.

Made when a claim is confirmed or a code run goes on; read back by quotes and redemptions. A code is a
prefix of the batch, 13 random symbols and a check symbol: `LIVE-7KQM-3XNA-PV9R-T2`. The ledger decides
whether a code exists.

Typing errors are corrected where that is safe (decision 0020). The symbols behind the prefix never include
0 O 1 I L. A student who types one of these has misread some other symbol, and the check symbol tells which,
if it is the only one. A prefix is a word and may have them; there, each stands for its look-alikes.
"""

import re
import unicodedata
from collections.abc import Iterable
from itertools import product
from math import prod
from typing import Final

from server.core.promotions.code_prefixes import is_prefix

# Without 0 O 1 I L, which look alike. 31 is prime: only so has each weight an inverse, which the check needs.
ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
ENTROPY_BYTES: Final = 8  # 31**13 is just above 2**64

_BODY_SYMBOLS = 14  # 13 random ones and the check
_GROUP = 4
_VALUES = {symbol: value for value, symbol in enumerate(ALPHABET)}
# Two symbols at once: their text, the sum of their values, and the second's.
_PAIRS: Final = [
    (first + second, _VALUES[first] + _VALUES[second], _VALUES[second])
    for second in ALPHABET
    for first in ALPHABET
]
_INVERSE_OF_LAST_WEIGHT = pow(_BODY_SYMBOLS, -1, len(ALPHABET))
_IGNORED = re.compile(r"[^A-Z0-9]")
_LOOK_ALIKES: Final = {symbol: group for group in ("0O", "1IL") for symbol in group}
_MOST_SPELLINGS = 81  # four symbols of I, 1, L; a prefix with more is taken as typed


def make(entropy: bytes, prefix: str = "") -> str:
    """Return the code of these 8 random bytes; different bytes give different codes.

    Raises ValueError if there are not 8 bytes, or if the prefix is not one.
    """
    if len(entropy) != ENTROPY_BYTES or not is_prefix(prefix):
        raise ValueError("a code is made of 8 bytes and a prefix of up to 12 capitals and digits")
    number, weighed = int.from_bytes(entropy), 0
    pairs = []
    # The same sum as _weighed, in one pass and two symbols at a time: a drop makes thousands of codes a
    # second.
    for weight in range(1, _BODY_SYMBOLS - 2, 2):
        number, value = divmod(number, len(_PAIRS))
        symbols, both, second = _PAIRS[value]
        weighed += weight * both + second
        pairs.append(symbols)
    last = number % len(ALPHABET)
    check = -(weighed + (_BODY_SYMBOLS - 1) * last) * _INVERSE_OF_LAST_WEIGHT % len(ALPHABET)
    a, b, c, d, e, f = pairs
    body = f"{a}{b}-{c}{d}-{e}{f}-{ALPHABET[last]}{ALPHABET[check]}"  # as _grouped does
    return f"{prefix}-{body}" if prefix else body


def normalise(typed: str) -> str:
    """Return what was typed in the form in which codes are stored.

    Case, full-width letters, spaces and dashes do not matter, and one look-alike behind the prefix is
    corrected.
    """
    symbols = _IGNORED.sub("", unicodedata.normalize("NFKC", typed).upper())
    return _grouped(symbols[:-_BODY_SYMBOLS], _corrected(symbols[-_BODY_SYMBOLS:]))


def spellings(typed: str) -> tuple[str, ...]:
    """Return the codes to look for: the normalised one first, then those with the look-alikes of its prefix
    exchanged. Their number depends only on what was typed, so that it reveals nothing about existing codes.
    """
    symbols = normalise(typed).replace("-", "")
    prefix, body = symbols[:-_BODY_SYMBOLS], symbols[-_BODY_SYMBOLS:]
    ways = [_LOOK_ALIKES.get(symbol, symbol) for symbol in prefix]
    if prod(map(len, ways)) > _MOST_SPELLINGS:
        return (_grouped(prefix, body),)
    others = (_grouped("".join(each), body) for each in product(*ways))
    return tuple(dict.fromkeys([_grouped(prefix, body), *others]))


def spellings_of_all(typed: Iterable[str]) -> set[str]:
    """Return the codes to look for if several were typed."""
    return {spelling for each in typed for spelling in spellings(each)}


def _corrected(body: str) -> str:
    """Return the body with its one look-alike replaced by the only symbol that satisfies the check."""
    foreign = [at for at, symbol in enumerate(body) if symbol not in _VALUES]
    if len(body) < _BODY_SYMBOLS or len(foreign) != 1 or body[foreign[0]] not in _LOOK_ALIKES:
        return body
    at = foreign[0]
    others = _weighed([_VALUES.get(symbol, 0) for symbol in body])
    symbol = ALPHABET[-others * pow(at + 1, -1, len(ALPHABET)) % len(ALPHABET)]
    return body[:at] + symbol + body[at + 1 :]


def _weighed(values: list[int]) -> int:
    """Return the weighted sum of the values, modulo 31, which is 0 for a valid body.

    The weights are 1..14. No weight is 0 modulo 31, so one wrong symbol changes the sum; the weights of
    neighbours differ by 1, so swapping two different symbols changes it too.
    """
    return sum(weight * value for weight, value in enumerate(values, 1)) % len(ALPHABET)


def _grouped(prefix: str, body: str) -> str:
    groups = [body[start : start + _GROUP] for start in range(0, len(body), _GROUP)]
    return "-".join([prefix, *groups] if prefix else groups)
