"""GET /v1/events: the event log by number, oldest first; waits for what comes."""

from typing import Annotated, Any, Final

import orjson
from pydantic import Field

from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import AnyEndpoint, ApiRequest, ApiResponse, Endpoint, NoBody
from server.api.http.fields import Moment, QueryFields, ResponseModel
from server.core.event_types import EventType
from server.core.refusals import Code, Refused, invalid_field
from server.flows.events.event_pages import EventPage, event_json, read_page, wait_for_page

MAX_EVENTS: Final = 1_000
MAX_WAIT_SECONDS: Final = 25
_MAX_SEQ: Final = 2**62
_RETRY_SECONDS: Final = 5


class EventsQuery(QueryFields):
    """`after`: the `next` of the previous page, 0 from the beginning. `types`: a comma list, absent for all.
    `wait_seconds`: how long to wait for an event where there is none yet."""

    after: Annotated[int, Field(ge=0, le=_MAX_SEQ)] = 0
    types: Annotated[str, Field(max_length=2_000)] | None = None
    wait_seconds: Annotated[int, Field(ge=0, le=MAX_WAIT_SECONDS)] = 0
    limit: Annotated[int, Field(ge=1, le=MAX_EVENTS)] = 100


class EventResponse(ResponseModel):
    """`seq`: 1, 2, 3, … in the order in which changes became visible. `subject`: the id of what it is about.
    The fields of `data` are in the table of types."""

    seq: int
    id: str
    type: str
    at: Moment
    subject: str
    data: dict[str, Any]


class EventPageResponse(ResponseModel):
    """`next`: what `after` of the next request must be; never null, because the log goes on."""

    events: list[EventResponse]
    next: int


async def index(
    deps: ApiDependencies, request: ApiRequest[NoBody, EventsQuery]
) -> ApiResponse | Refused:
    query = request.query
    types = parse_types(query.types)
    if isinstance(types, Refused):
        return types
    if not query.wait_seconds:
        return _to_response(await read_page(deps.ledger, query.after, types, query.limit))
    if deps.event_waiters.is_full:
        return Refused(
            Code.RATE_LIMITED, "too many readers wait", {"retry_after_s": _RETRY_SECONDS}
        )
    page = await wait_for_page(
        deps.ledger, deps.event_waiters, query.after, types, query.limit, query.wait_seconds
    )
    return _to_response(page)


def parse_types(text: str | None) -> frozenset[EventType] | Refused | None:
    """Return the types of a comma list, None for all. A type that does not exist is refused: whoever waits
    for it would wait for ever."""
    if text is None:
        return None
    known = set(EventType)
    names = [name.strip() for name in text.split(",")]
    if not set(names) <= known:
        return invalid_field("types", "unknown_value")
    return frozenset(EventType(name) for name in names)


def _to_response(page: EventPage) -> ApiResponse:
    body = {"events": [event_json(each) for each in page.events], "next": page.next}
    return ApiResponse(orjson.dumps(body))


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/v1/events",
        rule=auth.OFFICE_READ,
        handler=index,
        query=EventsQuery,
        response=EventPageResponse,
        summary="Read what has happened, in the order of its numbers; waits for what comes",
        refuses=(Code.RATE_LIMITED,),
        deadline_s=MAX_WAIT_SECONDS + 10.0,
    ),
)
