"""/v1/issuances: give coupons without a tap, to named students, an audience or an import; stop and undo that.

For operators and the school's own back end. What a worker does after the request is seen by asking again.
"""

from server.api.coupons.issuance_models import (
    IssuanceBody,
    IssuancePageResponse,
    IssuanceResponse,
    IssuancesQuery,
    ItemPageResponse,
    ItemResponse,
    ItemsQuery,
    NotifyBody,
)
from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import (
    AnyEndpoint,
    ApiRequest,
    ApiResponse,
    Endpoint,
    NoBody,
    NoQuery,
    respond,
)
from server.api.http.paging import first_page
from server.core.coupons.issuances import (
    SMALL,
    Issuance,
    IssuanceItem,
    IssuanceSource,
    IssuanceState,
    NewIssuance,
)
from server.core.identity import Role
from server.core.ids import StudentId
from server.core.refusals import Code, Refused, invalid_field
from server.flows.approvals.approvals import find_of
from server.flows.coupons.issuing import issuances as flows
from server.flows.coupons.issuing.drive_issuances import IssueParts
from server.flows.coupons.issuing.issuances import Asker


async def create(
    deps: ApiDependencies, request: ApiRequest[IssuanceBody, NoQuery]
) -> ApiResponse | Refused:
    body, identity = request.body, request.identity
    is_support = identity.role is Role.SUPPORT
    if is_support and not _is_for_support(body):
        return Refused(Code.WRONG_ROLE, "support gives one batch to named students, at once")
    form = _form(body)
    if isinstance(form, Refused):
        return form
    students = [StudentId(one) for one in body.students or ()]
    asker = Asker(
        identity.subject,
        identity.role is not Role.SERVICE,
        deps.undo_ms,
        deps.support_a_day if is_support else None,
        deps.send_limits,
    )
    made = await flows.ask(_parts(deps), form, students, asker, request.key)
    if isinstance(made, Refused):
        return made
    if made.state is IssuanceState.DRAFT:
        shown = await _with_approval(deps, made)
        return ApiResponse(shown.model_copy(update={"state": "waiting"}))
    if made.state is not IssuanceState.DONE or made.asked > SMALL or not students:
        return ApiResponse(_response(made))
    items = await flows.list_items(_parts(deps), made.id, None, None, SMALL)
    if isinstance(items, Refused):
        return items
    return ApiResponse(_response(made, [_item_response(one) for one in items]), status=200)


def _is_for_support(body: IssuanceBody) -> bool:
    others = (body.pack_id, body.audience_id, body.import_id, body.send_at, body.repeat)
    return all(each is None for each in others) and not body.hold_out_percent


def _form(body: IssuanceBody) -> NewIssuance | Refused:
    wrong = _choice_fault(body)
    if wrong is not None:
        return wrong
    source = IssuanceSource.API
    if body.audience_id is not None:
        source = IssuanceSource.AUDIENCE
    elif body.import_id is not None:
        source = IssuanceSource.IMPORT
    return NewIssuance(
        reason=body.reason,
        batch_id=body.batch_id,
        pack_id=body.pack_id,
        source=source,
        source_id=body.audience_id or body.import_id,
        hold_out_percent=body.hold_out_percent,
        send_at=body.send_at,
        repeat=body.repeat,
        notify=None if body.notify is None else _notify(body.notify),
        metadata=body.metadata or {},
    )


def _notify(body: NotifyBody) -> dict[str, object]:
    channels = None if body.channels is None else list(dict.fromkeys(body.channels))
    return {"text": body.text, "channels": channels}


def _choice_fault(body: IssuanceBody) -> Refused | None:
    """Return the refusal where the body names no batch or no students, or names them twice."""
    for names in (("batch_id", "pack_id"), ("students", "audience_id", "import_id")):
        given = [name for name in names if getattr(body, name) is not None]
        if not given:
            return invalid_field(names[0], "missing", f"one of {', '.join(names)}")
        if len(given) > 1:
            return invalid_field(given[1], "conflict", f"only one of {', '.join(names)}")
    return None


async def index(deps: ApiDependencies, request: ApiRequest[NoBody, IssuancesQuery]) -> ApiResponse:
    query = request.query
    found = await flows.list_issuances(
        _parts(deps),
        query.batch_id,
        query.parent_id,
        query.source_id,
        query.after,
        query.limit + 1,
    )
    page, following = first_page(found, query.limit)
    return ApiResponse(
        IssuancePageResponse(issuances=[_response(one) for one in page], next=following)
    )


