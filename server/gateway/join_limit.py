"""How many a process lets into its rooms within one second, and when the others are to come.

Asked by `gateway.py` for every good hello, so that strangers without a token use nothing up. Pure: the
clock is an argument. Whoever is sent away comes back after a random part of the wait (PROTOCOL.md), so a
wait is twice the time that those sent away so far would fill.
"""

_SECOND_MS = 1_000


class JoinLimit:
    """`peak`: the most that were let in within one second so far."""

    def __init__(self, per_second: int) -> None:
        self.per_second = per_second
        self.peak = 0
        self._second = 0
        self._let_in = 0
        self._sent_away = 0  # and not expected back yet

    def admit(self, now_ms: int) -> int:
        """0: come in. Else the wait to announce, in ms."""
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
