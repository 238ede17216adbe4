"""Forgets who has claimed how many, on desks, of batches and campaigns that are over for good.

Called by the worker now and then. The ledger keeps what it has; on the desk it would stay in memory for ever.
"""

from typing import Final

from server.core.promotions.batch_edits import CAPS_KEPT_MS
from server.desk.caps import CapName
from server.flows.stores import Stores
from server.ledger.promotions import batches, campaigns

_LOOKED_FOR_MS: Final = 30 * 24 * 3600 * 1000  # further back they are forgotten already


async def prune_claim_limits(stores: Stores, now: int) -> None:
    """What has no claim window can be claimed from for ever, and is counted for ever. Repeatable.
    DeskUnavailableError and LedgerUnavailableError pass."""
    since, until = now - _LOOKED_FOR_MS, now - CAPS_KEPT_MS
    async with stores.ledger.read() as conn:
        over = await batches.claimable_until(conn, since, until)
        ended = await campaigns.ended_within(conn, since, until)
    await stores.desk.delete_caps(CapName.BATCH, over)
    await stores.desk.delete_caps(CapName.CAMPAIGN, ended)
