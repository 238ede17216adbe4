"""Delete access rules that have been over for a while.

Called by a worker each hour. A revocation is over when no token that it names is left. Acts and events keep
that a rule was made and ended; the rows are kept for a month for whoever looks one up.
"""

from typing import Final

from server.ledger.access import rules
from server.ledger.engine import Ledger

KEPT_MS: Final = 30 * 24 * 3600 * 1000
_AT_ONCE: Final = 1_000


async def prune_rules(ledger: Ledger, now: int) -> int:
    """Delete them by pages; return how many. LedgerUnavailableError is passed on."""
    deleted = 0
    while True:
        async with ledger.begin() as conn:
            some = await rules.delete_over(conn, now - KEPT_MS, _AT_ONCE)
        deleted += some
        if some < _AT_ONCE:
            return deleted