async def show(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    found = await flows.show(_parts(deps), request.path["id"])
    if isinstance(found, Refused):
        return found
    return ApiResponse(await _with_approval(deps, found))


async def _with_approval(deps: ApiDependencies, issuance: Issuance) -> IssuanceResponse:
    """Return an issuance with the id of its approval, where it needs or needed one."""
    approval = await find_of(deps.ledger, issuance.id)
    return _response(issuance).model_copy(update={"approval_id": approval and approval.id})


async def items(
    deps: ApiDependencies, request: ApiRequest[NoBody, ItemsQuery]
) -> ApiResponse | Refused:
    query = request.query
    outcome = None if query.outcome == "pending" else query.outcome
    found = await flows.list_items(
        _parts(deps),
        request.path["id"],
        outcome,
        query.after,
        query.limit + 1,
        is_pending=query.outcome == "pending",
    )
    if isinstance(found, Refused):
        return found
    page, following = first_page(found, query.limit)
    return ApiResponse(
        ItemPageResponse(items=[_item_response(one) for one in page], next=following)
    )


async def stop(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    ended = await flows.stop(_parts(deps), request.path["id"], request.identity.subject)
    return respond(ended, _response)


async def undo(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    ended = await flows.undo(_parts(deps), request.path["id"], request.identity.subject)
    return respond(ended, _response)


def _parts(deps: ApiDependencies) -> IssueParts:
    return IssueParts(deps.ledger, deps.drop_desk, deps.clock, deps.time_zone)


def _response(issuance: Issuance, items: list[ItemResponse] | None = None) -> IssuanceResponse:
    return IssuanceResponse(
        id=issuance.id,
        state=issuance.state,
        batch_id=issuance.batch_id,
        pack_id=issuance.pack_id,
        source=issuance.source,
        source_id=issuance.source_id,
        reason=issuance.reason,
        asked=issuance.asked,
        issued=issuance.issued,
        refused=issuance.refused,
        held_out=issuance.held_out,
        taken_back=issuance.taken_back,
        hold_out_percent=issuance.hold_out_percent,
        repeat=issuance.repeat,
        parent_id=issuance.parent_id,
        created_by=issuance.created_by,
        created_at=issuance.created_at,
        due_at=issuance.due_at,
        started_at=issuance.started_at,
        finished_at=issuance.finished_at,
        metadata=dict(issuance.metadata),
        items=items,
    )


def _item_response(item: IssuanceItem) -> ItemResponse:
    ids = item.coupon_ids
    return ItemResponse(
        student=item.student,
        outcome=item.outcome,
        coupon_id=ids[0] if ids else None,
        coupon_ids=list(ids) if len(ids) > 1 else None,
        decided_at=item.decided_at,
    )


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/issuances",
        rule=auth.ISSUER,
        handler=create,
        body=IssuanceBody,
        response=IssuanceResponse,
        status=202,
        summary="Give coupons without a tap: 200 with `items` where it is done, 202 where it goes on",
        refuses=(Code.WRONG_STATE, Code.SUPPORT_LIMIT),
        is_create=True,
    ),
    Endpoint(
        method="GET",
        path="/v1/issuances",
        rule=auth.ORDER_READ,
        handler=index,
        query=IssuancesQuery,
        response=IssuancePageResponse,
        summary="List issuances, newest first",
    ),
    Endpoint(
        method="GET",
        path="/v1/issuances/{id}",
        rule=auth.ORDER_READ,
        handler=show,
        response=IssuanceResponse,
        summary="Show how far an issuance is",
    ),
    Endpoint(
        method="GET",
        path="/v1/issuances/{id}/items",
        rule=auth.ORDER_READ,
        handler=items,
        query=ItemsQuery,
        response=ItemPageResponse,
        summary="List the students of an issuance with their outcomes, in the order of their ids",
    ),
    Endpoint(
        method="POST",
        path="/v1/issuances/{id}/stop",
        rule=auth.SENDER,
        handler=stop,
        response=IssuanceResponse,
        summary="Let an issuance give no more. Repeatable",
        refuses=(Code.WRONG_STATE,),
    ),
    Endpoint(
        method="POST",
        path="/v1/issuances/{id}/undo",
        rule=auth.SENDER,
        handler=undo,
        response=IssuanceResponse,
        summary="Take an issuance back: nothing more goes out, and what is not used is revoked. Repeatable",
        refuses=(Code.WRONG_STATE,),
    ),
)
