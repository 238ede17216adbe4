"""End offers that are not taken: declined, withdrawn, expired. Their units are the batch's again.

Called by the API, and by a worker for those whose time is over. Each end locks the offer's row and looks
whether it is still open: of an acceptance, a withdrawal and the end of its time exactly one wins.
"""

from dataclasses import replace
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.acts import Action
from server.core.offers.offers import Offer, OfferState, can_end
from server.core.refusals import Code, Refused
from server.flows.abort import Abort, returns_refusal
from server.flows.offers.offer_notices import record_ended, show_ended
from server.flows.stores import Stores
from server.ledger import acts
from server.ledger.offers import offers
from server.ledger.promotions import batch_stock

KEPT_MS: Final = 400 * 86_400_000
_AT_ONCE: Final = 200
_OLD_AT_ONCE: Final = 1_000
_ROUNDS: Final = 20


@returns_refusal
async def withdraw(stores: Stores, offer_id: str, room: str, now: int) -> Offer | Refused:
    """Withdraw an offer of the room. Repeatable. Refuses with not_found, and wrong_state where it has ended
    otherwise, or its student is accepting it.
    """
    async with stores.ledger.begin() as conn:
        offer = await offers.find_for_update(conn, offer_id)
        if offer is None or offer.room != room:
            raise Abort(Refused(Code.NOT_FOUND))
        if offer.state is OfferState.WITHDRAWN:
            return offer
        ended = await end_open(conn, offer, OfferState.WITHDRAWN, now)
        await acts.write_act(conn, stores.actor, Action.OFFER_WITHDRAWN, offer_id, now)
    await show_ended(stores.feed, [ended])
    return ended


@returns_refusal
async def decline(stores: Stores, offer_id: str, student: str, now: int) -> Offer | Refused:
    """Decline an offer, as its student. Repeatable. Refuses as `withdraw` does."""
    async with stores.ledger.begin() as conn:
        offer = await offers.find_for_update(conn, offer_id)
        if offer is None or offer.student != student:
            raise Abort(Refused(Code.NOT_FOUND))
        if offer.state is OfferState.DECLINED:
            return offer
        ended = await end_open(conn, offer, OfferState.DECLINED, now)
    await show_ended(stores.feed, [ended])
    return ended


async def expire_due(stores: Stores, now: int) -> int:
    """End the offers whose time is over; return how many. Any number of workers may do it."""
    async with stores.ledger.read() as conn:
        due = await offers.overdue(conn, now, _AT_ONCE)
    ended = []
    for offer_id in due:
        async with stores.ledger.begin() as conn:
            offer = await offers.find_for_update(conn, offer_id)
            if offer is not None and can_end(offer) and offer.expires_at <= now:
                ended.append(await end_open(conn, offer, OfferState.EXPIRED, now))
    await show_ended(stores.feed, ended)
    return len(ended)


async def delete_old(stores: Stores, now: int) -> None:
    """Delete, in pieces, the offers that ended 400 days ago."""
    for _ in range(_ROUNDS):
        async with stores.ledger.begin() as conn:
            if await offers.delete_old(conn, now - KEPT_MS, _OLD_AT_ONCE) < _OLD_AT_ONCE:
                return


async def end_open(conn: AsyncConnection, offer: Offer, state: OfferState, now: int) -> Offer:
    """End the offer, whose row is locked, and give its unit back. Abort(wrong_state) where it cannot end."""
    if not can_end(offer):
        words = "its student is accepting it" if offer.is_open else "the offer has ended"
        raise Abort(Refused(Code.WRONG_STATE, words, {"state": offer.state.value}))
    ended = replace(offer, state=state, ended_at=now)
    await offers.change(conn, offer.id, state=state.value, ended_at=now)
    await batch_stock.give_back(conn, offer.batch_id, offer.room, 1)
    await record_ended(conn, ended, now)
    return ended
