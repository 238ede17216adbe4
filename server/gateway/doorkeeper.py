"""Limits for those who have not shown a good token yet: so many sockets of one address at once, so
many bad tokens. A campus of 10,000 behind one address is no flood: each shows a token within
moments and leaves this count.
"""

from collections import Counter

from server.core.rates import Bucket, Rate

MAX_STRANGERS = 4_096  # sockets of one address that have not said a good hello
BAD_TOKENS = Rate(burst=200, interval_ms=100)
MAX_SOCKETS = 19_500  # of this process; a machine here allows 20,000 open files


class Doorkeeper:
    def __init__(self, max_sockets: int = MAX_SOCKETS) -> None:
        self._strangers: Counter[str] = Counter()
        self._offenders: dict[str, Bucket] = {}
        self._max_sockets = max_sockets
        self.sockets = 0

    @property
    def is_full(self) -> bool:
        return self.sockets >= self._max_sockets

    def admits(self, address: str, now: int) -> bool:
        """May one more stranger of this address come in?"""
        offender = self._offenders.get(address)
        if offender is not None and offender.is_full(BAD_TOKENS, now):
            del self._offenders[address]
        elif offender is not None and offender.take(BAD_TOKENS, now):
            return False
        return self._strangers[address] < MAX_STRANGERS

    def enter(self, address: str) -> None:
        self._strangers[address] += 1

    def leave(self, address: str) -> None:
        """Has shown a good token, or is gone."""
        self._strangers[address] -= 1
        if self._strangers[address] <= 0:
            del self._strangers[address]

    def blame(self, address: str, now: int) -> None:
        """Showed a bad token."""
        self._offenders.setdefault(address, Bucket()).take(BAD_TOKENS, now)
