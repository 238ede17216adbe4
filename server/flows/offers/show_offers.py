"""Read offers: those of a room for its teachers, those of a student for the student.

Called by the API. Changes nothing but `seen`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.coupons import Coupon
from server.core.offers.offers import Offer, OfferState
from server.core.promotions.templates import Template
from server.core.refusals import Code, Refused
from server.flows.abort import Abort, returns_refusal
from server.flows.stores import batch_and_template
from server.ledger.coupons import coupons
from server.ledger.engine import Ledger
from server.ledger.offers import offers


@dataclass(frozen=True, slots=True)
class ShownOffer:
    """An offer with what its coupon is worth; `coupon`: the coupon, once it is accepted."""

    offer: Offer
    template: Template
    coupon: Coupon | None = None

    @property
    def id(self) -> str:
        """The cursor of a page."""
        return self.offer.id


async def show(ledger: Ledger, found: Sequence[Offer]) -> list[ShownOffer]:
    """Return these offers as they are shown."""
    async with ledger.read() as conn:
        return await _shown(conn, found)


async def page_of_room(
    ledger: Ledger, room: str, state: OfferState | None, after: str | None, limit: int
) -> list[ShownOffer]:
    """Return a page of the room's offers, newest first, from behind the offer `after`."""
    async with ledger.read() as conn:
        return await _shown(conn, await offers.page_of_room(conn, room, state, limit, after))


async def open_of_student(
    ledger: Ledger, student: str, course: str | None, now: int
) -> list[ShownOffer]:
    """Return the student's open offers, newest first; those for a course, where one is named: meant for it,
    or for none, with a scope that has it.
    """
    async with ledger.read() as conn:
        found = await _shown(conn, await offers.open_of_student(conn, student, now))
    return [one for one in found if course is None or _is_for(one, course)]


def _is_for(shown: ShownOffer, course: str) -> bool:
    return shown.offer.course in (None, course) and fits(shown.template, course)


def fits(template: Template, course: str | None) -> bool:
    """Return whether a coupon of the template can be used for the course; None: for whatever there is."""
    scope = template.form.scope
    return course is None or not (scope.courses or scope.packages) or course in scope.courses


@returns_refusal
async def mark_seen(ledger: Ledger, offer_id: str, student: str) -> Offer | Refused:
    """Note that the student's screen has shown the offer. Repeatable; an offer that has ended stays as it
    is. Refuses with not_found.
    """
    async with ledger.begin() as conn:
        offer = await offers.find_for_update(conn, offer_id)
        if offer is None or offer.student != student:
            raise Abort(Refused(Code.NOT_FOUND))
        if offer.state is OfferState.OFFERED:
            await offers.change(conn, offer_id, state=OfferState.SEEN.value)
            offer = replace(offer, state=OfferState.SEEN)
    return offer


async def _shown(conn: AsyncConnection, found: Sequence[Offer]) -> list[ShownOffer]:
    templates = {
        one: (await batch_and_template(conn, one))[1] for one in {each.batch_id for each in found}
    }
    ids = [one.coupon_id for one in found if one.coupon_id is not None]
    given = {one.id: one for one in await coupons.by_ids(conn, ids)} if ids else {}
    return [
        ShownOffer(
            one,
            templates[one.batch_id],
            None if one.coupon_id is None else given.get(one.coupon_id),
        )
        for one in found
    ]
