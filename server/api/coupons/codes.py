"""/v1/batches/{id}/codes: make coupon codes without a drop, list, export and void them.

For operators. Finance may list them, but does not see codes that no student has bound yet, because whoever
reads such a code can bind it. A student binds a code with POST /v1/me/coupons (wallet_codes.py).
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Annotated, Literal

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
    StreamedResponse,
    respond,
)
from server.api.http.fields import Body, Metadata, Moment, ResponseModel, absent
from server.api.http.paging import PageQuery, first_page
from server.core import instants
from server.core.coupons.code_runs import MAX_CODES, CodeRun, CodeState, ListedCode, Source
from server.core.identity import Identity, Role
from server.core.refusals import Code, Refused
from server.flows.coupons import codes as flows

MAX_VOIDED = 500
CSV = "text/csv"
HIDDEN = "****"
_COLUMNS = (
    "code",
    "state",
    "source",
    "student",
    "created_at",
    "bound_at",
    "valid_from",
    "valid_until",
)


class CodesBody(Body):
    """`source`: how the codes will be handed out, for reports."""

    quantity: Annotated[int, Field(ge=1, le=MAX_CODES)]
    source: Literal["list", "link"] = "list"
    metadata: Metadata | None = None


class VoidBody(Body):
    codes: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=200)]],
        Field(min_length=1, max_length=MAX_VOIDED),
    ]


class CodesQuery(PageQuery):
    """`format=csv`: export all codes, the same as `Accept: text/csv`."""

    format: Literal["json", "csv"] | None = None


class CodeRunResponse(ResponseModel):
    """`made` of `quantity` codes exist; a worker makes the rest within seconds."""

    id: str
    batch_id: str
    source: str
    quantity: int
    made: int
    metadata: dict[str, str]
    created_at: Moment


class CodeResponse(ResponseModel):
    """`state` `unbound`: no student has typed the code yet. Its window begins when one does; until then
    finance sees `****` instead of `code`."""

    id: str
    code: str
    state: CodeState
    source: str
    student: str | None = absent()
    created_at: Moment
    bound_at: Moment | None = absent()
    valid_from: Moment | None = absent()
    valid_until: Moment | None = absent()


class CodePageResponse(ResponseModel):
    codes: list[CodeResponse]
    next: str | None


class VoidedResponse(ResponseModel):
    """`state` null: the batch has no such code. Another than `voided`: a student has it already."""

    code: str
    state: CodeState | None


class VoidedCodesResponse(ResponseModel):
    codes: list[VoidedResponse]


async def create(
    deps: ApiDependencies, request: ApiRequest[CodesBody, NoQuery]
) -> ApiResponse | Refused:
    made = await flows.make_codes(
        deps.ledger,
        actor=request.identity.subject,
        batch_id=request.path["id"],
        quantity=request.body.quantity,
        source=Source(request.body.source),
        metadata=request.body.metadata,
        key=request.key,
        now=request.now,
    )
    return respond(made, _run_response)


async def index(
    deps: ApiDependencies, request: ApiRequest[NoBody, CodesQuery]
) -> ApiResponse | StreamedResponse | Refused:
    query, batch_id = request.query, request.path["id"]
    wants_csv = query.format == "csv" or (query.format is None and CSV in request.accept)
    limit = 1 if wants_csv else query.limit
    found = await flows.list_codes(deps.ledger, batch_id, request.now, query.after, limit + 1)
    if isinstance(found, Refused):
        return found
    mask = _mask_for(request.identity)
    if wants_csv:
        named = {"Content-Disposition": f'attachment; filename="codes-{batch_id}.csv"'}
        pages = flows.export_codes(deps.ledger, batch_id, request.now)
        return StreamedResponse(
            _csv_lines(pages, mask), f"{CSV}; charset=utf-8; header=present", named
        )
    page, following = first_page(found, limit)
    return ApiResponse(
        CodePageResponse(codes=[_code_response(mask(each)) for each in page], next=following)
    )


async def void(
    deps: ApiDependencies, request: ApiRequest[VoidBody, NoQuery]
) -> ApiResponse | Refused:
    states = await flows.void_codes(
        deps.ledger, request.identity.subject, request.path["id"], request.body.codes, request.now
    )
    if isinstance(states, Refused):
        return states
    return ApiResponse(
        VoidedCodesResponse(
            codes=[VoidedResponse(code=code, state=states[code]) for code in states]
        )
    )


def _run_response(run: CodeRun) -> CodeRunResponse:
    return CodeRunResponse(
        id=run.id,
        batch_id=run.batch_id,
        source=run.source.value,
        quantity=run.quantity,
        made=run.made,
        metadata=dict(run.metadata),
        created_at=run.created_at,
    )


def _code_response(code: ListedCode) -> CodeResponse:
    return CodeResponse(
        id=code.id,
        code=code.code,
        state=code.state,
        source=code.source,
        student=code.student,
        created_at=code.created_at,
        bound_at=code.bound_at,
        valid_from=code.valid_from,
        valid_until=code.valid_until,
    )


def _mask_for(identity: Identity) -> Callable[[ListedCode], ListedCode]:
    """Return a function that hides a code from a caller who may not see it."""

    def mask(code: ListedCode) -> ListedCode:
        is_hidden = code.state is CodeState.UNBOUND and identity.role is not Role.OPERATOR
        return replace(code, code=HIDDEN) if is_hidden else code

    return mask


async def _csv_lines(
    pages: AsyncIterator[Sequence[ListedCode]], mask: Callable[[ListedCode], ListedCode]
) -> AsyncIterator[bytes]:
    """Yield the CSV (RFC 4180), page by page.

    No field needs quotes: codes, names and times contain neither commas nor quotes.
    """
    yield (",".join(_COLUMNS) + "\r\n").encode()
    async for page in pages:
        yield "".join(_csv_line(mask(code)) for code in page).encode()


def _csv_line(code: ListedCode) -> str:
    times = (code.created_at, code.bound_at, code.valid_from, code.valid_until)
    texts = ["" if at is None else instants.to_text(at) for at in times]
    return ",".join((code.code, code.state, code.source, code.student or "", *texts)) + "\r\n"


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/batches/{id}/codes",
        rule=auth.OPERATOR,
        handler=create,
        body=CodesBody,
        response=CodeRunResponse,
        status=201,
        summary="Make coupon codes of a batch without a drop",
        refuses=(Code.STOCK_SHORT,),
        is_create=True,
    ),
    Endpoint(
        method="GET",
        path="/v1/batches/{id}/codes",
        rule=auth.OPERATOR_READ,
        handler=index,
        query=CodesQuery,
        response=CodePageResponse,
        summary="List the codes of a batch, newest first; as CSV all of them",
        streams=CSV,
    ),
    Endpoint(
        method="POST",
        path="/v1/batches/{id}/codes/void",
        rule=auth.OPERATOR,
        handler=void,
        body=VoidBody,
        response=VoidedCodesResponse,
        summary="Void codes that no student has bound",
    ),
)
