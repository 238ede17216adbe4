"""Bodies and responses of offers. Used by offers.py and my_offers.py alone."""

from typing import Annotated

from pydantic import Field

from server.api.http.fields import (
    Body,
    Id,
    Message,
    Metadata,
    Moment,
    NotEmpty,
    QueryFields,
    ResponseModel,
    Room,
    ShortText,
    Student,
    absent,
)
from server.api.http.paging import PageQuery
from server.api.promotions.templates import TemplateResponse
from server.core.offers.offers import MAX_SECONDS, MAX_STUDENTS, MIN_SECONDS, OfferState


class OfferBody(Body):
    """An offer to `students`, or to those who are in the room and have the `tag`. `course`: what it is meant
    for, shown with it; where the coupon may be used is the template's scope. `metadata`: for the school, of
    each of the offers."""

    batch_id: Id
    students: Annotated[list[Student], NotEmpty, Field(max_length=MAX_STUDENTS)] | None = None
    tag: ShortText | None = None
    course: ShortText | None = None
    message: Message | None = None
    metadata: Metadata | None = None
    expires_in_seconds: Annotated[int, Field(ge=MIN_SECONDS, le=MAX_SECONDS)]


class OffersQuery(PageQuery):
    state: OfferState | None = None


class MyOffersQuery(QueryFields):
    """`course`: only what can be used for it. `room`: the one that the student is in; its drops are not
    told."""

    course: ShortText | None = None
    room: Room | None = None


class OfferCouponResponse(ResponseModel):
    """The coupon of an accepted offer."""

    id: str
    code: str
    valid_from: Moment
    valid_until: Moment
    use_by: Moment


class OfferResponse(ResponseModel):
    """`state`: `offered` and `seen` are open. `template`: what the coupon is worth. `coupon`: once it is
    accepted, to its student. `metadata`: to the school, never to its student."""

    id: str
    room: str
    batch_id: str
    student: str
    state: OfferState
    course: str | None = absent()
    message: str
    expires_at: Moment
    created_at: Moment
    ended_at: Moment | None = absent()
    coupon_id: str | None = absent()
    template: TemplateResponse
    coupon: OfferCouponResponse | None = absent()
    metadata: dict[str, str] | None = absent()


class RefusedOfferResponse(ResponseModel):
    """A student who can have no offer: `code` is `limit_reached`, `not_eligible` or `blocked`."""

    student: str
    code: str


class OffersMadeResponse(ResponseModel):
    offers: list[OfferResponse]
    refused: list[RefusedOfferResponse]


class OfferPageResponse(ResponseModel):
    offers: list[OfferResponse]
    next: str | None
