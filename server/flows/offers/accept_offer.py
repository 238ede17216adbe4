"""Accept an offer: its student gets the coupon that was kept for them.

Called by the API, and by a worker for what a process that died has left. Steps, each repeatable:

1. one transaction locks the offer and makes an issuance for its student, unless the ledger knows already why
   they cannot have the coupon (accept_checks.py). From here on the offer cannot be withdrawn, and does not
   expire;
2. the issuance is driven like all others (flows/coupons/issuing/drive_issuances.py). It takes no unit and no
   budget: the offer has taken them;
3. one transaction writes the outcome. A coupon that was refused leaves the offer open, with its unit.
"""

from dataclasses import replace

from server.core.coupons.issuances import IssuanceSource, ItemOutcome, NewIssuance
from server.core.offers.offers import Offer, OfferState
from server.core.refusals import Code, Refused
from server.flows.abort import Abort, returns_refusal
from server.flows.access.blocked import BlockedAs
from server.flows.coupons.issuing import issue
from server.flows.coupons.issuing.drive_issuances import IssueParts, drive
from server.flows.offers.accept_checks import is_at_limit, outcome_now
from server.flows.offers.offer_notices import record_accepted, show_ended
from server.flows.stores import Stores
from server.ids import new_id
from server.ledger.coupons import issuance_items
from server.ledger.offers import offers

_AT_ONCE = 100
_REFUSALS = {
    ItemOutcome.BLOCKED: (Code.BLOCKED, "the account gets nothing"),
    ItemOutcome.LIMIT_REACHED: (Code.LIMIT_REACHED, "the student has all coupons of this batch"),
    ItemOutcome.NOT_ELIGIBLE: (Code.WRONG_STATE, "the student cannot have it now"),
    ItemOutcome.STOPPED: (Code.WRONG_STATE, "claims are stopped"),
}


@returns_refusal
async def accept(
    stores: Stores, parts: IssueParts, offer_id: str, account: BlockedAs, now: int
) -> Offer | Refused:
    """Give the student the coupon of their offer. Repeatable: an accepted offer is returned again.

    Refuses with not_found, wrong_state where it is open no more, blocked, limit_reached, in_progress while
    another process gives it, unavailable.
    """
    issuance_id, driver = new_id("iss"), new_id("drv")
    async with stores.ledger.read() as conn:
        seen = await offers.find(conn, offer_id)
    at_limit = seen is not None and seen.is_open and await is_at_limit(stores, seen)
    async with stores.ledger.begin() as conn:
        offer = await offers.find_for_update(conn, offer_id)
        if offer is None or offer.student != account.student:
            raise Abort(Refused(Code.NOT_FOUND))
        if offer.state is OfferState.ACCEPTED:
            return offer
        _abort_unless_open(offer, now)
        if offer.issuance_id is None:
            outcome = await outcome_now(conn, offer, account, now, at_limit=at_limit)
            if outcome is not None:
                raise Abort(_refusal(outcome))
            form = NewIssuance(
                reason="private offer",
                batch_id=offer.batch_id,
                source=IssuanceSource.OFFER,
                source_id=offer.id,
            )
            await issue.add(
                conn,
                form,
                actor=offer.created_by,
                now=now,
                students=[offer.student],
                issuance_id=issuance_id,
                driver=driver,
            )
            await offers.change(conn, offer.id, issuance_id=issuance_id)
    if offer.issuance_id is None:
        await drive(parts, issuance_id, driver)
    else:
        await drive(parts, offer.issuance_id)
    return await settle(stores, offer_id, parts.clock())


def _abort_unless_open(offer: Offer, now: int) -> None:
    if not offer.is_open:
        raise Abort(Refused(Code.WRONG_STATE, "the offer has ended", {"state": offer.state.value}))
    if offer.expires_at <= now and offer.issuance_id is None:
        raise Abort(Refused(Code.WRONG_STATE, "its time is over", {"state": OfferState.EXPIRED}))


async def settle(stores: Stores, offer_id: str, now: int) -> Offer:
    """Do step 3; Abort with the refusal of the issuance, or in_progress where it is not decided yet."""
    async with stores.ledger.begin() as conn:
        offer = await offers.find_for_update(conn, offer_id)
        assert offer is not None  # an open offer is not deleted
        if not offer.is_open or offer.issuance_id is None:
            return offer
        outcomes = await issuance_items.outcomes_of(conn, offer.issuance_id, [offer.student])
        outcome = outcomes.get(offer.student)
        if outcome is None:
            raise Abort(Refused(Code.IN_PROGRESS, "its coupon is on the way"))
        if outcome is not ItemOutcome.ISSUED:
            await offers.change(conn, offer.id, issuance_id=None)
        else:
            given = await issuance_items.coupons_of(conn, offer.issuance_id, [offer.student])
            coupon_id = given[offer.student][0]
            accepted = replace(offer, state=OfferState.ACCEPTED, ended_at=now, coupon_id=coupon_id)
            await offers.change(
                conn,
                offer.id,
                state=accepted.state.value,
                ended_at=now,
                coupon_id=coupon_id,
            )
            await record_accepted(conn, accepted, now)
    if outcome is not ItemOutcome.ISSUED:
        raise Abort(_refusal(outcome))
    await show_ended(stores.feed, [accepted])
    return accepted


def _refusal(outcome: ItemOutcome) -> Refused:
    code, words = _REFUSALS.get(outcome, (Code.WRONG_STATE, outcome.value))
    return Refused(code, words, {"reason": outcome.value})


async def settle_left_behind(stores: Stores, now: int) -> None:
    """Settle what processes that died have left; a worker drives their issuances."""
    async with stores.ledger.read() as conn:
        waiting = await offers.being_accepted(conn, _AT_ONCE)
    for offer_id in waiting:
        try:
            await settle(stores, offer_id, now)
        except Abort:
            continue  # not decided yet, or refused: then it is open again
