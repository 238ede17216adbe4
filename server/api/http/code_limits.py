"""How often somebody may type a code that is none: guessing, by student and by address.

Made with the application (`ApiDependencies`), asked by `wallet_codes.py`. Only wrong codes count. A student
has few tries, an address many: a campus of 10,000 mistypes too. Where an address has none left, those behind
it who have typed nothing wrong lately still get theirs, so nobody is turned away for a neighbour (decision
0016).

One process counts for itself: behind N processes there are N times as many guesses, at 64 random bits.
"""

from collections import OrderedDict

from server.core.rates import Bucket, Rate

OF_STUDENT = Rate(burst=10, interval_ms=60_000)
OF_ADDRESS = Rate(burst=1_000, interval_ms=100)
MOST_KEPT = 50_000  # of either; whoever has not typed one for longest is forgotten first


class GuessLimiter:
    def __init__(self, most_kept: int = MOST_KEPT) -> None:
        self._students = _Buckets(most_kept)
        self._addresses = _Buckets(most_kept)

    def admit(self, student: str, address: str, now_ms: int) -> int:
        """0: look the code up, and say `was_right` if it is one. Else the ms to wait, and nothing is looked
        up: an answer would be another guess. Counted before it is known, so that a hundred at once are a
        hundred."""
        own, shared = self._students.of(student), self._addresses.of(address)
        is_clean = own.is_full(OF_STUDENT, now_ms)
        wait_ms = own.take(OF_STUDENT, now_ms)
        if wait_ms:
            return wait_ms
        wait_ms = shared.take(OF_ADDRESS, now_ms)
        if wait_ms and not is_clean:
            own.give_back(OF_STUDENT)
            return wait_ms
        return 0

    def was_right(self, student: str, address: str) -> None:
        self._students.of(student).give_back(OF_STUDENT)
        self._addresses.of(address).give_back(OF_ADDRESS)


class _Buckets:
    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[str, Bucket] = OrderedDict()

    def of(self, name: str) -> Bucket:
        bucket = self._kept.get(name)
        if bucket is None:
            bucket = self._kept[name] = Bucket()
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        self._kept.move_to_end(name)
        return bucket
