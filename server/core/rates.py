"""How often something may be done: a token bucket whose clock is an argument.

Used by the gateway (claims of a student, messages of a socket, bad tokens of an address) and by the
API (claims over HTTP, codes that students type).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` at once, then one each `interval_ms`."""

    burst: int
    interval_ms: int


class Bucket:
    """Starts full. Two numbers, because there is one for every socket."""

    __slots__ = ("_filled_at",)

    def __init__(self) -> None:
        # The instant from which the bucket has been filling: the past holds what has been saved up.
        self._filled_at = 0

    def take(self, rate: Rate, now_ms: int) -> int:
        """0: granted. Else the ms until the next one will be; nothing is taken then."""
        filled_at, interval_ms = self._filled_at, rate.interval_ms
        oldest = now_ms - rate.burst * interval_ms
        if filled_at < oldest:
            filled_at = oldest
        elif filled_at > now_ms:  # the clock was set back: one each interval from now on, not none
            filled_at = self._filled_at = now_ms
        filled_at += interval_ms
        if filled_at > now_ms:
            return filled_at - now_ms
        self._filled_at = filled_at
        return 0

    def give_back(self, rate: Rate) -> None:
        """What was taken was not due after all."""
        self._filled_at -= rate.interval_ms

    def is_full(self, rate: Rate, now_ms: int) -> bool:
        """Nothing has been taken lately: the bucket may be forgotten."""
        return self._filled_at <= now_ms - rate.burst * rate.interval_ms
