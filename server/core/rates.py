"""Rates: how often something may be done. A token bucket whose clock is an argument.

Used by the gateway (claims of a student, messages of a socket, bad tokens of an address) and by the API
(claims over HTTP, codes that students type).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """The limit: `burst` at once, then one in each `interval_ms`."""

    burst: int
    interval_ms: int


class Bucket:
    """A token bucket that starts full. It has one number and no reference to its rate, because there is one
    for each socket."""

    __slots__ = ("_filled_at",)

    def __init__(self) -> None:
        # The instant from which the bucket has been filling. The longer ago, the more may be taken.
        self._filled_at = 0

    def take(self, rate: Rate, now_ms: int) -> int:
        """Take one. Return 0 if it was granted; else take none, and return the ms until one will be."""
        filled_at, interval_ms = self._filled_at, rate.interval_ms
        oldest = now_ms - rate.burst * interval_ms
        if filled_at < oldest:
            filled_at = oldest
        elif filled_at > now_ms:  # the clock was set back: grant one each interval, not none
            filled_at = self._filled_at = now_ms
        filled_at += interval_ms
        if filled_at > now_ms:
            return filled_at - now_ms
        self._filled_at = filled_at
        return 0

    def give_back(self, rate: Rate) -> None:
        """Give back one that was taken, because it did not count after all."""
        self._filled_at -= rate.interval_ms

    def is_full(self, rate: Rate, now_ms: int) -> bool:
        """Return whether none was taken lately, so that the bucket may be dropped."""
        return self._filled_at <= now_ms - rate.burst * rate.interval_ms
