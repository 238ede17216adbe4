"""A rate limit of wrong coupon codes, by student and by client address, against guessing.

Part of `ApiDependencies`, used by `wallet_codes.py`. Only wrong codes count. A student has few tries and an
address many, because 10,000 students of a campus share one address. When an address has no tries left, a
student behind it who has typed nothing wrong lately still gets theirs, so that nobody is locked out by
others on the same network (decision 0016).

Each process counts for itself: N processes allow N times as many guesses, against 64 random bits a code.
"""

from collections import OrderedDict

from server.core.rates import Bucket, Rate

STUDENT_RATE = Rate(burst=10, interval_ms=60_000)
ADDRESS_RATE = Rate(burst=1_000, interval_ms=100)
MAX_BUCKETS = 50_000  # of students, and as many of addresses; the least recently used is dropped


class GuessLimiter:
    def __init__(self, max_buckets: int = MAX_BUCKETS) -> None:
        self._students = _Buckets(max_buckets)
        self._addresses = _Buckets(max_buckets)

    def admit(self, student: str, address: str, now_ms: int) -> int:
        """Return 0 where a code may be looked up, else the ms to wait before the next try.

        The try is counted before the result is known, so that a hundred concurrent requests are a hundred
        tries. Call `code_was_valid` after a look-up that succeeded. While the caller has to wait, do not
        look the code up: even that response would be a guess.
        """
        own, shared = self._students.of(student), self._addresses.of(address)
        is_clean = own.is_full(STUDENT_RATE, now_ms)
        wait_ms = own.take(STUDENT_RATE, now_ms)
        if wait_ms:
            return wait_ms
        wait_ms = shared.take(ADDRESS_RATE, now_ms)
        if wait_ms and not is_clean:
            own.give_back(STUDENT_RATE)
            return wait_ms
        return 0

    def code_was_valid(self, student: str, address: str) -> None:
        """Give back the try that `admit` counted."""
        self._students.of(student).give_back(STUDENT_RATE)
        self._addresses.of(address).give_back(ADDRESS_RATE)


class _Buckets:
    """Token buckets by name; at most `max_buckets`, the least recently used is dropped."""

    def __init__(self, max_buckets: int) -> None:
        self._max_buckets = max_buckets
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def of(self, name: str) -> Bucket:
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = Bucket()
            if len(self._buckets) > self._max_buckets:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(name)
        return bucket
