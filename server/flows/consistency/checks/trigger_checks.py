"""Check triggers: that each has fired as often as it says (promise I10).

Called by doctor.py.
"""

from server.flows.consistency.findings import PERSON, Finding, FindingKind
from server.ledger.consistency import trigger_audit
from server.ledger.engine import Ledger


async def check_triggers(ledger: Ledger) -> list[Finding]:
    """Return triggers whose counts, firings and days differ."""
    async with ledger.read() as conn:
        differ = await trigger_audit.mismatched_triggers(conn)
    return [
        Finding(
            FindingKind.TRIGGER_DIFFERS,
            f"trigger {one.id} says that it has fired {one.fired} times; it has {one.firings} firings, and "
            f"{one.on_days} on its days",
            PERSON,
            trigger=one.id,
        )
        for one in differ
    ]
