"""The statistics of experiments: an interval that may be looked at daily, and the alarm of a split.

Used by results.py of this package. An ordinary interval of 95 % is wrong far more often than in 5 % of all
experiments if somebody looks each day and stops when it is favourable. This one is true at all looks
together: with 95 % it holds the true difference from the first look to the last.

It is the two-sided normal mixture boundary of Howard, Ramdas, McAuliffe, Sekhon, "Time-uniform,
nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49 (2021), in its asymptotic form: a
sum with variance V stays within sqrt((V + rho) ln((V + rho) / (rho a^2))) for ever with probability 1 - a.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

ALPHA: Final = 0.05
EXPECTED_SIZE: Final = (
    5_000  # students, both groups together, at which the interval is near its narrowest
)
MIN_GROUP: Final = (
    100  # students in each group below which nothing is said: the sums are not normal yet
)
SPLIT_ALPHA: Final = 0.001  # at 0.05 one in twenty good experiments would raise an alarm


@dataclass(frozen=True, slots=True)
class Sample:
    """One group in one measure: how many students, the sum of their values, the sum of squares."""

    count: int
    total: float
    squares: float

    @property
    def mean(self) -> float:
        return self.total / self.count

    @property
    def variance(self) -> float:
        """The variance of one student's value."""
        return max(0.0, self.squares / self.count - self.mean**2)


@dataclass(frozen=True, slots=True)
class Interval:
    """The difference of two means, and the bounds in which the true one lies."""

    difference: float
    low: float
    high: float

    @property
    def is_sure(self) -> bool:
        """True where the sign is known: 0 is not within the bounds."""
        return self.low > 0 or self.high < 0


def mixture_scale(expected: float, alpha: float) -> float:
    """Return rho, with which the boundary is near its narrowest at the variance `expected`."""
    odds = 2 * math.log(1 / alpha)
    return expected / (odds + math.log(1 + odds))


def boundary(variance: float, rho: float, alpha: float) -> float:
    """Return the bound of a sum with this variance, at this and all other looks."""
    whole = variance + rho
    return math.sqrt(whole * math.log(whole / (rho * alpha**2)))


def difference(
    group: Sample, base: Sample, alpha: float = ALPHA, expected: int = EXPECTED_SIZE
) -> Interval | None:
    """Return the interval of `group` minus `base`; None while a group is small, or nobody differs."""
    if min(group.count, base.count) < MIN_GROUP:
        return None
    error = group.variance / group.count + base.variance / base.count  # of the difference, squared
    if error == 0:
        return None
    size = group.count + base.count
    each = size * error  # the variance of the difference, for one student
    rho = mixture_scale(each * expected, alpha)
    half = boundary(each * size, rho, alpha) / size
    found = group.mean - base.mean
    return Interval(found, found - half, found + half)


def split_p_value(counts: Sequence[int], shares: Sequence[float]) -> float | None:
    """Return how likely groups of such sizes are, or of sizes further off, if the split is as it should be:
    Pearson's chi-square test. None: nobody is in a group yet. `shares` are proportions.
    """
    total = sum(counts)
    if not total:
        return None
    whole = sum(shares)
    expected = [total * share / whole for share in shares]
    off = sum(
        (count - wanted) ** 2 / wanted for count, wanted in zip(counts, expected, strict=True)
    )
    return chi_square_tail(off, len(counts) - 1)


def chi_square_tail(value: float, freedom: int) -> float:
    """Return the probability that a chi-square variable exceeds `value`. `freedom`: 1 or more.

    Q(s + 1, x) = Q(s, x) + x^s e^-x / Gamma(s + 1), from Q(1/2, x) = erfc(sqrt x) or Q(1, x) = e^-x.
    """
    x = value / 2
    if x == 0:
        return 1.0
    s, tail = (0.5, math.erfc(math.sqrt(x))) if freedom % 2 else (1.0, math.exp(-x))
    while s < freedom / 2:
        tail += math.exp(s * math.log(x) - x - math.lgamma(s + 1))
        s += 1
    return min(1.0, tail)
