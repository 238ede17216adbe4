"""Limits the joins of a process in one second, and says when the others may come back.

Called by `gateway.py` for every good hello, so that clients without a token use nothing up. Pure: the clock
is an argument. A client that is sent away comes back after a random part of the wait (PROTOCOL.md). On
average that is half of it, so the wait is twice the time in which all who were sent away so far could be let
in.
"""

_SECOND_MS = 1_000


class JoinLimit:
    """`peak`: the most joins in one second so far."""

    def __init__(self, per_second: int) -> None:
        self.per_second = per_second
        self.peak = 0
        self._second = 0
        self._let_in = 0
        self._sent_away = 0  # and not yet due to come back

    def admit(self, now_ms: int) -> int:
        """Return 0 to let a socket in, or the wait to announce to it, in ms."""
        self._turn_to(now_ms // _SECOND_MS)
        if self._let_in < self.per_second:
            self._let_in += 1
            self.peak = max(self.peak, self._let_in)
            return 0
        self._sent_away += 1
        return _SECOND_MS + 2 * _SECOND_MS * self._sent_away // self.per_second

    def _turn_to(self, second: int) -> None:
        passed = second - self._second
        if passed:
            # A clock that was set back counts as one second: the limit holds, whatever the clock does.
            self._sent_away = max(0, self._sent_away - self.per_second * max(1, passed))
            self._second, self._let_in = second, 0
