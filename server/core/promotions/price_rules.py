"""Price rules: how often, for how long and how deep a course may be sold below its list price.

Used by flows/promotions/price_rules.py on a batch or a drop before it is made. A day is 24 hours of UTC. A
course's days on offer are those on which some batch about it may be claimed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from server.core.promotions.batches import ClaimWindow
from server.core.promotions.templates import (
    AmountOff,
    Discount,
    Gift,
    ItemsFree,
    PercentOff,
    Rebate,
    Template,
)
from server.core.refusals import Code, Refused

DAY_MS: Final = 24 * 3600 * 1000
PERIOD_DAYS: Final = 30
MAX_COURSES: Final = 200
MAX_RULES: Final = 500
MAX_REASON: Final = 200
_WHOLE: Final = 100


@dataclass(frozen=True, slots=True)
class PriceRule:
    """The limits for each of these courses; None: no limit of that kind."""

    id: str
    courses: tuple[str, ...]
    created_by: str
    created_at: int
    max_days_on_offer: int | None = None
    min_days_between: int | None = None
    max_depth_percent: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CourseOffer:
    """The time in which a batch offers what its template takes off."""

    window: ClaimWindow
    template: Template

    def is_about(self, course: str) -> bool:
        """Return whether the coupon may be used on the course; a package's courses are not known here."""
        scope = self.template.scope
        if isinstance(self.template.discount, Gift):
            return self.template.discount.course == course
        if course in scope.except_courses:
            return False
        return course in scope.courses or not (scope.courses or scope.packages)


def window_of(claimed: ClaimWindow | None, made_at: int) -> ClaimWindow:
    """Return the time on offer: a batch without an end is taken as offered for the whole period."""
    return claimed or ClaimWindow(made_at, made_at + PERIOD_DAYS * DAY_MS)


def depth_percent(template: Template) -> int:
    """Return the most of a price that a coupon takes off, in percent, rounded up.

    The list price of an order is not known here: an amount is measured by its threshold, and without one it
    may be everything.
    """
    return _depth(template.discount, template.threshold.min_amount)


def _depth(discount: Discount, least: int) -> int:
    match discount:
        case Rebate(credit=credit):
            return _depth(credit, least)
        case PercentOff(percent=percent):
            return percent
        case ItemsFree(from_items=pieces, free_items=free):
            return -(-_WHOLE * free // pieces)
        case AmountOff(amount=amount) if least > 0:
            return min(_WHOLE, -(-_WHOLE * amount // least))
        case _:  # an amount off without a threshold, or a gift
            return _WHOLE


def days_on_offer(windows: Iterable[ClaimWindow], from_day: int) -> int:
    """Return on how many of the 30 days from this one (counted from 1970) one of the windows is open."""
    return len(_days(windows, from_day, from_day + PERIOD_DAYS))


def _days(windows: Iterable[ClaimWindow], first: int, behind: int) -> set[int]:
    """Return the days in [first, behind) that have a part of a window, which may last for years."""
    found: set[int] = set()
    for window in windows:
        opens, ends = window.from_at // DAY_MS, -(-window.until_at // DAY_MS)
        found.update(range(max(first, opens), min(behind, ends)))
    return found


def days_around(rules: Iterable[PriceRule]) -> int:
    """Return how many days before and behind an offer the rules look at."""
    return max([PERIOD_DAYS, *(rule.min_days_between or 0 for rule in rules)])


def price_refusal(
    rules: Sequence[PriceRule], offer: CourseOffer, others: Sequence[CourseOffer]
) -> Refused | None:
    """Return the first rule that the offer breaks, with course, limit and figure; None if it breaks none.

    `others`: the offers that are there, of a period before and behind this one at least.
    """
    for rule in rules:
        for course in rule.courses:
            if not offer.is_about(course):
                continue
            windows = [other.window for other in others if other.is_about(course)]
            if found := _broken(rule, offer, windows):
                limit, most, figure = found
                facts = {"rule": rule.id, "course": course, "limit": limit}
                return Refused(
                    Code.PRICE_RULE,
                    f"{course}: {limit} is {most}, this would be {figure}",
                    facts | {"most": most, "figure": figure},
                )
    return None


def _broken(
    rule: PriceRule, offer: CourseOffer, others: Sequence[ClaimWindow]
) -> tuple[str, int, int] | None:
    """Return the limit's name, its value, and what it would be."""
    figures = (
        ("max_depth_percent", rule.max_depth_percent, depth_percent(offer.template), 1),
        ("max_days_on_offer", rule.max_days_on_offer, _most_days(offer.window, others), 1),
        ("min_days_between", rule.min_days_between, _least_gap(offer.window, others), -1),
    )
    for name, bound, figure, sign in figures:
        if bound is not None and figure is not None and sign * figure > sign * bound:
            return name, bound, figure
    return None


def _most_days(window: ClaimWindow, others: Sequence[ClaimWindow]) -> int:
    """Return the most days on offer of any 30 days that have a day of the window.

    A period that is the fullest may be moved until its first day is one on offer.
    """
    first, behind = window.from_at // DAY_MS, -(-window.until_at // DAY_MS)
    # What is further away is in no period with the window; a window of years is full after one period.
    near = range(first - PERIOD_DAYS + 1, min(behind, first + PERIOD_DAYS))
    days = _days([window, *others], near.start, near.stop + PERIOD_DAYS)
    return max(len({one for one in days if day <= one < day + PERIOD_DAYS}) for day in near)


def _least_gap(window: ClaimWindow, others: Sequence[ClaimWindow]) -> int | None:
    """Return the fewest whole days between the window and another one; None where none is apart from it.

    Windows that overlap are one offer through several batches.
    """
    gaps = [window.from_at - one.until_at for one in others if one.until_at <= window.from_at]
    gaps += [one.from_at - window.until_at for one in others if window.until_at <= one.from_at]
    return min((gap // DAY_MS for gap in gaps), default=None)
