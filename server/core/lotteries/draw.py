"""The draw of a lottery: a number by the seed of the day, and the prize to which it belongs.

Used by flows/lotteries/draw_spins.py; the SDKs have the same rules (`verify_spins`). Who knows the seed of a
day can compute every number of that day. The seed's SHA-256 is published before the day, and the seed itself
after it: nobody can choose a seed that suits a spin, and each student can compute their own spins again.
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from server.core.lotteries.lotteries import PPM

SEED_BYTES: Final = 32
_LIMIT: Final = 2**64 // PPM * PPM  # numbers from here on would favour the first prizes


def commitment_of(seed: bytes) -> str:
    """Return what is published of a seed before its day: its SHA-256, in hex."""
    return hashlib.sha256(seed).hexdigest()


def number_of(seed: bytes, lottery_id: str, student: str, n: int) -> int:
    """Return the number, 0 to 999,999, of a student's spin `n` (from 1).

    The first 8 bytes, big-endian, of HMAC-SHA256(seed, "lottery|student|n"), modulo a million. One of 10^13
    is not below the largest multiple of a million; then "|1" is appended to the text, then "|2".
    """
    text = f"{lottery_id}|{student}|{n}"
    word, again = _word_of(seed, text), 0
    while word >= _LIMIT:
        again += 1
        word = _word_of(seed, f"{text}|{again}")
    return word % PPM


def _word_of(seed: bytes, text: str) -> int:
    return int.from_bytes(hmac.digest(seed, text.encode(), "sha256")[:8])


def place_of(odds: Sequence[int], number: int) -> int:
    """Return the place of the prize to which the number belongs. `odds`: the ppm of each, a million in all.

    The first prize has the numbers from 0 on, as many as its ppm; the second the next ones.
    """
    end = 0
    for place, ppm in enumerate(odds):
        end += ppm
        if number < end:
            return place
    raise ValueError(f"{number} is beyond the odds, which are {end} in all")
