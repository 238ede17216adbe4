"""Exact percentiles of delays, by nearest rank: every value is one of the samples.

Used by the storm, the gates, the lesson and the bench. Samples of several processes are put together before
a percentile is taken: an average of percentiles would be no percentile.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

DELAYS: Final = ("join", "push", "claim", "confirm")


@dataclass(frozen=True, slots=True)
class Spread:
    """The number of samples and their percentiles, ms. All are 0 if there is no sample."""

    count: int
    p50: float
    p90: float
    p99: float
    max: float

    @classmethod
    def of(cls, samples: Iterable[float]) -> "Spread":
        ordered = sorted(samples)
        p50, p90, p99, most = (percentile(ordered, share) for share in (0.5, 0.9, 0.99, 1.0))
        return cls(len(ordered), p50, p90, p99, most)


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the smallest sample that at least the fraction `share` of them does not exceed; 0 if there is
    none."""
    if not ordered:
        return 0.0
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
