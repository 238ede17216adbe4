"""Adds up what events say for reports: each coupon in its rows, each order once in each row.

Used by flows/reports/roll_up.py for a page of events; the sums are then added to those of the ledger.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from server.core.checkout.redemptions import RedeemedCoupon, Redemption
from server.core.checkout.refunds import Refund
from server.core.coupons.coupons import CouponState
from server.core.reports.measures import (
    EVERY_ROOM,
    NO_COURSE,
    TAKEN_BY_STUDENTS,
    By,
    Origin,
    ended_by,
    issued_by,
)
from server.core.reports.measures import Measure as M

_DAY_MS = 86_400_000


class Cell(NamedTuple):
    """The key of a sum. `day` as in 2026-03-01; `value`: of `by`, the empty text for a day."""

    by: str
    room: str
    day: str
    value: str
    course: str
    currency: str
    measure: str


class _Place(NamedTuple):
    """A row in which something counts."""

    by: By
    room: str
    value: str


class Rollup:
    """The sums of a page of events, by cell. Instants are in ms, amounts in minor units."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self.sums: Counter[Cell] = Counter()

    def issued(self, at: int, source: str, origin: Origin, coupons: int = 1) -> None:
        """Count coupons that came into wallets at the same moment."""
        counts: dict[str, int] = {
            M.ISSUED: coupons,
            issued_by(source): coupons,
            M.EXPOSED: (origin.greatest or 0) * coupons,
        }
        if source in TAKEN_BY_STUDENTS:
            counts[M.CLAIMED] = coupons
        self._add(at, [origin], origin.currency, counts)

    def ended(self, at: int, source: str, origin: Origin, was_exposed: bool) -> None:
        """Count a coupon that was released or revoked. `was_exposed`: its window had not ended before."""
        counts: dict[str, int] = {
            M.ENDED: 1,
            ended_by(source): 1,
            M.EXPOSED_ENDED: (origin.greatest or 0) if was_exposed else 0,
        }
        if source in TAKEN_BY_STUDENTS:
            counts[M.CLAIMED_ENDED] = 1
        self._add(at, [origin], origin.currency, counts)

    def expired(self, at: int, origin: Origin) -> None:
        """Count a coupon whose window ended unused."""
        self._add(at, [origin], origin.currency, {M.EXPOSED_ENDED: origin.greatest or 0})

    def reached(self, at: int, students: int, origin: Origin) -> None:
        """Count the students who were in the room when a drop opened."""
        self._add(at, [origin], origin.currency, {M.REACHED: students})

    def paid(self, at: int, order: Redemption, origins: Mapping[str, Origin]) -> None:
        """Count a paid order. `origins` are those of its coupons, by coupon id."""
        for coupon in order.coupons:
            origin = origins[coupon.coupon_id]
            spent = {M.USED: 1, M.EXPOSED_ENDED: origin.greatest or 0, M.COST: coupon.discount}
            self._add(at, [origin], order.order.currency, spent)
        used = list(origins.values())
        has = bool(used)
        counts = {
            (M.ORDERS if has else M.ORDERS_WITHOUT): 1,
            (M.PAID if has else M.PAID_WITHOUT): order.payable,
        }
        self._add(at, used, order.order.currency, counts)
        self._courses_paid(at, order, used)

    def _courses_paid(self, at: int, order: Redemption, used: Collection[Origin]) -> None:
        quoted = {line.id: line for line in order.lines}
        strata = (
            (M.STRATUM_ORDERS, M.STRATUM_PAID)
            if used
            else (M.STRATUM_ORDERS_WITHOUT, M.STRATUM_PAID_WITHOUT)
        )
        seen: set[str] = set()
        for line in order.order.lines:
            if line.course is None:
                continue
            is_first = line.course not in seen
            seen.add(line.course)
            if is_first:
                whole = {strata[0]: 1, strata[1]: order.payable}
                self._put(
                    _Place(By.DAY, EVERY_ROOM, ""), at, order.order.currency, whole, line.course
                )
            if used:
                counts = {
                    M.COURSE_ORDERS: int(is_first),
                    M.COURSE_PIECES: line.quantity,
                    M.COURSE_PAID: quoted[line.id].payable,
                    M.COURSE_DISCOUNT: quoted[line.id].discount,
                }
                self._add(at, used, order.order.currency, counts, line.course)

    def refunded(self, order: Redemption, refund: Refund, origins: Mapping[str, Origin]) -> None:
        """Count a refund of the order, on the day of the refund."""
        at, currency = refund.created_at, order.order.currency
        before = refund.total - refund.refunded
        is_whole = before < order.payable <= refund.total
        used = list(origins.values())
        has = bool(used)
        counts = {
            (M.REFUNDED if has else M.REFUNDED_WITHOUT): refund.refunded,
            (M.ORDERS_BACK if has else M.ORDERS_WITHOUT_BACK): int(is_whole),
        }
        self._add(at, used, currency, counts)
        for coupon in _given_back(order, refund):
            origin = origins[coupon.coupon_id]
            back = {M.USED_BACK: 1, M.COST_BACK: coupon.discount, M.EXPOSED: origin.greatest or 0}
            self._add(at, [origin], currency, back)
        courses = {line.id: line.course for line in order.order.lines}
        for part in refund.lines if has else ():
            moved = {M.COURSE_REFUNDED: part.refunded, M.COURSE_PIECES_BACK: part.quantity}
            course = courses[part.id]
            if course is not None:
                self._add(at, used, currency, moved, course)

    def followed(self, at: int, days: int, currency: str, origins: Collection[Origin]) -> None:
        """Count an order with coupons, paid at `at`, after which its student paid again within `days`."""
        measure = M.FOLLOWED_30 if days == 30 else M.FOLLOWED_90
        self._add(at, origins, currency, {measure: 1})

    def _add(
        self,
        at: int,
        origins: Iterable[Origin],
        currency: str,
        counts: Mapping[str, int] | Mapping[M, int],
        course: str = NO_COURSE,
    ) -> None:
        """Add to every row of the origins, to each once: for all rooms, and for the rooms of the origins."""
        places = {_Place(By.DAY, EVERY_ROOM, ""), _Place(By.HOUR, EVERY_ROOM, "")}
        for one in origins:
            rows = one.values()
            places |= {_Place(by, EVERY_ROOM, value) for by, value in rows}
            if one.room is not None:
                timed = [*rows, (By.DAY, ""), (By.HOUR, "")]
                places |= {_Place(by, one.room, value) for by, value in timed}
        for place in places:
            self._put(place, at, currency, counts, course)

    def _put(
        self,
        place: _Place,
        at: int,
        currency: str,
        counts: Mapping[str, int] | Mapping[M, int],
        course: str,
    ) -> None:
        here = datetime.fromtimestamp(at / 1000, UTC).astimezone(self._zone)
        day = here.date().isoformat()
        value = f"{here.hour:02d}" if place.by is By.HOUR else place.value
        for measure, count in counts.items():
            if count:
                cell = Cell(place.by, place.room, day, value, course, currency, str(measure))
                self.sums[cell] += count


def _given_back(order: Redemption, refund: Refund) -> list[RedeemedCoupon]:
    """Return the coupons that this refund, and none before it, gave back."""
    at = order.refunds.index(refund)
    before = {code for one in order.refunds[:at] for code, state in one.coupons if _is_back(state)}
    now = {code for code, state in refund.coupons if _is_back(state)} - before
    return [coupon for coupon in order.coupons if coupon.code in now]


def _is_back(state: str) -> bool:
    return state != CouponState.REDEEMED


def follows_within(before: int, at: int) -> list[int]:
    """Return which of 30 and 90 days lie between two payments (ms)."""
    return [days for days in (30, 90) if 0 <= at - before <= days * _DAY_MS]
