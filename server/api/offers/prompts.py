"""POST /v1/prompts: "one more coupon saves X", for an order and the coupons that its student could get now.

A student asks for themselves, the school's back end for any student. Changes no data.
"""

from typing import Any, Literal

from server.api.checkout.orders import order_of
from server.api.checkout.quotes import QuoteBody, selection_of, student_of
from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import AnyEndpoint, ApiRequest, ApiResponse, Endpoint, NoQuery
from server.api.http.fields import Moment, ResponseModel, absent
from server.api.offers.offers import stores_of
from server.api.promotions.templates import TemplateResponse, template_response
from server.core.checkout.quoting.hints import Hint
from server.core.drops.tasks import task_to_json
from server.core.identity import Identity, Role
from server.core.refusals import Refused
from server.flows.access.blocked import BlockedAs
from server.flows.checkout.quotes import QuoteForm, prompts_on
from server.flows.offers import show_offers
from server.flows.offers.show_offers import ShownOffer
from server.flows.offers.ways import Seeker, Way, as_coupon, find_ways


class WayResponse(ResponseModel):
    """A place where a coupon can be got now: a drop that is open in `room`, or a link. `link`: its name for
    /c/{link} and for claims. `task`: the kind of what is to be done first."""

    kind: Literal["drop", "link"]
    drop_id: str
    room: str | None = absent()
    link: str | None = absent()
    message: str
    opens_at: Moment
    closes_at: Moment
    remaining: int
    task: str | None = absent()
    template: TemplateResponse


class PromptResponse(ResponseModel):
    """A coupon that the student could get, and what it saves on this order beside the selected ones.

    `spend_more`, `pieces_more`: what is to be bought first, as in a quote's hints; 0: it saves that now.
    `offer_id` with the kind `offer`, else `drop_id`; `room` or `link`: where it can be got."""

    kind: Literal["offer", "drop", "link"]
    name: str
    offer_id: str | None = absent()
    drop_id: str | None = absent()
    room: str | None = absent()
    link: str | None = absent()
    spend_more: int
    pieces_more: int | None = absent()
    save_more: int
    worth: int | None = absent()


class PromptsResponse(ResponseModel):
    prompts: list[PromptResponse]


async def create(
    deps: ApiDependencies, request: ApiRequest[QuoteBody, NoQuery]
) -> ApiResponse | Refused:
    body = request.body
    student = student_of(request.identity, body.student)
    if isinstance(student, Refused):
        return student
    form = QuoteForm(order_of(body.order), student, selection_of(body), body.balance, body.order_id)
    places = await _places(deps, request, student) if student is not None else {}
    could_get = [as_coupon(one, str(student), request.now) for one in places.values()]
    hints = await prompts_on(deps.ledger, form, could_get, request.now, deps.money_rules)
    if isinstance(hints, Refused):
        return hints
    return ApiResponse(
        PromptsResponse(prompts=[_prompt_response(places[hint.code], hint) for hint in hints])
    )


async def _places(
    deps: ApiDependencies, request: ApiRequest[Any, Any], student: str
) -> dict[str, Way | ShownOffer]:
    """Return where the student could get a coupon, by the code that `as_coupon` gives it."""
    now = request.now
    kept = await show_offers.open_of_student(deps.ledger, student, None, now)
    found = await find_ways(
        stores_of(deps, request), seeker_of(request.identity, student), None, now
    )
    return {one.id: one for one in kept} | {one.drop.id: one for one in found}


def seeker_of(identity: Identity, student: str) -> Seeker:
    """Return who asks. The school's back end knows nothing of a student's token."""
    if identity.role is not Role.STUDENT:
        return Seeker(BlockedAs(student))
    account = BlockedAs(student, identity.tags, identity.person, identity.device)
    return Seeker(account, identity.rooms, identity.is_new)


def way_response(way: Way) -> WayResponse:
    """Return a drop or a link as JSON."""
    drop = way.drop
    return WayResponse(
        kind="drop" if way.slug is None else "link",
        drop_id=drop.id,
        room=drop.room if way.slug is None else None,
        link=way.slug,
        message=drop.message,
        opens_at=drop.window.opens_at,
        closes_at=drop.window.closes_at,
        remaining=way.remaining,
        task=None if drop.task is None else str(task_to_json(drop.task)["kind"]),
        template=template_response(way.template),
    )


def _prompt_response(place: Way | ShownOffer, hint: Hint) -> PromptResponse:
    if isinstance(place, ShownOffer):
        where: dict[str, Any] = {"kind": "offer", "offer_id": place.id, "room": place.offer.room}
    elif place.slug is None:
        where = {"kind": "drop", "drop_id": place.drop.id, "room": place.drop.room}
    else:
        where = {"kind": "link", "drop_id": place.drop.id, "link": place.slug}
    return PromptResponse(
        **where,
        name=place.template.form.name,
        spend_more=hint.spend_more,
        pieces_more=hint.pieces_more or None,
        save_more=hint.save_more,
        worth=hint.worth or None,
    )


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/prompts",
        rule=auth.BUYER,
        handler=create,
        body=QuoteBody,
        response=PromptsResponse,
        summary="Say what coupons that the student could get would save on an order",
    ),
)
