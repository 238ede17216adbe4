"""The days of a statement: which day an instant belongs to, when a day may be sealed, and its seal (I14).

A day is sealed once, at 02:00 of the next one in the school's time zone. Its seal is the hash of the seal
before it and of the day's lines as JSON, so that nobody can change a day without changing every later seal.
`client_sdk` computes the same (statement_verification.py, statement-verification.js).
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import Final
from zoneinfo import ZoneInfo

import orjson

from server.core.statements.lines import StatementLine

SEALED_AT: Final = time(2)  # of the next day: late payments of the evening are told by then
NOTHING_BEFORE: Final = "0" * 64  # the seal before the first one


def day_of(at: int, zone: ZoneInfo) -> str:
    """Return the day of an instant (ms) in the school's time zone, as in 2026-03-01."""
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(zone).date().isoformat()


def last_day_to_seal(now: int, zone: ZoneInfo) -> str:
    """Return the last day that may be sealed at `now` (ms)."""
    here = datetime.fromtimestamp(now / 1000, UTC).astimezone(zone)
    back = 1 if here.time() >= SEALED_AT else 2
    return (here.date() - timedelta(days=back)).isoformat()


def days_between(first: str, last: str) -> list[str]:
    """Return the days from `first` to `last`, both included; none where `last` is before `first`."""
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return [(start + timedelta(days=n)).isoformat() for n in range((end - start).days + 1)]


def next_day(day: str) -> str:
    """Return the day after."""
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


@dataclass(frozen=True, slots=True)
class DayTotals:
    """The sums of a day in one currency."""

    share: int = 0
    paid: int = 0
    refunded: int = 0


class DaySum:
    """Adds up a day's lines, in their order. `seal` and `totals` are of the lines so far."""

    def __init__(self, day: str, before: str) -> None:
        """`before`: the seal of the day before, as hexadecimal digits."""
        self._hash = sha256(f"{before}\n{day}\n".encode())
        self._totals: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
        self.lines = 0

    def add(self, lines: Iterable[StatementLine]) -> None:
        for line in lines:
            self._hash.update(as_json(line) + b"\n")
            sums = self._totals[line.currency]
            sums[0] += line.share
            sums[1] += line.paid
            sums[2] += line.refunded
            self.lines += 1

    @property
    def seal(self) -> str:
        return self._hash.hexdigest()

    @property
    def totals(self) -> dict[str, DayTotals]:
        return {currency: DayTotals(*sums) for currency, sums in sorted(self._totals.items())}


def as_json(line: StatementLine) -> bytes:
    """Return the line as JSON, with the fields of `COLUMNS` in their order: the bytes that are hashed."""
    return orjson.dumps(dict(zip(COLUMNS, values(line), strict=True)))


def values(line: StatementLine) -> tuple[str | int | None, ...]:
    """Return the line's values in the order of `COLUMNS`."""
    use = line.use
    origin: tuple[str | int | None, ...] = (
        (None,) * 10
        if use is None
        else (
            *(use.code, use.coupon, use.template, use.version, use.campaign, use.batch),
            *(use.channel, use.drop, use.room, use.instructor),
        )
    )
    return (
        *(line.date, line.kind.value, line.order, line.line, line.course, line.currency),
        *(line.quantity, line.list_price, line.sale_price),
        *origin,
        *(line.share, line.paid, line.refunded, line.payment_ref, line.refund, line.for_date),
    )


COLUMNS: Final = (
    *("date", "kind", "order", "line", "course", "currency"),
    *("quantity", "list_price", "sale_price"),
    *("code", "coupon", "template", "version", "campaign", "batch"),
    *("channel", "drop", "room", "instructor"),
    *("share", "paid", "refunded", "payment_ref", "refund", "for_date"),
)
