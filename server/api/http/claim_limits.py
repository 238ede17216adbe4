"""How often one student may claim over HTTP, where no socket counts their messages.

Made by the composition root, asked by `claims.py`. One process counts for itself: behind N processes
a student may do N times as much, which is still nothing to the desk.
"""

from collections import OrderedDict

from server.core.rates import Bucket, Rate

# SDKs claim over HTTP when the socket was silent for 2 s, and repeat a few times.
CLAIMS = Rate(burst=20, interval_ms=250)
MAX_STUDENTS = 50_000  # about 10 MB; whoever has not asked for longest is forgotten first


class StudentLimiter:
    def __init__(self, rate: Rate = CLAIMS, max_students: int = MAX_STUDENTS) -> None:
        self._rate = rate
        self._max_students = max_students
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def admit(self, student: str, now_ms: int) -> int | None:
        """None: go on. Else the ms to wait."""
        bucket = self._buckets.get(student)
        if bucket is None:
            bucket = self._buckets[student] = Bucket()
            if len(self._buckets) > self._max_students:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(student)
        return bucket.take(self._rate, now_ms) or None
