"""RFC 3339 UTC with `Z` and milliseconds <-> integer milliseconds since 1970.

The one form of a time on HTTP, on the socket and in stored JSON.
"""

from datetime import UTC, datetime
from functools import lru_cache


@lru_cache(maxsize=4096)  # all winners of one script call share their dates: 2 us a text
def to_text(ms: int) -> str:
    moment = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{moment.isoformat()[:19]}.{ms % 1000:03d}Z"


def from_text(text: str) -> int:
    """Accepts any RFC 3339 instant with an offset. ValueError where there is none, or it is not one:
    a time without a zone could be anybody's."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs an offset, as in 2026-03-01T09:00:00.000Z")
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * 1000 + moment.microsecond // 1000
