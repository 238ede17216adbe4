"""The measures that are summed up for reports, and where a coupon of an event belongs.

Used by flows/reports, and by figures.py, which says what each sum is for.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from server.core.coupons.claim_sources import CLAIM_SOURCES
from server.core.coupons.code_runs import Source
from server.core.coupons.issuances import IssuanceSource

EVERY_ROOM: Final = "*"  # the sums over all rooms, and over what has none; no room has this name
NO_COURSE: Final = ""


class By(StrEnum):
    """The names of what a report may be divided by. Sums are kept for each, because an order of two drops
    counts in the rows of both and once in a total: it cannot be added up from the rows."""

    DAY = "day"
    HOUR = "hour"
    BATCH = "batch"
    CHANNEL = "channel"
    ROOM = "room"
    INSTRUCTOR = "instructor"
    CAMPAIGN = "campaign"
    PHASE = "phase"


class Measure(StrEnum):
    """The name of a sum. `ended`: released or revoked. `back`: undone by a refund."""

    NONE = ""
    ISSUED = "issued"
    ENDED = "ended"
    REACHED = "reached"
    CLAIMED = "claimed"
    CLAIMED_ENDED = "claimed_ended"
    USED = "used"
    USED_BACK = "used_back"
    PAID = "paid"
    REFUNDED = "refunded"
    COST = "cost"
    COST_BACK = "cost_back"
    EXPOSED = "exposed"
    EXPOSED_ENDED = "exposed_ended"
    ORDERS = "orders"
    ORDERS_BACK = "orders_back"
    ORDERS_WITHOUT = "orders_without"
    ORDERS_WITHOUT_BACK = "orders_without_back"
    PAID_WITHOUT = "paid_without"
    REFUNDED_WITHOUT = "refunded_without"
    FOLLOWED_30 = "followed_30"
    FOLLOWED_90 = "followed_90"
    COURSE_ORDERS = "course_orders"
    COURSE_PIECES = "course_pieces"
    COURSE_PIECES_BACK = "course_pieces_back"
    COURSE_PAID = "course_paid"
    COURSE_REFUNDED = "course_refunded"
    COURSE_DISCOUNT = "course_discount"
    # Whole orders that have the course: what average values are compared by.
    STRATUM_ORDERS = "stratum_orders"
    STRATUM_PAID = "stratum_paid"
    STRATUM_ORDERS_WITHOUT = "stratum_orders_without"
    STRATUM_PAID_WITHOUT = "stratum_paid_without"


STRATA: Final = (
    Measure.STRATUM_ORDERS,
    Measure.STRATUM_PAID,
    Measure.STRATUM_ORDERS_WITHOUT,
    Measure.STRATUM_PAID_WITHOUT,
)
TAKEN_BY_STUDENTS: Final = frozenset(
    (*CLAIM_SOURCES, Source.LIST.value, IssuanceSource.OFFER.value)
)
SOURCES: Final = tuple(
    dict.fromkeys((*CLAIM_SOURCES, *(one.value for one in (*Source, *IssuanceSource))))
)


def issued_by(source: str) -> str:
    """Return the measure of coupons that came from this source."""
    return f"issued_{source}"


def ended_by(source: str) -> str:
    """Return the measure of those that were released or revoked again."""
    return f"ended_{source}"


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of a coupon. `room`: of a class; `greatest`: the most it takes off, None: no limit."""

    batch: str
    channel: str
    currency: str
    room: str | None = None
    instructor: str | None = None
    campaign: str | None = None
    phase: str | None = None
    greatest: int | None = None

    def values(self) -> list[tuple[By, str]]:
        """Return the rows in which the coupon counts, besides those of its time."""
        found = (
            (By.BATCH, self.batch),
            (By.CHANNEL, self.channel),
            (By.ROOM, self.room),
            (By.INSTRUCTOR, self.instructor),
            (By.CAMPAIGN, self.campaign),
            (By.PHASE, self.phase),
        )
        return [(by, value) for by, value in found if value is not None]
