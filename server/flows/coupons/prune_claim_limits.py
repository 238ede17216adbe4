"""Prune claim limits: delete from the desk the caps of batches and campaigns that are over for good.

Called by the worker now and then. The ledger keeps all claims; on the desk the caps would stay in memory for
ever.
"""

from typing import Final

from server.core.promotions.batch_edits import CAPS_KEPT_MS
from server.desk.claims.caps import CapName
from server.flows.stores import Stores
from server.ledger.promotions import batches, campaigns

_LOOKED_FOR_MS: Final = 30 * 24 * 3600 * 1000  # caps of what ended earlier have been deleted before


async def prune_claim_limits(stores: Stores, now: int) -> None:
    """Delete the caps of batches and campaigns that ended more than CAPS_KEPT_MS ago. Repeatable.

    A batch without a claim window never ends, and its caps stay. DeskUnavailableError and
    LedgerUnavailableError are passed on.
    """
    since, until = now - _LOOKED_FOR_MS, now - CAPS_KEPT_MS
    async with stores.ledger.read() as conn:
        over = await batches.claimable_until(conn, since, until)
        ended = await campaigns.ended_within(conn, since, until)
    await stores.desk.delete_caps(CapName.BATCH, over)
    await stores.desk.delete_caps(CapName.CAMPAIGN, ended)
