"""GET /v1/rooms/{room}/students: who is in a room now, for teachers and their assistants to pick from."""

from typing import Annotated

from pydantic import Field, StringConstraints

from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import AnyEndpoint, ApiRequest, ApiResponse, Endpoint, NoBody
from server.api.http.fields import QueryFields, ResponseModel, absent
from server.api.http.paging import first_page
from server.core.offers.roster import MAX_SHOWN, RosterSearch
from server.flows.offers.rosters import page_of_room

_Text = Annotated[str, StringConstraints(max_length=64)]
_Tag = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class RosterQuery(QueryFields):
    """`q`: the beginning of an id, or of a word of a name, in any case. `tag`: one that the token has.
    `after`: the `next` of the previous page."""

    q: _Text = ""
    tag: _Tag | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_SHOWN)] = 50
    after: _Text | None = None


class PresentStudentResponse(ResponseModel):
    """A student who is in the room; `name` and `tags` as their token has them."""

    id: str
    name: str | None = absent()
    tags: list[str]


class RosterResponse(ResponseModel):
    """A page in the order of ids. `present`: how many are in the room; `found`: how many of them the search
    finds."""

    students: list[PresentStudentResponse]
    next: str | None
    found: int
    present: int


async def index(deps: ApiDependencies, request: ApiRequest[NoBody, RosterQuery]) -> ApiResponse:
    query = request.query
    search = RosterSearch(query.q, query.tag)
    roster = await page_of_room(
        deps.feed, request.path["room"], search, query.after, query.limit + 1
    )
    page, following = first_page(roster.students, query.limit)
    return ApiResponse(
        RosterResponse(
            students=[
                PresentStudentResponse(id=one.student, name=one.name or None, tags=list(one.tags))
                for one in page
            ],
            next=following,
            found=roster.found,
            present=roster.present,
        )
    )


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/v1/rooms/{room}/students",
        rule=auth.ASSISTANT_READ,
        handler=index,
        query=RosterQuery,
        response=RosterResponse,
        summary="List the students who are in the room now",
    ),
)
