"""The result of an experiment: what each group did, how they differ, whether the split is as it should be.

Made by flows/experiments from sums of the ledger. Every figure is of students who were exposed: who saw the
card, got a coupon, or would have been shown the card and are held out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from server.core.experiments.experiments import HELD_OUT, Experiment, splits_of
from server.core.experiments.intervals import (
    SPLIT_ALPHA,
    Interval,
    Sample,
    difference,
    split_p_value,
)


class Sums(NamedTuple):
    """Sums over the exposed students of one group. The first four count students, `orders` orders; `revenue`
    is what they paid, net of refunds, `revenue_squares` the sum of its squares, `cost` the discounts of these
    orders, net of what refunds charged back. Money in minor units."""

    exposed: int = 0
    claimed: int = 0
    used: int = 0
    bought: int = 0
    orders: int = 0
    revenue: int = 0
    revenue_squares: float = 0
    cost: int = 0


class Measure(StrEnum):
    """The measures that are compared, for each exposed student: whether they claimed, used a coupon of their
    batch, or bought anything; and what they paid."""

    CLAIMED = "claimed"
    USED = "used"
    BOUGHT = "bought"
    REVENUE = "revenue"


_OF_COUPONS: Final = (Measure.CLAIMED, Measure.USED)  # nobody who is held out has one


@dataclass(frozen=True, slots=True)
class Alarm:
    """The groups are not of the sizes that the split would give: the figures cannot be trusted. Lists are in
    the order of the variants, the hold-out last."""

    p_value: float
    exposed: tuple[int, ...]
    expected: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A group against the base, by one measure. `interval` None: too few students to say anything."""

    group: int
    base: int
    measure: Measure
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Result:
    """`sums`: by group, the hold-out under HELD_OUT where there is one."""

    sums: Mapping[int, Sums]
    comparisons: tuple[Comparison, ...]
    alarm: Alarm | None


def result_of(experiment: Experiment, sums: Mapping[int, Sums]) -> Result:
    """Return the result. A group without sums has zeros. The base is the hold-out, else the first variant."""
    groups = [*range(len(experiment.variants)), *([HELD_OUT] if experiment.hold_out else [])]
    every = {group: sums.get(group, Sums()) for group in groups}
    base = groups[-1] if experiment.hold_out else groups[0]
    comparisons = [
        Comparison(group, base, measure, difference(sample(every[group], measure), its))
        for group in groups
        if group != base
        for measure in Measure
        if base != HELD_OUT or measure not in _OF_COUPONS
        for its in (sample(every[base], measure),)
    ]
    return Result(every, tuple(comparisons), alarm_of(experiment, list(every.values())))


def sample(sums: Sums, measure: Measure) -> Sample:
    """Return the measure of the group as a sample."""
    if measure is Measure.REVENUE:
        return Sample(sums.exposed, sums.revenue, sums.revenue_squares)
    students: int = getattr(sums, measure.value)
    return Sample(sums.exposed, students, students)


def alarm_of(experiment: Experiment, groups: Sequence[Sums]) -> Alarm | None:
    """Return the alarm, where sizes as these come in less than one of a thousand good experiments."""
    splits = splits_of(experiment)
    places = [split.until_place - split.from_place for split in splits]
    if experiment.hold_out:
        places.append(splits[0].held_out)
    exposed = tuple(one.exposed for one in groups)
    p_value = split_p_value(exposed, places)
    if p_value is None or p_value >= SPLIT_ALPHA:
        return None
    total = sum(exposed)
    expected = tuple(round(total * part / sum(places)) for part in places)
    return Alarm(p_value, exposed, expected)
