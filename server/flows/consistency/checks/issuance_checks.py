"""Check issuances: that every student of one has one outcome, and coupons where it says so (promise I10).

Called by doctor.py.
"""

from typing import Final

from server.flows.consistency.findings import PERSON, Finding, FindingKind
from server.ledger.consistency import issuance_audit
from server.ledger.consistency.issuance_audit import IssuanceAudit
from server.ledger.engine import Ledger

_AT_ONCE: Final = 20  # issuances: with 100,000 students in all about 100 ms of the database


async def check_issuances(ledger: Ledger) -> list[Finding]:
    """Return issuances whose counts, items and coupons differ."""
    found: list[Finding] = []
    after = ""
    while True:
        async with ledger.read() as conn:
            page = await issuance_audit.page_of_issuances(conn, after, _AT_ONCE)
        # The items of an old issuance are deleted; then there is nothing to compare.
        found += [_finding(one) for one in page if one.items and not one.adds_up]
        if len(page) < _AT_ONCE:
            return found
        after = page[-1].id


def _finding(one: IssuanceAudit) -> Finding:
    return Finding(
        FindingKind.ISSUANCE_DIFFERS,
        f"issuance {one.id} says that {one.decided} of {one.asked} students are decided and {one.issued} "
        f"have coupons; it has {one.items} items, {one.pending} undecided and {one.items_issued} issued, "
        f"and {one.with_coupons} students have coupons of it",
        PERSON,
        batch=one.batch_id,
        issuance=one.id,
    )
