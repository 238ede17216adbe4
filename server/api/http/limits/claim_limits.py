"""A rate limit of claims over HTTP and of spins, by student; sockets have a limit of their own.

Made by the composition root, used by `claims.py` and the spins of lotteries. Each process counts for itself:
behind N processes a student may claim N times as often, which the desk does not notice.
"""

from collections import OrderedDict

from server.core.rates import Bucket, Rate

# An SDK claims over HTTP when its socket was silent for 2 s, and repeats a few times.
CLAIMS = Rate(burst=20, interval_ms=250)
# A face takes a second to turn; a student who has many chances may be quick.
SPINS = Rate(burst=100, interval_ms=100)
MAX_STUDENTS = 50_000  # about 10 MB; the least recently used bucket is dropped


class StudentLimiter:
    def __init__(self, rate: Rate = CLAIMS, max_students: int = MAX_STUDENTS) -> None:
        self._rate = rate
        self._max_students = max_students
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def admit(self, student: str, now_ms: int) -> int | None:
        """Return None where the claim may proceed, else the ms to wait."""
        bucket = self._buckets.get(student)
        if bucket is None:
            bucket = self._buckets[student] = Bucket()
            if len(self._buckets) > self._max_students:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(student)
        return bucket.take(self._rate, now_ms) or None
