"""Instants: RFC 3339 UTC with `Z` and milliseconds <-> integer milliseconds since 1970.

This is the one form of a time on HTTP, on the socket and in stored JSON.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

_LEAP: Final = re.compile(r"(.{10}T.{5}):60([Z.+-].*)", re.ASCII)
_MIDNIGHT: Final = (0, 0, 0)


@lru_cache(maxsize=4096)  # all winners of one script call have the same dates; 2 µs a text
def to_text(ms: int) -> str:
    """Return the instant as text, as in `2026-03-01T09:00:00.000Z`."""
    moment = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{moment.isoformat()[:19]}.{ms % 1000:03d}Z"


def from_text(text: str) -> int:
    """Return the instant of any RFC 3339 text with an offset, in ms. Raises ValueError for other texts, and
    for a time without an offset, which could be in any zone. A leap second, which computers do not count, is
    the second after it."""
    text = text.upper()  # `t` and `z` are allowed
    leap = _LEAP.fullmatch(text)
    moment = datetime.fromisoformat(text if leap is None else f"{leap[1]}:59{leap[2]}")
    if moment.tzinfo is None:
        raise ValueError("a time needs an offset, as in 2026-03-01T09:00:00.000Z")
    if leap is not None:
        moment = (moment + timedelta(seconds=1)).astimezone(UTC)
        if (moment.hour, moment.minute, moment.second) != _MIDNIGHT or moment.day != 1:
            raise ValueError("leap seconds are at the end of a month")
    # Seconds and milliseconds apart: a float of both could be a millisecond off.
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * 1000 + moment.microsecond // 1000
