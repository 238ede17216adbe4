"""Create once for each Idempotency-Key (promise I4).

Called by the flows that create something, as the first statement of their transaction.
"""

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.refusals import Code, Refused
from server.flows.abort import Abort
from server.ledger import idempotency
from server.ledger.idempotency import IdempotencyKey


async def find_previous_result(
    conn: AsyncConnection, key: IdempotencyKey | None, new_id: str, now: int
) -> str | None:
    """Return the id of what an earlier request with this key created: the caller creates nothing.

    None: this is the first request, or it has no key; the key stands for `new_id` from now on.
    Abort(idempotency_mismatch) where the earlier request had another body.
    """
    if key is None:
        return None
    kept = await idempotency.store(conn, key, new_id, now)
    if kept.body_hash != key.body_hash:
        raise Abort(
            Refused(Code.IDEMPOTENCY_MISMATCH, "this key was used with another body before")
        )
    return None if kept.resource_id == new_id else kept.resource_id
