"""GET /v1/find: one field that finds an id of any kind, a code, an order, a student.

For operators, finance and support; the office's header asks it.
"""

from typing import Annotated

from pydantic import Field

from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import AnyEndpoint, ApiRequest, ApiResponse, Endpoint, NoBody
from server.api.http.fields import QueryFields, Readable, ResponseModel, absent
from server.core.refusals import Refused
from server.core.students.find import MAX_TEXT, FoundKind, may_see
from server.ledger.students.find import find


class FindQuery(QueryFields):
    """`q`: an id, a code in any spelling, an order's number or payment reference, a link's slug, a room, or
    the beginning of a student's id or name."""

    q: Annotated[str, Field(min_length=1, max_length=MAX_TEXT), Readable]


class FoundResponse(ResponseModel):
    """`id`: of an order the school's number, of a coupon our id. `code`: of a coupon."""

    kind: FoundKind
    id: str
    name: str | None = absent()
    state: str | None = absent()
    student: str | None = absent()
    code: str | None = absent()
    room: str | None = absent()


class FindResponse(ResponseModel):
    """The most exact first; at most 10 students."""

    found: list[FoundResponse]


async def show(
    deps: ApiDependencies, request: ApiRequest[NoBody, FindQuery]
) -> ApiResponse | Refused:
    text = request.query.q.strip()
    if not text:
        return ApiResponse(FindResponse(found=[]))
    async with deps.ledger.read() as conn:
        found = dict.fromkeys(await find(conn, text, request.now))
    seen = [one for one in found if may_see(request.identity.role, one)]
    return ApiResponse(
        FindResponse(found=[FoundResponse.model_validate(one._asdict()) for one in seen])
    )


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/v1/find",
        rule=auth.DESK_READ,
        handler=show,
        query=FindQuery,
        response=FindResponse,
        summary="Find an id of any kind, a code, an order, a student by one text",
    ),
)
