"""Check whether an issuance may go out at its time, before it is made and before it is approved."""

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.issuances import NewIssuance, window_refusal
from server.core.refusals import Code, Refused, invalid_field
from server.flows.abort import Abort, abort_if
from server.flows.coupons.issuing.issue_population import population_refusal
from server.flows.stores import template_of
from server.ledger.coupons import packs
from server.ledger.promotions import batches, campaigns


async def check_send(conn: AsyncConnection, form: NewIssuance, starts_at: int) -> None:
    """Abort where the batch does not exist or may not go out at that time, or where nobody is in it."""
    if form.batch_id is not None:
        await _check_batch(conn, form.batch_id, starts_at)
    if form.pack_id is not None:
        pack = await packs.find(conn, form.pack_id)
        if pack is None:
            raise Abort(invalid_field("pack_id", "unknown"))
        for batch_id in pack.batches:
            await _check_batch(conn, batch_id, starts_at)
    abort_if(await population_refusal(conn, form))


async def _check_batch(conn: AsyncConnection, batch_id: str, starts_at: int) -> None:
    batch = await batches.find(conn, batch_id)
    if batch is None:
        raise Abort(invalid_field("batch_id", "unknown"))
    campaign = None
    if batch.campaign_id is not None:
        campaign = await campaigns.find(conn, batch.campaign_id)
    why = window_refusal(batch, await template_of(conn, batch), campaign, starts_at)
    if why is not None:
        raise Abort(Refused(Code.WRONG_STATE, why))
