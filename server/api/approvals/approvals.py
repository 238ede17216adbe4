"""/v1/approvals: what waits for a second operator, and the second operator's yes or no.

Operators and finance see it; an operator decides whose token may `approve`, and who did not ask for it.
"""

from functools import partial
from typing import Annotated

from pydantic import Field

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
from server.api.http.fields import Body, Moment, Readable, ResponseModel, absent
from server.api.http.paging import PageQuery, first_page
from server.core.approvals.approvals import (
    MAX_NOTE,
    Approval,
    ApprovalKind,
    ApprovalState,
    expires_at,
)
from server.core.refusals import Code, Refused
from server.flows.approvals import approvals as flows
from server.flows.approvals.approvals import Decision


class ApprovalsQuery(PageQuery):
    """`state`: only approvals in it."""

    state: ApprovalState | None = None


class DecisionBody(Body):
    """`note`: why, for whoever asked."""

    note: Annotated[str, Field(max_length=MAX_NOTE), Readable] = ""


class ApprovalResponse(ResponseModel):
    """`about`: the id of what waits. `over`: the limits that it is over, `students` and `amount`. `students`
    null: nobody knows yet how many there will be; `amount` null: nothing bounds what they may take off.
    `expires_at`: until when it waits; null: for ever, or it waits no more."""

    id: str
    kind: ApprovalKind
    state: ApprovalState
    about: str
    batch_id: str | None = absent()
    pack_id: str | None = absent()
    reason: str
    over: list[str]
    students: int | None
    amount: int | None
    currency: str
    asked_by: str
    asked_at: Moment
    decided_by: str | None
    decided_at: Moment | None
    note: str
    expires_at: Moment | None


class SendLimitsResponse(ResponseModel):
    """The most that one operator may send alone. Null: anything."""

    students: int | None
    amount: int | None


class ApprovalPageResponse(ResponseModel):
    approvals: list[ApprovalResponse]
    limits: SendLimitsResponse
    next: str | None


async def index(
    deps: ApiDependencies, request: ApiRequest[NoBody, ApprovalsQuery]
) -> ApiResponse | Refused:
    query = request.query
    found = await flows.list_approvals(deps.ledger, query.state, query.after, query.limit + 1)
    page, following = first_page(found, query.limit)
    limits = SendLimitsResponse(
        students=deps.send_limits.students or None, amount=deps.send_limits.amount or None
    )
    listed = [_response(deps, one) for one in page]
    return ApiResponse(ApprovalPageResponse(approvals=listed, limits=limits, next=following))


async def show(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    shown = await flows.show(deps.ledger, request.path["id"])
    return respond(shown, partial(_response, deps))


async def approve(
    deps: ApiDependencies, request: ApiRequest[DecisionBody, NoQuery]
) -> ApiResponse | Refused:
    return await _decide(deps, request, is_yes=True)


async def reject(
    deps: ApiDependencies, request: ApiRequest[DecisionBody, NoQuery]
) -> ApiResponse | Refused:
    return await _decide(deps, request, is_yes=False)


async def _decide(
    deps: ApiDependencies, request: ApiRequest[DecisionBody, NoQuery], *, is_yes: bool
) -> ApiResponse | Refused:
    decision = Decision(request.identity.subject, is_yes, request.body.note)
    decided = await flows.decide(
        deps.ledger,
        deps.appliers,
        request.path["id"],
        decision=decision,
        waits_ms=deps.approval_ms,
        now=request.now,
    )
    return respond(decided, partial(_response, deps))


def _response(deps: ApiDependencies, approval: Approval) -> ApprovalResponse:
    facts = approval.facts
    return ApprovalResponse.model_validate(
        {
            "id": approval.id,
            "kind": approval.kind,
            "state": approval.state,
            "about": approval.subject,
            "batch_id": facts.get("batch"),
            "pack_id": facts.get("pack"),
            **{name: facts[name] for name in ("reason", "over", "students", "amount", "currency")},
            "asked_by": approval.asked_by,
            "asked_at": approval.asked_at,
            "decided_by": approval.decided_by,
            "decided_at": approval.decided_at,
            "note": approval.note,
            "expires_at": expires_at(approval, deps.approval_ms),
        }
    )


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/v1/approvals",
        rule=auth.OPERATOR_READ,
        handler=index,
        query=ApprovalsQuery,
        response=ApprovalPageResponse,
        summary="List what waits for a second operator, or did, newest first",
    ),
    Endpoint(
        method="GET",
        path="/v1/approvals/{id}",
        rule=auth.OPERATOR_READ,
        handler=show,
        response=ApprovalResponse,
        summary="Get an approval",
    ),
    Endpoint(
        method="POST",
        path="/v1/approvals/{id}/approve",
        rule=auth.APPROVER,
        handler=approve,
        body=DecisionBody,
        response=ApprovalResponse,
        summary="Let it happen. Repeatable; by another operator than who asked",
        refuses=(Code.WRONG_STATE,),
    ),
    Endpoint(
        method="POST",
        path="/v1/approvals/{id}/reject",
        rule=auth.APPROVER,
        handler=reject,
        body=DecisionBody,
        response=ApprovalResponse,
        summary="Refuse it: nothing is sent. Repeatable; by another operator than who asked",
        refuses=(Code.WRONG_STATE,),
    ),
)
