"""Say which coupons a student of an issuance gets: one of its batch, all of its pack, or that of the first
variant of its pack that they fulfil.

Called by issue_piece.py, which gives each student all of them or none.
"""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.issuances import Grants, Issuance
from server.core.coupons.packs import Pack
from server.core.ids import BatchId, StudentId
from server.ledger.audiences.audiences import Choice, chosen_among
from server.ledger.audiences.rules import Moment
from server.ledger.coupons import packs


async def batches_of(conn: AsyncConnection, issuance: Issuance) -> Sequence[BatchId]:
    """Return every batch that a student of the issuance may get a coupon of."""
    if issuance.batch_id is not None:
        return (BatchId(issuance.batch_id),)
    return (await _pack(conn, issuance)).batches


async def grants_of(
    conn: AsyncConnection, issuance: Issuance, students: Sequence[StudentId], moment: Moment
) -> Grants:
    """Return the batches of which each of these students gets a coupon; empty where they get none."""
    if issuance.batch_id is not None:
        return dict.fromkeys(students, (BatchId(issuance.batch_id),))
    pack = await _pack(conn, issuance)
    if pack.items:
        return dict.fromkeys(students, pack.grant)
    grants: dict[StudentId, tuple[BatchId, ...]] = dict.fromkeys(students, ())
    left = set(students)
    for variant in pack.variants:
        choice = Choice(variant.rule, variant.audience_id)
        chosen = left & await chosen_among(conn, choice, left, moment)
        grants |= dict.fromkeys(chosen, (variant.batch_id,))
        left -= chosen
    return grants


async def _pack(conn: AsyncConnection, issuance: Issuance) -> Pack:
    pack = await packs.find(conn, issuance.pack_id or "")
    assert pack is not None  # packs are never deleted
    return pack
