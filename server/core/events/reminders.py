"""Reminders before a coupon ends: at which hours, and spread over how long.

Used by flows/events/reminders.py. At most two levels a batch, once each.
"""

from collections.abc import Collection, Sequence
from typing import Final
from zlib import crc32

HOUR_MS: Final = 3_600_000
_SPREAD_MS: Final = HOUR_MS
_STEPS: Final = 1 << 16


def reminds_at(own: Sequence[int] | None, usual: Sequence[int], hours: int) -> bool:
    """Return whether students are reminded `hours` before the end. `own`: the batch's hours, None where it
    has the installation's (`usual`).
    """
    return hours in (usual if own is None else own)


def levels(usual: Sequence[int], of_batches: Collection[Sequence[int]]) -> list[int]:
    """Return all hours before an end at which somebody is reminded, the earliest reminder first."""
    return sorted({*usual, *(hours for own in of_batches for hours in own)}, reverse=True)


def spread(coupon_id: str, hours: int, now: int, ends_at: int) -> int:
    """Return when to remind of this coupon (ms): a lesson's thousand coupons end at one moment, and their
    reminders go out over an hour, or over a quarter of what is left.
    """
    room = max(0, min(_SPREAD_MS, (ends_at - now) // 4))
    step = crc32(f"{coupon_id}:{hours}".encode()) % _STEPS
    return now + room * step // _STEPS
