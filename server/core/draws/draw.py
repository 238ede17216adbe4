"""The draw: who wins, as a pure function of a committed seed and a sealed list of entries.

Used by the flows of draws. Both SDKs have the same rules once more, so that nobody needs this server to check
a draw; `client_sdk/vectors.json` has cases for all three. Knows nothing of drops, students or stores.

Why these steps are sound, and against whom, is in decision 0052.
"""

import hmac
from collections.abc import Iterator
from hashlib import sha256

_NUMBERS = 1 << 64  # a number is the first 8 bytes of an HMAC


def key_of(seed: bytes, root: bytes, drop_id: str, beacon: bytes = b"") -> bytes:
    """Return the key of the draw. `root` is the Merkle root over all entries, `beacon` the bytes of a public
    beacon's round after the close, empty where there is none."""
    return sha256(seed + root + beacon + drop_id.encode()).digest()


def numbers(key: bytes) -> Iterator[int]:
    """Yield the numbers of the draw without end, each below 2^64."""
    counter = 0
    while True:
        yield int.from_bytes(hmac.digest(key, counter.to_bytes(8), "sha256")[:8])
        counter += 1


def order_of(key: bytes, count: int) -> list[int]:
    """Return the indexes 0..count-1 in the order of the draw: a shuffle by Fisher and Yates, forwards.

    The first are the winners, as many as there are units; the rest are the reserve. A larger number of units
    keeps the earlier places. 100,000 entries take 0.2 s: call it in a thread.
    """
    order = list(range(count))
    source = numbers(key)
    for place in range(count - 1):
        at = place + _below(source, count - place)
        order[place], order[at] = order[at], order[place]
    return order


def _below(source: Iterator[int], choices: int) -> int:
    """Return one of `choices` numbers, each equally likely: the last, incomplete round of 2^64 is skipped."""
    limit = _NUMBERS - _NUMBERS % choices
    return next(number for number in source if number < limit) % choices
