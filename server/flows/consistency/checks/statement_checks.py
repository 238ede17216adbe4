"""Check statements: that the lines of each order add up to it, and that sealed days are as they were sealed
(promise I14).

Called by doctor.py. An order that was paid before there were statements has no line of its payment, and is
not compared. A refund that is not booked yet explains a difference for a second: doctor looks three times.
"""

from typing import Final

from server.flows.consistency.findings import PERSON, Finding, FindingKind
from server.flows.statements.seal_days import sum_of_day
from server.ledger.consistency import statement_audit
from server.ledger.consistency.statement_audit import OrderAudit
from server.ledger.engine import Ledger
from server.ledger.statements import days
from server.ledger.statements.days import SealedDay

_AT_ONCE: Final = 1_000  # orders: some 10 ms of the database
_FIRST, _LAST = "0000-01-01", "9999-12-31"


async def check_statements(ledger: Ledger) -> list[Finding]:
    """Return the orders and the days that differ."""
    found: list[Finding] = []
    after = ""
    while True:
        async with ledger.read() as conn:
            page = await statement_audit.page_of_orders(conn, after, _AT_ONCE)
        found += [_about_order(one) for one in page if one.lines_paid and not one.adds_up]
        if len(page) < _AT_ONCE:
            break
        after = page[-1].order_id
    return found + await _check_days(ledger)


async def _check_days(ledger: Ledger) -> list[Finding]:
    async with ledger.read() as conn:
        sealed = await days.between(conn, _FIRST, _LAST)
    found = []
    for day in sealed:
        if day.sealed_at is None or day.prev_sha256 is None:
            continue
        summed = await sum_of_day(ledger, day.date, day.prev_sha256)
        if summed.seal != day.sha256:
            found.append(_about_day(day))
    return found


def _about_order(one: OrderAudit) -> Finding:
    return Finding(
        FindingKind.STATEMENT_DIFFERS,
        f"order {one.order_id} was paid with {one.paid}, {one.discount} off, {one.refunded} paid back; its "
        f"lines in the statements say {one.lines_paid}, {one.lines_share} and {one.lines_refunded}",
        PERSON,
        order=one.order_id,
    )


def _about_day(day: SealedDay) -> Finding:
    return Finding(
        FindingKind.STATEMENT_DIFFERS,
        f"the statement of {day.date} is not the one that was sealed",
        PERSON,
        day=day.date,
    )
