"""Look whether the student of an offer could have its coupon now, before an issuance is made for it.

Called by accept_offer.py, in its first transaction. Without it each try of a student who cannot have the
coupon would leave one more issuance behind. It reads what the ledger knows; the desk may know of a win of the
last moment, and then it is the issuance that refuses. The order is that of
flows/coupons/issuing/issue_piece.py.
"""

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.issuances import ItemOutcome, window_refusal
from server.core.ids import StudentId
from server.core.offers.offers import Offer
from server.core.promotions.batches import Batch
from server.desk.claims.caps import Cap, CapName
from server.flows.access.blocked import BlockedAs, block_refusal
from server.flows.coupons.issuing.issue_eligibility import ineligible_among
from server.flows.coupons.load_caps import caps_of, read_used_slots_of_many
from server.flows.promotions.stops import claims_refusal
from server.flows.stores import Stores, batch_and_template
from server.ledger.promotions import campaigns


async def is_at_limit(stores: Stores, offer: Offer) -> bool:
    """Return whether the ledger has all coupons that the student may have of the batch, or its campaign."""
    async with stores.ledger.read() as conn:
        batch, _ = await batch_and_template(conn, offer.batch_id)
    student = StudentId(offer.student)
    caps = caps_of(batch) or [Cap(CapName.BATCH, batch.id, batch.per_student)]
    used = await read_used_slots_of_many(stores.ledger, batch, caps, {student}, {})
    of_student = used.get(student, {})
    return any(len(of_student.get(cap.name, ())) >= cap.most for cap in caps)


async def outcome_now(
    conn: AsyncConnection, offer: Offer, account: BlockedAs, now: int, *, at_limit: bool
) -> ItemOutcome | None:
    """Return the outcome that refuses the coupon now; None where nothing known does."""
    batch, template = await batch_and_template(conn, offer.batch_id)
    campaign = batch.campaign_id and await campaigns.find(conn, batch.campaign_id)
    if await block_refusal(conn, account, now) is not None:
        return ItemOutcome.BLOCKED
    if await claims_refusal(conn, batch) is not None:
        return ItemOutcome.STOPPED
    closed = window_refusal(batch, template, campaign or None, now) is not None
    if closed or await _is_unfit(conn, batch, offer.student):
        return ItemOutcome.NOT_ELIGIBLE
    return ItemOutcome.LIMIT_REACHED if at_limit else None


async def _is_unfit(conn: AsyncConnection, batch: Batch, student: str) -> bool:
    return bool(await ineligible_among(conn, batch, [StudentId(student)]))
