"""Coupon codes: what is printed on a coupon and typed at a checkout.

Made by the worker when a claim is confirmed; read back by quotes and redemptions. A code is a
prefix of the channel, 13 random symbols and one that checks them: `LIVE-7KQM-3XNA-PV9R-T2`.
Whether a code exists is the ledger's to say.

What people type for what they read is forgiven (decision 0020). Behind the prefix no 0 O 1 I L is ever
printed: who types one has misread some other symbol, and the check says which, as long as it is the only
one. A prefix is a word and may have them: there they stand for each other.
"""

import re
import unicodedata
from collections.abc import Iterable
from itertools import product
from math import prod
from typing import Final

from server.core.promotions.code_prefixes import is_prefix

# Without 0 O 1 I L, which look alike; 31 is prime, which is what makes the check work.
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
_FORGIVEN = re.compile(r"[^A-Z0-9]")
_LOOK_ALIKES: Final = {symbol: group for group in ("0O", "1IL") for symbol in group}
_MOST_SPELLINGS = 81  # four of I, 1, L; a prefix that has more is taken as it was typed


def make(entropy: bytes, prefix: str = "") -> str:
    """The code of these 8 random bytes: other bytes, another code. ValueError where there are not
    8, or the prefix is none.
    """
    if len(entropy) != ENTROPY_BYTES or not is_prefix(prefix):
        raise ValueError("a code is made of 8 bytes and a prefix of capitals and digits")
    number, weighed = int.from_bytes(entropy), 0
    pairs = []
    # As _weighed does, in one pass and two symbols at a time: a drop makes thousands in a second.
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
    """What was typed as it is stored: any case, full-width letters, spaces and dashes anywhere, and one
    look-alike behind the prefix.
    """
    symbols = _FORGIVEN.sub("", unicodedata.normalize("NFKC", typed).upper())
    return _grouped(symbols[:-_BODY_SYMBOLS], _mended(symbols[-_BODY_SYMBOLS:]))


def spellings(typed: str) -> tuple[str, ...]:
    """What is to be looked for: the code as `normalise` has it, then with the look-alikes of its prefix
    the other ways round. How many there are depends on what was typed, not on what there is.
    """
    symbols = normalise(typed).replace("-", "")
    prefix, body = symbols[:-_BODY_SYMBOLS], symbols[-_BODY_SYMBOLS:]
    ways = [_LOOK_ALIKES.get(symbol, symbol) for symbol in prefix]
    if prod(map(len, ways)) > _MOST_SPELLINGS:
        return (_grouped(prefix, body),)
    others = (_grouped("".join(each), body) for each in product(*ways))
    return tuple(dict.fromkeys([_grouped(prefix, body), *others]))


def spellings_of_all(typed: Iterable[str]) -> set[str]:
    """What is to be looked for where several were typed."""
    return {spelling for each in typed for spelling in spellings(each)}


def _mended(body: str) -> str:
    """With the one look-alike in it replaced by the only symbol that satisfies the check."""
    strange = [at for at, symbol in enumerate(body) if symbol not in _VALUES]
    if len(body) < _BODY_SYMBOLS or len(strange) != 1 or body[strange[0]] not in _LOOK_ALIKES:
        return body
    at = strange[0]
    others = _weighed([_VALUES.get(symbol, 0) for symbol in body])
    symbol = ALPHABET[-others * pow(at + 1, -1, len(ALPHABET)) % len(ALPHABET)]
    return body[:at] + symbol + body[at + 1 :]


def _weighed(values: list[int]) -> int:
    """Weights 1..14 modulo 31. None is 0, so one wrong symbol shifts the sum; neighbours differ
    by 1, so swapping two unlike symbols shifts it too.
    """
    return sum(weight * value for weight, value in enumerate(values, 1)) % len(ALPHABET)


def _grouped(prefix: str, body: str) -> str:
    groups = [body[start : start + _GROUP] for start in range(0, len(body), _GROUP)]
    return "-".join([prefix, *groups] if prefix else groups)
