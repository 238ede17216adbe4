"""Make packs and show them.

Called by the API for operators. A pack gives nothing by itself: an issuance or a trigger names it.
"""

from datetime import tzinfo

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.acts import Action
from server.core.coupons.packs import Known, Pack, PackPreview, pack_violations, preview_of
from server.core.refusals import Code, Refused
from server.core.violations import refused
from server.flows.abort import abort_if, returns_refusal
from server.flows.audiences.audiences import moment_of
from server.flows.idempotency import find_previous_result
from server.ledger import acts
from server.ledger.audiences import audiences
from server.ledger.audiences.audiences import Choice
from server.ledger.coupons import packs as rows
from server.ledger.engine import Ledger
from server.ledger.idempotency import IdempotencyKey
from server.ledger.promotions import batches


@returns_refusal
async def make_pack(
    ledger: Ledger, pack: Pack, key: IdempotencyKey | None, now: int
) -> Pack | Refused:
    """Make the pack; `invalid_field` for what names no batch or no audience, or what nobody could get."""
    async with ledger.begin() as conn:
        earlier = await find_previous_result(conn, key, pack.id, now)
        if earlier is not None:
            return await rows.find(conn, earlier) or Refused(Code.NOT_FOUND)
        broken = [*pack_violations(pack, await _known(conn, pack))]
        abort_if(refused(broken) if broken else None)
        await rows.insert_pack(conn, pack)
        of = list(pack.batches)
        await acts.write_act(conn, pack.created_by, Action.PACK_MADE, pack.id, now, batches=of)
    return pack


async def _known(conn: AsyncConnection, pack: Pack) -> Known:
    found = {batch_id: await batches.find(conn, batch_id) for batch_id in pack.batches}
    named = {each.audience_id for each in pack.variants if each.audience_id is not None}
    there = [one for one in sorted(named) if await audiences.find(conn, one) is not None]
    return Known({one: batch for one, batch in found.items() if batch is not None}, there)


@returns_refusal
async def preview_pack(
    ledger: Ledger, pack_id: str, zone: tzinfo, now: int
) -> PackPreview | Refused:
    """Return how many known students fulfil each variant now; not_found, or wrong_state without variants."""
    async with ledger.read() as conn:
        pack = await rows.find(conn, pack_id)
        if pack is None:
            return Refused(Code.NOT_FOUND)
        if not pack.variants:
            return Refused(Code.WRONG_STATE, "the pack has no variants")
        choices = [Choice(each.rule, each.audience_id) for each in pack.variants]
        counted = await audiences.count_choices(conn, choices, moment_of(zone, now))
    return preview_of(pack, counted)


@returns_refusal
async def find_pack(ledger: Ledger, pack_id: str) -> Pack | Refused:
    """Return the pack; not_found."""
    async with ledger.read() as conn:
        return await rows.find(conn, pack_id) or Refused(Code.NOT_FOUND)


async def list_packs(ledger: Ledger, after: str | None, limit: int) -> list[Pack]:
    """Return a page of packs, newest first, from behind the pack `after`."""
    async with ledger.read() as conn:
        return await rows.page(conn, after, limit)
