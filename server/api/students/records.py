"""/v1/students/{student}: everything that is kept of one student; its export and erasure. For operators."""

from typing import Annotated, Any, Literal

from pydantic import Field

from server.api.audiences.students import StudentResponse, student_response
from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import (
    AnyEndpoint,
    ApiRequest,
    ApiResponse,
    Endpoint,
    NoBody,
    NoQuery,
)
from server.api.http.fields import Body, Moment, Readable, ResponseModel, absent
from server.api.http.paging import PageQuery
from server.api.students.jobs import JobResponse, accepted
from server.core.refusals import Code, Refused
from server.flows.students.erase import ErasureRequest, request_erasure
from server.flows.students.export import request_export
from server.ledger.audiences import students
from server.ledger.students import record

SectionName = Literal[
    "coupons",
    "claims",
    "orders",
    "refunds",
    "balance_entries",
    "messages",
    "blocks",
    "acts",
    "jobs",
]
FIRST_ROWS = 20  # of each section, where no limit is named
Reason = Annotated[str, Field(min_length=1, max_length=200), Readable]


class RecordQuery(PageQuery):
    """`section`: this one alone; `after` is then its `next`. `limit`: rows of each section."""

    limit: Annotated[int, Field(ge=1, le=200)] = FIRST_ROWS
    section: SectionName | None = None


class ErasureBody(Body):
    reason: Reason


class RecordCouponResponse(ResponseModel):
    """`state` as it is stored; a usable coupon is over at `valid_until`, or at `hold_until` before."""

    id: str
    code: str
    name: str
    state: str
    source: str
    batch_id: str
    drop_id: str | None = absent()
    issuance_id: str | None = absent()
    valid_from: Moment
    valid_until: Moment
    hold_until: Moment | None = absent()
    created_at: Moment
    redeemed_at: Moment | None = absent()


class RecordClaimResponse(ResponseModel):
    """`id`: the coupon's."""

    id: str
    claim_id: str
    drop_id: str
    batch_id: str
    state: str
    reason: str | None = absent()
    won_at: Moment
    confirmed_at: Moment


class RecordOrderResponse(ResponseModel):
    """`id`: the redemption's. `GET /v1/orders/{order_id}` has all of it."""

    id: str
    order_id: str
    state: str
    currency: str
    subtotal: int
    discount: int
    payable: int
    created_at: Moment
    paid_at: Moment | None = absent()


class RecordRefundsResponse(ResponseModel):
    """The refunds of one order, added up. `id`: the redemption's."""

    id: str
    order_id: str
    currency: str
    refunds: int
    refunded: int
    charged_back: int
    last_at: Moment


class RecordBalanceResponse(ResponseModel):
    currency: str
    amount: int


class RecordEntryResponse(ResponseModel):
    id: str
    at: Moment
    currency: str
    amount: int
    kind: str
    redemption_id: str | None = absent()


class RecordMessageResponse(ResponseModel):
    id: str
    kind: str
    channel: str
    state: str
    reason: str | None = absent()
    text: str | None = absent()
    coupon_id: str | None = absent()
    cause: str | None = absent()
    created_at: Moment
    sent_at: Moment | None = absent()


class RecordBlockResponse(ResponseModel):
    """`kind` `sub`: a revocation of tokens."""

    id: str
    kind: str
    reason: str
    created_by: str
    created_at: Moment
    until: Moment | None = absent()
    ended_at: Moment | None = absent()


class RecordActResponse(ResponseModel):
    id: str
    at: Moment
    actor: str
    action: str
    detail: dict[str, Any]


class RecordJobResponse(ResponseModel):
    id: str
    kind: str
    state: str
    created_by: str
    created_at: Moment
    done_at: Moment | None = absent()


class RecordResponse(ResponseModel):
    """The newest rows of each section. `more`: section -> the `after` with which it goes on. `profile` is
    absent for a student of whom the school has told nothing."""

    id: str
    profile: StudentResponse | None = absent()
    balance: list[RecordBalanceResponse]
    coupons: list[RecordCouponResponse] | None = absent()
    claims: list[RecordClaimResponse] | None = absent()
    orders: list[RecordOrderResponse] | None = absent()
    refunds: list[RecordRefundsResponse] | None = absent()
    balance_entries: list[RecordEntryResponse] | None = absent()
    messages: list[RecordMessageResponse] | None = absent()
    blocks: list[RecordBlockResponse] | None = absent()
    acts: list[RecordActResponse] | None = absent()
    jobs: list[RecordJobResponse] | None = absent()
    more: dict[SectionName, str]


async def show(
    deps: ApiDependencies, request: ApiRequest[NoBody, RecordQuery]
) -> ApiResponse | Refused:
    student, query = request.path["student"], request.query
    names = [query.section] if query.section else record.SECTIONS
    after = query.after if query.section else None
    async with deps.ledger.read() as conn:
        profile = await students.find(conn, student)
        found = await record.sections(conn, student, names, query.limit, after)
        balance = await record.balance_of(conn, student)
    if profile is None and not balance and not after and not any(s.rows for s in found.values()):
        return Refused(Code.NOT_FOUND)
    fields: dict[str, Any] = {
        name: [dict(row) for row in section.rows] for name, section in found.items()
    }
    fields |= {
        "id": student,
        "profile": None if profile is None else student_response(profile),
        "balance": [dict(row) for row in balance],
        "more": {name: section.next for name, section in found.items() if section.next},
    }
    return ApiResponse(RecordResponse.model_validate(fields))


async def export(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    actor, student = request.identity.subject, request.path["student"]
    job = await request_export(deps.ledger, actor, student, request.key, request.now)
    return job if isinstance(job, Refused) else accepted(job)


async def erase(
    deps: ApiDependencies, request: ApiRequest[ErasureBody, NoQuery]
) -> ApiResponse | Refused:
    wanted = ErasureRequest(
        request.identity.subject, request.path["student"], request.body.reason, request.key
    )
    job = await request_erasure(deps.ledger, wanted, request.now)
    return job if isinstance(job, Refused) else accepted(job)


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/v1/students/{student}",
        rule=auth.DESK_READ,
        handler=show,
        query=RecordQuery,
        response=RecordResponse,
        summary="Show everything that is kept of a student",
    ),
    Endpoint(
        method="POST",
        path="/v1/students/{student}/export",
        rule=auth.OPERATOR,
        handler=export,
        response=JobResponse,
        status=202,
        is_create=True,
        summary="Make a file of everything that is kept of a student",
    ),
    Endpoint(
        method="POST",
        path="/v1/students/{student}/erase",
        rule=auth.OPERATOR,
        handler=erase,
        body=ErasureBody,
        response=JobResponse,
        status=202,
        is_create=True,
        summary="Replace a student by a pseudonym everywhere",
        refuses=(Code.WRONG_STATE,),
    ),
)
